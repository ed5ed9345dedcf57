//! Calls that must not leave.

use std::time::Duration;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.refuse.model",
        rev: 1,
        title: "a model that is not granted is refused before any byte leaves",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-277", "OKAP-R-294"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(model(case)),
    },
    Test {
        id: "proxy.refuse.revoked",
        rev: 1,
        title: "from the revocation on, every call is refused before any byte leaves",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-235", "OKAP-R-277"],
        needs: &[Verb::Revoke],
        twin: Some("proxy.forward.clean"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoked(case)),
    },
    Test {
        id: "proxy.refuse.expired",
        rev: 1,
        title: "a call after the end of the grant is refused before any byte leaves",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-197", "OKAP-R-277"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("stolen-token"),
        run: |case| Box::pin(expired(case)),
    },
];

async fn model(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    for other in ["gpt-4o", "GPT-4o-mini", "gpt-4o-mini-2024-07-18"] {
        let prompt = case.prompt().model(other);
        let reply = case.call(&grant, &prompt).await?;
        reply.is_refused("OKAP-R-294", 403, "model_not_allowed")?;
        case.never_left(&prompt)?;
    }
    twin(case.forwarded(&grant, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn revoked(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    case.revoke(&grant).await?;
    let prompt = case.prompt();
    let reply = case.call(&grant, &prompt).await?;
    reply.is_refused("OKAP-R-235", 401, "token_revoked")?;
    case.never_left(&prompt)?;
    Ok(witness)
}

async fn expired(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().expires(&case.moment(6))).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let prompt = case.prompt();
    let reply = case.call(&grant, &prompt).await?;
    reply.is_refused("OKAP-R-197", 401, "token_expired")?;
    case.never_left(&prompt)?;
    Ok(witness)
}
