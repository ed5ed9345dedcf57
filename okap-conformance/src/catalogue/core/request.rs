use serde_json::json;

use crate::{
    case::{Case, put, take},
    catalogue::Test,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.request.waits",
        rev: 1,
        title: "a request of shape 1 or 2 waits for the user, at a page of the vault",
        profile: Profile::Core,
        verifies: &["OKAP-R-011", "OKAP-R-141", "OKAP-R-144"],
        needs: &[],
        twin: None,
        threat: Some("consent-bypass"),
        run: |case| Box::pin(waits(case)),
    },
    Test {
        id: "core.request.two_shapes",
        rev: 1,
        title: "a body with two shapes, or with none, is refused",
        profile: Profile::Core,
        verifies: &["OKAP-R-013"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: None,
        run: |case| Box::pin(two_shapes(case)),
    },
    Test {
        id: "core.request.version",
        rev: 1,
        title: "a version of another major number is refused, and those that are spoken are named",
        profile: Profile::Core,
        verifies: &["OKAP-R-024", "OKAP-R-025"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: None,
        run: |case| Box::pin(version(case)),
    },
];

async fn waits(case: &Case) -> Outcome {
    let ask = case.ask();
    let details = case.begin_with(&ask, &ask.shape_2()).await?;
    let ask = case.ask();
    let flat = case.begin_with(&ask, &ask.shape_1()).await?;
    for pending in [&details, &flat] {
        let origin = origin(case.issuer());
        let here = pending.page().strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'));
        pending.reply.ensure("OKAP-R-144", here, format!("interaction_uri at {origin}"))?;
        let silent =
            pending.reply.at("/access_token").is_null() && pending.reply.at("/token").is_null();
        pending.reply.ensure("OKAP-R-141", silent, "no token before the user has decided")?;
    }
    Witness::of_fresh("OKAP-R-011", details.token(), flat.token())
}

async fn two_shapes(case: &Case) -> Outcome {
    let ask = case.ask();
    let one = twin(case.begin(&ask).await)?;

    let mut both = ask.shape_2();
    put(&mut both, "request", json!({ "provider": "openai" }));
    case.request(&both).await?.is_refused("OKAP-R-013", 400, "invalid_request")?;
    let neither = json!({ "okap": "1.0", "client": { "name": ask.app() } });
    case.request(&neither).await?.is_refused("OKAP-R-013", 400, "invalid_request")?;

    let other = twin(case.begin(&case.ask()).await)?;
    Witness::of_fresh("OKAP-R-013", one.token(), other.token())
}

async fn version(case: &Case) -> Outcome {
    let ask = case.ask();
    let one = twin(case.begin(&ask).await)?;

    let wrong = [Some("2.0"), Some("1"), Some("01.0"), Some("1.0.0"), Some(""), None];
    for wrong in wrong {
        let mut body = ask.shape_2();
        match wrong {
            None => take(&mut body, "okap"),
            Some(wrong) => put(&mut body, "okap", json!(wrong)),
        }
        let reply = case.request(&body).await?;
        reply.is_refused("OKAP-R-024", 400, "unsupported_version")?;
        let named = reply
            .at("/okap_versions_supported")
            .as_array()
            .is_some_and(|all| all.contains(&json!("1.0")));
        reply.ensure("OKAP-R-024", named, "okap_versions_supported with 1.0")?;
    }

    let ask = case.ask();
    let mut later = ask.shape_2();
    put(&mut later, "okap", json!("1.7"));
    let other = case.request(&later).await?;
    other.ensure("OKAP-R-025", other.status == 202, "202 for a later minor version")?;
    Witness::of_fresh("OKAP-R-024", one.token(), other.text("/continue/access_token"))
}

/// Scheme and authority of an address.
fn origin(url: &str) -> &str {
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(from..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| from + at);
    url.get(..end).unwrap_or(url)
}
