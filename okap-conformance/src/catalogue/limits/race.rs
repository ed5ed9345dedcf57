//! Calls that come all at once.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.spend.race",
        rev: 1,
        title: "calls that come all at once cost no more than the limit together",
        profile: Profile::Limits,
        verifies: &["OKAP-R-331", "OKAP-R-333"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(spend_race(case)),
    },
    Test {
        id: "limits.rate.minute",
        rev: 1,
        title: "no more calls are let through in a minute than requests_per_minute says",
        profile: Profile::Limits,
        verifies: &["OKAP-R-332"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(rate_minute(case)),
    },
];

/// Calls at once.
const CALLS: usize = 12;

async fn spend_race(case: &Case) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    // long answers, so that the bill is near to the bound that a vault holds
    let sample = case.prompt().words(200);
    twin(case.forwarded(&free, &sample).await)?;
    let cost = case.books(&sample).totals.billed_pico;
    if cost == 0 {
        return Err(Stop::Broken("the fake provider billed nothing".to_owned()));
    }

    let cap = micros(cost.saturating_mul(4));
    let grant = case.grant(&case.ask().limits(json!({ "daily_spend": usd(cap) }))).await?;
    let prompt = case.prompt().words(200);
    case.hold(&prompt, CALLS, Duration::from_millis(500));
    let calls = (0..CALLS).map(|_| case.call(&grant, &prompt));
    let replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;

    let books = case.books(&prompt);
    let (billed, limit) = (books.totals.billed_pico, cap.saturating_mul(1_000_000));
    if billed > limit {
        return Err(Stop::failed(
            "OKAP-R-331",
            format!("a bill of {limit} pico-USD at most, the limit"),
            format!("{} calls for {billed} pico-USD", books.totals.calls),
        ));
    }
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is_refused("OKAP-R-331", 402, "spend_limit_exceeded")?;
    }
    Witness::of_upstream("OKAP-R-333", &prompt.nonce, &books)
}

async fn rate_minute(case: &Case) -> Outcome {
    const RATE: usize = 3;
    let grant = case.grant(&case.ask().limits(json!({ "requests_per_minute": RATE }))).await?;
    let prompt = case.prompt();
    let calls = (0..RATE + 3).map(|_| case.call(&grant, &prompt));
    let replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;

    let books = case.books(&prompt);
    if books.calls.len() > RATE {
        let observed = format!("{} calls at the provider", books.calls.len());
        return Err(Stop::failed("OKAP-R-332", format!("{RATE} in a minute"), observed));
    }
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is_refused("OKAP-R-332", 429, "rate_limit_exceeded")?;
        let after = reply.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        let true_seconds = after.is_some_and(|seconds| (1..=60).contains(&seconds));
        reply.ensure("OKAP-R-332", true_seconds, "retry-after of 1 to 60 seconds")?;
    }
    Witness::of_upstream("OKAP-R-332", &prompt.nonce, &books)
}

/// Millionths of a dollar that cover so many pico-USD.
pub(super) fn micros(pico: u64) -> u64 {
    pico.div_ceil(1_000_000)
}

pub(super) fn usd(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
