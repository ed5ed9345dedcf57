//! What a call costs in the end.

use std::time::Duration;

use serde_json::json;

use crate::{
    case::{Case, Grant, Prompt},
    catalogue::{
        Test,
        proxy::{member::about, stream::slow},
    },
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
    provider::{Fault, Ledger, State},
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.settle.usage",
        rev: 2,
        title: "a call costs what the provider reports, streamed or not, to the last digit",
        profile: Profile::Limits,
        verifies: &["OKAP-R-352", "OKAP-R-242"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(usage(case)),
    },
    Test {
        id: "limits.settle.free",
        rev: 2,
        title: "a report of 0, and a call that the provider refused, cost nothing",
        profile: Profile::Limits,
        verifies: &["OKAP-R-352", "OKAP-R-355"],
        needs: &[],
        twin: Some("limits.settle.usage"),
        threat: None,
        run: |case| Box::pin(free(case)),
    },
    Test {
        id: "limits.settle.missing",
        rev: 2,
        title: "where the provider reports no usage, no less is charged than it bills",
        profile: Profile::Limits,
        verifies: &["OKAP-R-353"],
        needs: &[],
        twin: Some("limits.settle.usage"),
        threat: Some("overspend"),
        run: |case| Box::pin(missing(case)),
    },
    Test {
        id: "limits.settle.unseen",
        rev: 2,
        title: "where the model may have generated unseen, the whole bound is charged",
        profile: Profile::Limits,
        verifies: &["OKAP-R-353", "OKAP-R-354"],
        needs: &[],
        twin: Some("limits.settle.free"),
        threat: Some("overspend"),
        run: |case| Box::pin(unseen(case)),
    },
    Test {
        id: "limits.settle.hangup",
        rev: 1,
        title: "an app that hangs up pays for what was generated, and not for the rest",
        profile: Profile::Limits,
        verifies: &["OKAP-R-356"],
        needs: &[],
        twin: Some("limits.settle.usage"),
        threat: Some("overspend"),
        run: |case| Box::pin(hangup(case)),
    },
    Test {
        id: "limits.settle.hold",
        rev: 1,
        title: "a running call is held at its bound before it leaves, and shown as used",
        profile: Profile::Limits,
        verifies: &["OKAP-R-351", "OKAP-R-243", "OKAP-R-352"],
        needs: &[],
        twin: Some("limits.settle.usage"),
        threat: Some("overspend"),
        run: |case| Box::pin(hold(case)),
    },
];

/// A grant that is rich enough for every call of a test.
async fn rich(case: &Case) -> Result<Grant, Stop> {
    case.grant(&case.ask().limits(json!({ "daily_spend": "1.00" }))).await
}

async fn used(case: &Case, grant: &Grant) -> Result<u64, Stop> {
    case.money(grant, "daily_spend").await.map(|counter| counter.used)
}

fn streamed(prompt: Prompt) -> Prompt {
    prompt.with("stream", json!(true))
}

async fn usage(case: &Case) -> Outcome {
    let grant = rich(case).await?;
    let asked = streamed(case.prompt()).with("stream_options", json!({ "include_usage": true }));
    let prompts = [case.prompt(), streamed(case.prompt()), asked, case.prompt().words(33)];
    let mut all = Ledger::default();
    for prompt in &prompts {
        twin(case.call(&grant, prompt).await?.has_status("OKAP-R-280", 200))?;
        let books = case.reached(prompt)?;
        all.calls.extend(books.calls);
        let (counter, cost) = (case.money(&grant, "daily_spend").await?, case.cost(&all));
        if counter.used != cost {
            let observed = format!("{} after {} calls", counter.used, all.calls.len());
            return Err(Stop::failed("OKAP-R-352", format!("{cost} millionths used"), observed));
        }
        let whole = counter.limit == 1_000_000 && counter.used + counter.remaining == counter.limit;
        if !whole {
            let observed = format!("{counter:?}");
            return Err(Stop::failed("OKAP-R-242", "used up, remaining down", observed));
        }
    }
    Witness::of_upstream("OKAP-R-352", &prompts[0].nonce, &case.books(&prompts[0]))
}

async fn free(case: &Case) -> Outcome {
    let grant = rich(case).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let before = used(case, &grant).await?;
    let faults = [
        ("OKAP-R-352", Fault::ZeroUsage),
        ("OKAP-R-355", Fault::status(400)),
        ("OKAP-R-355", Fault::status(401)),
        ("OKAP-R-355", Fault::status(429)),
    ];
    for (requirement, fault) in faults {
        let prompt = case.prompt();
        case.spoil(&prompt, fault.clone());
        case.call(&grant, &prompt).await?;
        case.reached(&prompt)?;
        let now = used(case, &grant).await?;
        if now != before {
            let observed = format!("{now} after {before} for {fault:?}");
            return Err(Stop::failed(requirement, "no more used than before", observed));
        }
    }
    Ok(witness)
}

