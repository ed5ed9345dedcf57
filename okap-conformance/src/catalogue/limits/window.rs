//! Windows of time, by the vault's clock.

use std::time::Duration;

use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::Ledger,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.window.minute",
        rev: 1,
        title: "a minute is any 60 seconds, and Retry-After is true",
        profile: Profile::Limits,
        verifies: &["OKAP-R-339", "OKAP-R-332", "OKAP-R-368"],
        needs: &[Verb::Advance],
        twin: Some("limits.rate.minute"),
        threat: Some("overspend"),
        run: |case| Box::pin(minute(case)),
    },
    Test {
        id: "limits.window.day",
        rev: 1,
        title: "a day's calls and money come back with the next day, and a call counts on the day it began",
        profile: Profile::Limits,
        verifies: &["OKAP-R-339", "OKAP-R-340", "OKAP-R-332"],
        needs: &[Verb::Advance],
        twin: Some("limits.rate.day"),
        threat: Some("overspend"),
        run: |case| Box::pin(day(case)),
    },
];

const OVER: (u16, &str) = (429, "rate_limit_exceeded");

async fn minute(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask().limits(json!({ "requests_per_minute": 1 }))).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    case.advance(40).await?;
    let reply = case.refuses_chat(&grant, &case.prompt(), "OKAP-R-332", OVER).await?;
    let after = reply.header("retry-after").and_then(|value| value.parse::<u32>().ok());
    let Some(after) = after.filter(|seconds| (1..=20).contains(seconds)) else {
        return Err(Stop::failed_in("OKAP-R-368", "retry-after of at most 20 seconds", &reply));
    };
    case.advance(after).await?;
    let prompt = case.prompt();
    case.call(&grant, &prompt).await?.has_status("OKAP-R-339", 200)?;
    case.refuses_chat(&grant, &case.prompt(), "OKAP-R-332", OVER).await?;
    Witness::of_upstream("OKAP-R-339", &prompt.nonce, &case.books(&prompt))
}

async fn day(case: &Case) -> Outcome {
    let limits = json!({ "requests_per_day": 2, "daily_spend": "1.00" });
    let grant = case.grant(&case.ask().limits(limits)).await?;
    twin(case.forwarded(&grant, &case.prompt()).await)?;
    // begins today and ends tomorrow
    let held = case.prompt();
    case.hold(&held, 2, Duration::from_millis(700));
    let nonce = held.nonce.clone();
    let there = move |books: &Ledger| !books.clone().about(&nonce).calls.is_empty();
    let turned = async {
        let there = case.provider().wait_until(Duration::from_secs(5), there).await;
        there.map_err(|_| Stop::failed("OKAP-R-280", "the call at the provider", "none"))?;
        let over = case.refuses_chat(&grant, &case.prompt(), "OKAP-R-332", OVER).await;
        case.advance(86_400).await?;
        over
    };
    let (reply, turned) = tokio::join!(case.call(&grant, &held), turned);
    twin(reply?.has_status("OKAP-R-280", 200))?;
    twin(turned)?;
    let used = case.money(&grant, "daily_spend").await?.used;
    if used != 0 {
        let observed = format!("{used} millionths used");
        return Err(Stop::failed("OKAP-R-340", "yesterday's call charged to yesterday", observed));
    }
    let mut last = case.prompt();
    for _ in 0..2 {
        last = case.prompt();
        case.call(&grant, &last).await?.has_status("OKAP-R-339", 200)?;
    }
    case.refuses_chat(&grant, &case.prompt(), "OKAP-R-332", OVER).await?;
    Witness::of_upstream("OKAP-R-339", &last.nonce, &case.books(&last))
}
