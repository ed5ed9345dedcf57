//! What a `base_url` says of itself.

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    http::Call,
    outcome::{Outcome, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "proxy.metadata.resource",
    rev: 1,
    title: "each base_url has metadata that name it and the issuer alone",
    profile: Profile::Proxy,
    verifies: &["OKAP-R-059", "OKAP-R-060"],
    needs: &[],
    twin: Some("proxy.forward.clean"),
    threat: Some("mix-up"),
    run: |case| Box::pin(resource(case)),
}];

async fn resource(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let url = metadata_url(&grant.base_url);
    let reply = case.send(Call::get(&url)).await?;
    reply.has_status("OKAP-R-059", 200)?;
    let named = reply.text("/resource") == grant.base_url;
    reply.ensure("OKAP-R-060", named, format!("resource {}", grant.base_url))?;
    let alone = reply.at("/authorization_servers") == &json!([case.issuer()]);
    reply.ensure("OKAP-R-060", alone, format!("authorization_servers {}", case.issuer()))?;
    let other = url.replace("/openai", "/okapconf-none");
    case.send(Call::get(other)).await?.has_status("OKAP-R-059", 404)?;
    Ok(witness)
}

/// Between the origin and the path.
pub(super) fn metadata_url(base_url: &str) -> String {
    let from = base_url.find("://").map_or(0, |at| at + 3);
    let rest = base_url.get(from..).and_then(|rest| rest.find('/'));
    let (origin, path) = base_url.split_at(rest.map_or(base_url.len(), |at| from + at));
    format!("{origin}/.well-known/oauth-protected-resource{path}")
}