async fn missing(case: &Case) -> Outcome {
    let mut last = case.prompt();
    for (fault, stream) in [
        (Fault::NoUsage, false),
        (Fault::NoUsage, true),
        (Fault::Cut { after: 9 }, true),
        (Fault::ErrorEvent { after: 9 }, true),
    ] {
        let grant = rich(case).await?;
        last = case.prompt().words(40);
        if stream {
            last = streamed(last);
        }
        case.spoil(&last, fault.clone());
        case.call(&grant, &last).await?;
        let cost = case.cost(&case.reached(&last)?);
        let used = used(case, &grant).await?;
        if used < cost || cost == 0 {
            let stop =
                Stop::failed("OKAP-R-353", format!("{cost} used, or more"), used.to_string());
            return Err(about(stop, &format!("{fault:?}, stream: {stream}")));
        }
    }
    Witness::of_upstream("OKAP-R-353", &last.nonce, &case.books(&last))
}

/// Words of an answer whose bound stands out.
const LONG: u64 = 400;

/// The least that a hold for so many words is, in millionths.
fn bound(words: u64) -> u64 {
    // 0.6 millionths a word
    words.saturating_mul(3) / 5
}

async fn unseen(case: &Case) -> Outcome {
    let mut last = case.prompt();
    let statuses = [408, 502, 504, 524].map(|status| ("OKAP-R-353", Fault::status(status)));
    // no answer, or the first half of one
    let silent = [("OKAP-R-354", Fault::Cut { after: 0 })];
    for (requirement, fault) in statuses.into_iter().chain(silent) {
        let grant = rich(case).await?;
        last = case.prompt().words(LONG);
        case.spoil(&last, fault.clone());
        case.call(&grant, &last).await?;
        case.reached(&last)?;
        let used = used(case, &grant).await?;
        if used < bound(LONG) {
            let expected = format!("{} used, or more", bound(LONG));
            let stop = Stop::failed(requirement, expected, used.to_string());
            return Err(about(stop, &format!("{fault:?}")));
        }
    }
    Witness::of_upstream("OKAP-R-353", &last.nonce, &case.books(&last))
}

async fn hangup(case: &Case) -> Outcome {
    let grant = rich(case).await?;
    let prompt = slow(case, 2000, 50);
    let raw = twin(case.begin_stream(&grant, &prompt).await)?;
    case.note(&raw);
    drop(raw);
    let nonce = prompt.nonce.clone();
    let ended = move |books: &Ledger| {
        let books = books.clone().about(&nonce);
        books.last().is_some_and(|call| call.state != State::Started)
    };
    let ended = case.provider().wait_until(Duration::from_secs(3), ended).await;
    twin(ended.map_err(|_| Stop::failed("OKAP-R-318", "the call cancelled", "it goes on")))?;
    let books = case.books(&prompt);
    let cost = case.cost(&books);
    let mut now = 0;
    for _ in 0..20 {
        now = used(case, &grant).await?;
        if now < bound(2000) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if now < cost || now >= bound(2000) {
        let expected = format!("{cost} used or more, and not {}", bound(2000));
        return Err(Stop::failed("OKAP-R-356", expected, now.to_string()));
    }
    Witness::of_upstream("OKAP-R-356", &prompt.nonce, &books)
}

async fn hold(case: &Case) -> Outcome {
    let grant = rich(case).await?;
    let prompt = case.prompt().words(LONG);
    case.hold(&prompt, 2, Duration::from_millis(700));
    let nonce = prompt.nonce.clone();
    let there = move |books: &Ledger| !books.clone().about(&nonce).calls.is_empty();
    let seen = async {
        let there = case.provider().wait_until(Duration::from_secs(5), there).await;
        there.map_err(|_| Stop::failed("OKAP-R-280", "the call at the provider", "none"))?;
        used(case, &grant).await
    };
    let (reply, during) = tokio::join!(case.call(&grant, &prompt), seen);
    let (reply, during) = (reply?, during?);
    twin(reply.has_status("OKAP-R-280", 200))?;
    if during < bound(LONG) {
        let expected = format!("{} used during the call, or more", bound(LONG));
        return Err(Stop::failed("OKAP-R-243", expected, during.to_string()));
    }
    let (after, books) = (used(case, &grant).await?, case.books(&prompt));
    if after != case.cost(&books) {
        let expected = format!("{} used after it", case.cost(&books));
        return Err(Stop::failed("OKAP-R-352", expected, after.to_string()));
    }
    Witness::of_upstream("OKAP-R-351", &prompt.nonce, &books)
}
