use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop},
    profile::Profile,
    provider::Ledger,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.forward.clean",
        rev: 1,
        title: "a granted call reaches the provider once, with the master key and nothing of the app's",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-280", "OKAP-R-305", "OKAP-R-306", "OKAP-R-308"],
        needs: &[],
        twin: None,
        threat: Some("key-exfiltration"),
        run: |case| Box::pin(clean(case)),
    },
    Test {
        id: "proxy.forward.body",
        rev: 1,
        title: "what the rules do not touch is forwarded as it came",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-297"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(body(case)),
    },
];

async fn clean(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let prompt = case.prompt();
    let call = case
        .chat(&grant, &prompt)
        .header("cookie", "session=1")
        .header("x-forwarded-for", "192.0.2.1")
        .header("openai-organization", "org-app");
    case.send(call).await?.has_status("OKAP-R-280", 200)?;
    let books = case.books(&prompt);
    found_nothing(&books)?;
    let (_, witness) = case.forwarded(&grant, &case.prompt()).await?;
    Ok(witness)
}

async fn body(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let prompt = case
        .prompt()
        .with("temperature", json!(0.25))
        .with("seed", json!(9_007_199_254_740_993_u64));
    let (_, witness) = case.forwarded(&grant, &prompt).await?;
    let books = case.books(&prompt);
    let came = books.last().map(|call| call.body.clone()).unwrap_or_default();
    for member in ["model", "messages", "temperature", "seed"] {
        let (sent, came) = (prompt.body().get(member), came.get(member));
        if sent != came {
            let (sent, came) = (format!("{member} {sent:?}"), format!("{came:?}"));
            return Err(Stop::failed("OKAP-R-297", sent, came));
        }
    }
    Ok(witness)
}

/// Nothing that must not reach a provider did.
fn found_nothing(books: &Ledger) -> Result<(), Stop> {
    use crate::provider::What;
    match books.violations.first() {
        None => Ok(()),
        Some(found) => {
            let requirement = match found.what {
                What::HeaderNotAllowed => "OKAP-R-305",
                What::OkapToken => "OKAP-R-306",
                _ => "OKAP-R-308",
            };
            let observed = format!("{:?} in {}", found.what, found.at);
            Err(Stop::failed(requirement, "a fresh request with one credential", observed))
        }
    }
}
