//! What a child uses is used of all above it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "delegation.spend.shared",
        rev: 1,
        title: "a family that calls all at once costs no more than the limit of the first",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-217"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("overspend"),
        run: |case| Box::pin(shared(case)),
    },
    Test {
        id: "delegation.spend.counted",
        rev: 1,
        title: "a call counts once on every grant of its chain, or on none",
        profile: Profile::Delegation,
        verifies: &["OKAP-R-217", "OKAP-R-244"],
        needs: &[],
        twin: Some("delegation.exchange.handed_on"),
        threat: Some("overspend"),
        run: |case| Box::pin(counted(case)),
    },
];

async fn shared(case: &Case) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    let sample = case.prompt().words(200);
    twin(case.forwarded(&free, &sample).await)?;
    let cost = case.books(&sample).totals.billed_pico;
    if cost == 0 {
        return Err(Stop::Broken("the fake provider billed nothing".to_owned()));
    }
    let micros = cost.saturating_mul(4).div_ceil(1_000_000);
    let cap = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let first = case.grant(&case.ask().limits(json!({ "daily_spend": cap }))).await?;
    let child = case.child(&first, None).await?;
    let (other, below) = (case.child(&first, None).await?, case.child(&child, None).await?);

    let family = [&first, &child, &other, &below];
    let prompt = case.prompt().words(200);
    case.hold(&prompt, 12, Duration::from_millis(500));
    let calls = (0..12).filter_map(|n| family.get(n % 4)).map(|grant| case.call(grant, &prompt));
    let replies = join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (books, limit) = (case.books(&prompt), micros.saturating_mul(1_000_000));
    if books.totals.billed_pico > limit {
        return Err(Stop::failed(
            "OKAP-R-217",
            format!("a bill of {limit} pico-USD at most, the limit of the first"),
            format!("{} calls for {} pico-USD", books.totals.calls, books.totals.billed_pico),
        ));
    }
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is_refused("OKAP-R-217", 402, "spend_limit_exceeded")?;
    }
    Witness::of_upstream("OKAP-R-217", &prompt.nonce, &books)
}

async fn counted(case: &Case) -> Outcome {
    let day = |calls: u32| json!({ "requests_per_day": calls });
    let part = |calls: u32| json!([{ "type": "ai_model_access", "provider": "openai", "limits": day(calls) }]);
    let first = case.grant(&case.ask().limits(day(6))).await?;
    let child = case.child(&first, Some(&part(5))).await?;
    let last = case.child(&child, Some(&part(4))).await?;

    let (_, witness) = case.forwarded(&last, &case.prompt()).await?;
    // limit, used, remaining
    stands(case, &last, 4, 1, 3).await?;
    stands(case, &child, 5, 1, 4).await?;
    stands(case, &first, 6, 1, 5).await?;
    for _ in 0..3 {
        twin(case.forwarded(&first, &case.prompt()).await)?;
    }
    stands(case, &last, 4, 1, 2).await?;
    stands(case, &child, 5, 1, 2).await?;
    stands(case, &first, 6, 4, 2).await?;
    for _ in 0..2 {
        twin(case.forwarded(&first, &case.prompt()).await)?;
    }
    // nothing is left above, so that nothing is counted below
    let prompt = case.prompt();
    let refused = case.call(&last, &prompt).await?;
    refused.is_refused("OKAP-R-217", 429, "rate_limit_exceeded")?;
    case.never_left(&prompt)?;
    stands(case, &last, 4, 1, 0).await?;
    stands(case, &child, 5, 1, 0).await?;
    Ok(witness)
}

async fn stands(
    case: &Case,
    grant: &Grant,
    limit: u64,
    used: u64,
    remaining: u64,
) -> Result<(), Stop> {
    let reply = case.limits(grant).await?;
    reply.has_status("OKAP-R-244", 200)?;
    let day = reply.at("/limits/0/limits/requests_per_day").clone();
    let said = |name: &str| day.get(name).and_then(Value::as_u64);
    let own = said("limit") == Some(limit) && said("remaining") == Some(remaining);
    let expected = format!("a limit of {limit} with {remaining} remaining along the chain");
    reply.ensure("OKAP-R-244", own, expected)?;
    reply.ensure("OKAP-R-217", said("used") == Some(used), format!("{used} used"))
}
