//! Waiting for the user's decision.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    case::{Case, Grant, Pending, take},
    catalogue::Test,
    driver::{Decision, Verb},
    http::{Call, Reply},
    outcome::{Outcome, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.wait.pending",
        rev: 1,
        title: "a poll says what the first answer said, with the time that is left",
        profile: Profile::Core,
        verifies: &["OKAP-R-149", "OKAP-R-199", "OKAP-R-458"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(pending(case)),
    },
    Test {
        id: "core.wait.slow_down",
        rev: 1,
        title: "a poll before the interval is told to slow down, one after it is not",
        profile: Profile::Core,
        verifies: &["OKAP-R-151", "OKAP-R-458"],
        needs: &[],
        twin: None,
        threat: Some("resource-exhaustion"),
        run: |case| Box::pin(slow_down(case)),
    },
    Test {
        id: "core.wait.held",
        rev: 1,
        title: "a poll that is willing to wait is answered when the user decides",
        profile: Profile::Core,
        verifies: &["OKAP-R-150", "OKAP-R-149"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(held(case)),
    },
    Test {
        id: "core.wait.ended",
        rev: 1,
        title: "a request that nobody decides ends, and cannot be decided any more",
        profile: Profile::Core,
        verifies: &["OKAP-R-153", "OKAP-R-447"],
        needs: &[Verb::Advance],
        twin: Some("core.grant.allowed"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(ended(case)),
    },
    Test {
        id: "core.wait.kinds",
        rev: 1,
        title: "a continuation token fetches an outcome and opens nothing else",
        profile: Profile::Core,
        verifies: &["OKAP-R-155", "OKAP-R-193"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("token-confusion"),
        run: |case| Box::pin(kinds(case)),
    },
    Test {
        id: "core.wait.again",
        rev: 1,
        title: "what was allowed once is asked again the next time",
        profile: Profile::Core,
        verifies: &["OKAP-R-072", "OKAP-R-141"],
        needs: &[],
        twin: None,
        threat: Some("consent-bypass"),
        run: |case| Box::pin(again(case)),
    },
];

async fn pending(case: &Case) -> Outcome {
    let pending = case.begin(&case.ask()).await?;
    let first = &pending.reply;
    let whole = |reply: &Reply| reply.at("/expires_in").as_u64().is_some_and(|left| left <= 600);
    first.ensure("OKAP-R-149", whole(first), "expires_in of 600 at most")?;
    first.is_not_kept("OKAP-R-199")?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let one = case.poll(&pending, None).await?;
    case.pause(&pending).await;
    let two = case.poll(&pending, None).await?;
    for poll in [&one, &two] {
        poll.ensure("OKAP-R-458", poll.status != 429, "no slow_down after the interval")?;
        poll.has_status("OKAP-R-149", 202)?;
        let same = rest(poll) == rest(first);
        poll.ensure("OKAP-R-149", same, "all but expires_in as in the first answer")?;
        poll.is_not_kept("OKAP-R-199")?;
    }
    let left = |reply: &Reply| reply.at("/expires_in").as_u64().unwrap_or(u64::MAX);
    let less = left(&one) <= left(first) && left(&two) < left(&one);
    two.ensure("OKAP-R-149", less, "an expires_in that grows less")?;
    Witness::of_change("OKAP-R-149", &one, &two)
}

fn rest(reply: &Reply) -> Value {
    let mut rest = reply.json().clone();
    take(&mut rest, "expires_in");
    rest
}

async fn slow_down(case: &Case) -> Outcome {
    let pending = case.begin(&case.ask()).await?;
    let one = case.poll(&pending, None).await?;
    twin(one.has_status("OKAP-R-149", 202))?;
    let two = case.poll(&pending, None).await?;
    two.is_refused("OKAP-R-151", 429, "slow_down")?;
    let after = two.header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok());
    two.ensure("OKAP-R-151", after, "Retry-After in seconds")?;
    case.pause(&pending).await;
    let three = case.poll(&pending, None).await?;
    three.has_status("OKAP-R-458", 202)?;
    Witness::of_change("OKAP-R-151", &one, &two)
}

async fn held(case: &Case) -> Outcome {
    let pending = case.begin(&case.ask()).await?;
    let begun = Instant::now();
    let before = case.poll(&pending, Some(2)).await?;
    before.has_status("OKAP-R-149", 202)?;
    let waited = begun.elapsed();
    let long = (1_500..9_000).contains(&waited.as_millis());
    ensure("OKAP-R-150", long, "an answer after 2 s", format!("{waited:?}"))?;
    case.pause(&pending).await;
    let (after, decided) = tokio::join!(case.poll(&pending, Some(20)), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        case.decide(&pending, Decision::Approve).await
    });
    decided?;
    let after = after?;
    after.ensure("OKAP-R-150", after.status == 200, "the outcome, once there is one")?;
    Witness::of_change("OKAP-R-150", &before, &after)
}

async fn ended(case: &Case) -> Outcome {
    let twin_of = case.begin(&case.ask()).await?;
    let pending = case.begin(&case.ask()).await?;
    let before = case.poll(&pending, None).await?;
    twin(before.has_status("OKAP-R-149", 202))?;
    case.decide(&twin_of, Decision::Approve).await?;
    case.advance(605).await?;
    for pending in [&pending, &twin_of] {
        let after = case.poll(pending, None).await?;
        after.is_refused("OKAP-R-447", 400, "expired_token")?;
        let without = after.at("/status").is_null();
        after.ensure("OKAP-R-447", without, "an error without status")?;
        // that is final, too
        case.advance(5).await?;
        case.poll(pending, None).await?.is_refused("OKAP-R-153", 401, "invalid_token")?;
    }
    let late = case.begin(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-447", pending.token(), late.token())
}

async fn kinds(case: &Case) -> Outcome {
    let pending = case.begin(&case.ask()).await?;
    let grant = case.grant(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    twin(before.has_status("OKAP-R-193", 200))?;
    let strange = Grant { token: pending.token().to_owned(), ..grant.clone() };
    case.own_grant(&strange).await?.is_refused("OKAP-R-155", 401, "invalid_token")?;
    let limits = Call::get(case.at("okap/limits")).bearer(pending.token());
    case.send(limits).await?.is_refused("OKAP-R-155", 401, "invalid_token")?;
    let poll = Call::post(pending.reply.text("/continue/uri")).bearer(&grant.token);
    case.send(poll).await?.is_refused("OKAP-R-155", 401, "invalid_token")?;
    // given back, it ends nothing
    case.give_back(pending.token()).await?;
    let waits = case.poll(&pending, None).await?;
    waits.ensure("OKAP-R-155", waits.status == 202, "a request that still waits")?;
    case.give_back(&grant.token).await?;
    let after = case.own_grant(&grant).await?;
    twin(Witness::of_change("OKAP-R-193", &before, &after))
}

async fn again(case: &Case) -> Outcome {
    let ask = case.ask();
    let first = case.grant(&ask).await?;
    for _ in 0..2 {
        let pending: Pending = case.begin(&ask).await?;
        let silent =
            pending.reply.at("/token").is_null() && pending.reply.at("/access_token").is_null();
        pending.reply.ensure("OKAP-R-141", silent, "no token before the user has decided")?;
        let poll = case.poll(&pending, None).await?;
        poll.ensure("OKAP-R-072", poll.status == 202, "202 until the user decides again")?;
    }
    let other = case.grant(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-072", &first.token, &other.token)
}
