use std::time::Duration;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.token.revoked",
        rev: 1,
        title: "a token that is given back ends its grant",
        profile: Profile::Core,
        verifies: &["OKAP-R-231"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(revoked(case)),
    },
    Test {
        id: "core.token.expired",
        rev: 1,
        title: "a grant ends when it says so, and its token with it",
        profile: Profile::Core,
        verifies: &["OKAP-R-197"],
        needs: &[],
        twin: None,
        threat: Some("stolen-token"),
        run: |case| Box::pin(expired(case)),
    },
];

async fn revoked(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    twin(before.ensure("OKAP-R-231", before.text("/status") == "active", "an active grant"))?;
    case.give_back(&grant.token).await?;
    let after = case.own_grant(&grant).await?;
    after.ensure("OKAP-R-231", after.text("/status") == "revoked", "a revoked grant")?;
    Witness::of_change("OKAP-R-231", &before, &after)
}

async fn expired(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().expires(&case.moment(6))).await?;
    let before = case.own_grant(&grant).await?;
    twin(before.ensure("OKAP-R-197", before.text("/status") == "active", "an active grant"))?;
    let lives = grant.reply.at("/expires_in").as_u64();
    grant.reply.ensure("OKAP-R-197", lives.is_some_and(|s| s <= 6), "expires_in of 6 at most")?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let after = case.own_grant(&grant).await?;
    after.ensure("OKAP-R-197", after.text("/status") == "expired", "an expired grant")?;
    Witness::of_change("OKAP-R-197", &before, &after)
}
