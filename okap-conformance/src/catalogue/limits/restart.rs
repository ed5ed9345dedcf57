//! What a restart leaves.

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[Test {
    id: "limits.restart.counters",
    rev: 1,
    title: "a restart resets neither rates nor money",
    profile: Profile::Limits,
    verifies: &["OKAP-R-331", "OKAP-R-332"],
    needs: &[Verb::Restart],
    twin: Some("limits.rate.day"),
    threat: Some("overspend"),
    run: |case| Box::pin(counters(case)),
}];

async fn counters(case: &Case) -> Outcome {
    let limits = json!({ "requests_per_day": 2, "daily_spend": "1.00" });
    let grant = case.grant(&case.ask().limits(limits)).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    let before = case.money(&grant, "daily_spend").await?.used;
    if before == 0 {
        return Err(Stop::Untestable("a call was made, and nothing is shown as used".to_owned()));
    }
    case.restart().await?;
    let after = case.money(&grant, "daily_spend").await?.used;
    if after < before {
        let observed = format!("{before} used before, {after} after");
        return Err(Stop::failed("OKAP-R-331", "no less used than before", observed));
    }
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let refusal = (429, "rate_limit_exceeded");
    case.refuses_chat(&grant, &case.prompt(), "OKAP-R-332", refusal).await?;
    Ok(witness)
}
