use crate::{
    case::Case,
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "core.metadata.issuer",
    rev: 1,
    title: "the metadata name the issuer, and a direct endpoint that takes requests",
    profile: Profile::Core,
    verifies: &["OKAP-R-051", "OKAP-R-056"],
    needs: &[],
    twin: None,
    threat: None,
    run: |case| Box::pin(issuer(case)),
}];

async fn issuer(case: &Case) -> Outcome {
    let metadata = case.send(Call::get(case.metadata_url())).await?;
    metadata.has_status("OKAP-R-051", 200)?;
    let json =
        metadata.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    metadata.ensure("OKAP-R-051", json, "application/json")?;
    let same = metadata.text("/issuer") == case.issuer();
    metadata.ensure("OKAP-R-051", same, format!("issuer {:?}", case.issuer()))?;

    let endpoint = metadata.text("/okap_direct_endpoint");
    metadata.ensure("OKAP-R-056", !endpoint.is_empty(), "okap_direct_endpoint")?;
    let mut tokens = Vec::new();
    for ask in [case.ask(), case.ask()] {
        let reply = case.send(Call::post(endpoint).json(&ask.shape_2())).await?;
        reply.ensure(
            "OKAP-R-056",
            reply.status == 202,
            "202 for a request at the direct endpoint",
        )?;
        tokens.push(reply.text("/continue/access_token").to_owned());
    }
    match tokens.as_slice() {
        [one, other] => Witness::of_fresh("OKAP-R-056", one, other),
        _ => Err(Stop::Broken("two requests, and not two answers".to_owned())),
    }
}
