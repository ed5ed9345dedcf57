//! Rates, and what counts against them.

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.rate.day",
        rev: 1,
        title: "no more calls are let through in a day than requests_per_day says, and nobody is told to wait for it",
        profile: Profile::Limits,
        verifies: &["OKAP-R-332", "OKAP-R-368", "OKAP-R-339"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(day(case)),
    },
    Test {
        id: "limits.rate.refused",
        rev: 1,
        title: "what the vault refuses does not count against a rate",
        profile: Profile::Limits,
        verifies: &["OKAP-R-344"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(refused(case)),
    },
];

async fn day(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().limits(json!({ "requests_per_day": 2 }))).await?;
    for _ in 0..2 {
        twin(case.forwarded(&grant, &case.prompt()).await)?;
    }
    let prompt = case.prompt();
    let refusal = (429, "rate_limit_exceeded");
    let reply = case.refuses_chat(&grant, &prompt, "OKAP-R-332", refusal).await?;
    // a minute before midnight a true wait is short enough to be said
    let after = reply.header("retry-after").map(str::parse::<u64>);
    let short = after.is_none_or(|seconds| seconds.is_ok_and(|seconds| seconds <= 60));
    reply.ensure("OKAP-R-368", short, "no retry-after above 60 seconds")?;
    reply.is_final("OKAP-R-368")?;
    let midnight = reply.text("/okap/resets_at").contains("T00:00:00");
    reply.ensure("OKAP-R-339", midnight, "resets_at at midnight UTC")?;
    let other = case.grant(&case.ask().limits(json!({ "requests_per_day": 2 }))).await?;
    twin(case.forwarded(&other, &case.prompt()).await).map(|(_, witness)| witness)
}

async fn refused(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().limits(json!({ "requests_per_minute": 2 }))).await?;
    for _ in 0..4 {
        let prompt = case.prompt().model("gpt-4o");
        let refusal = (403, "model_not_allowed");
        twin(case.refuses_chat(&grant, &prompt, "OKAP-R-294", refusal).await)?;
    }
    let mut last = case.prompt();
    for _ in 0..2 {
        last = case.prompt();
        case.call(&grant, &last).await?.has_status("OKAP-R-344", 200)?;
    }
    let over = case.call(&grant, &case.prompt()).await?;
    twin(over.is_refused("OKAP-R-332", 429, "rate_limit_exceeded"))?;
    Witness::of_upstream("OKAP-R-344", &last.nonce, &case.books(&last))
}
