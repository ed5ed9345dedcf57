//! Money that is used up, that there never was, and that nobody can count.

use serde_json::json;

use super::race::{micros, usd};
use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, Witness, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.spend.day",
        rev: 1,
        title: "a day's money pays for no more than it is, and the refusal says so",
        profile: Profile::Limits,
        verifies: &["OKAP-R-331", "OKAP-R-365", "OKAP-R-339"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(used_up(case, "daily_spend", "T00:00:00")),
    },
    Test {
        id: "limits.spend.month",
        rev: 1,
        title: "a month's money pays for no more than it is, and the refusal says so",
        profile: Profile::Limits,
        verifies: &["OKAP-R-331", "OKAP-R-365", "OKAP-R-339"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(used_up(case, "monthly_spend", "-01T00:00:00")),
    },
    Test {
        id: "limits.spend.small",
        rev: 2,
        title: "many small calls are paid for to the last digit: no more than the limit, nor half of it",
        profile: Profile::Limits,
        verifies: &["OKAP-R-331", "OKAP-R-333"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(small(case)),
    },
    Test {
        id: "limits.spend.zero",
        rev: 1,
        title: "a limit of 0 means that nothing may be paid for",
        profile: Profile::Limits,
        verifies: &["OKAP-R-038"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("overspend"),
        run: |case| Box::pin(zero(case)),
    },
    Test {
        id: "limits.spend.unpriced",
        rev: 1,
        title: "a model without a price is refused under a limit on money",
        profile: Profile::Limits,
        verifies: &["OKAP-R-336"],
        needs: &[],
        twin: None,
        threat: Some("overspend"),
        run: |case| Box::pin(unpriced(case)),
    },
];

async fn used_up(case: &Case, limit: &str, resets: &str) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    let sample = case.prompt().words(200);
    twin(case.forwarded(&free, &sample).await)?;
    let cap = case.cost(&case.books(&sample)).saturating_mul(3);

    let grant = case.grant(&case.ask().limits(json!({ limit: usd(cap) }))).await?;
    let prompt = case.prompt().words(200);
    let mut refused = None;
    for _ in 0..8 {
        let reply = case.call(&grant, &prompt).await?;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let books = case.books(&prompt);
    let billed = micros(books.totals.billed_pico);
    let Some(reply) = refused.filter(|_| billed <= cap) else {
        let observed = format!("{} calls for {} USD", books.totals.calls, usd(billed));
        return Err(Stop::failed("OKAP-R-331", format!("{} USD at most", usd(cap)), observed));
    };
    reply.is_refused("OKAP-R-331", 402, "spend_limit_exceeded")?;
    reply.is_final("OKAP-R-365")?;
    let told = reply.text("/okap/limit").trim_end_matches('0') == usd(cap).trim_end_matches('0');
    let used = !reply.text("/okap/used").is_empty();
    reply.ensure("OKAP-R-365", told && used, format!("limit {} and used in okap", usd(cap)))?;
    let at = reply.text("/okap/resets_at").contains(resets);
    reply.ensure("OKAP-R-339", at, format!("resets_at with {resets}"))?;
    Witness::of_upstream("OKAP-R-331", &prompt.nonce, &books)
}

/// Small calls that a limit pays for: enough that what is miscounted of each adds up to several.
const SMALL: u64 = 60;

async fn small(case: &Case) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    let prompt = || case.prompt().words(2);
    let sample = prompt();
    twin(case.call(&free, &sample).await?.has_status("OKAP-R-280", 200))?;
    let limit = case.cost(&case.reached(&sample)?).saturating_mul(SMALL);

    // so many calls take a while: a day may turn meanwhile
    let grant = case.grant(&case.ask().limits(json!({ "monthly_spend": usd(limit) }))).await?;
    let prompt = prompt();
    let mut last = case.call(&grant, &prompt).await?;
    for _ in 0..2 * SMALL {
        if last.status != 200 {
            break;
        }
        last = case.call(&grant, &prompt).await?;
    }
    let books = case.books(&prompt);
    let billed = case.cost(&books);
    if billed > limit {
        let observed = format!("{} calls for {} USD", books.totals.calls, usd(billed));
        return Err(Stop::failed("OKAP-R-331", format!("{} USD at most", usd(limit)), observed));
    }
    last.is_refused("OKAP-R-331", 402, "spend_limit_exceeded")?;
    // all of a call but what it cost is free again
    if billed < limit / 2 {
        let observed = format!("a refusal after {} USD", usd(billed));
        return Err(Stop::failed("OKAP-R-333", format!("{} USD spent", usd(limit)), observed));
    }
    Witness::of_upstream("OKAP-R-331", &prompt.nonce, &books)
}

async fn zero(case: &Case) -> Outcome {
    let free = case.grant(&case.ask()).await?;
    let (_, witness) = twin(case.forwarded(&free, &case.prompt()).await)?;
    for limit in ["daily_spend", "monthly_spend"] {
        let grant = case.grant(&case.ask().limits(json!({ limit: "0.00" }))).await?;
        let refusal = (402, "spend_limit_exceeded");
        case.refuses_chat(&grant, &case.prompt(), "OKAP-R-038", refusal).await?;
    }
    Ok(witness)
}

async fn unpriced(case: &Case) -> Outcome {
    let model = case.nonce();
    let ask = || case.ask().models(&[&model]);
    let free = case.grant(&ask()).await?;
    let prompt = case.prompt().model(&model);
    // the fake provider does not know it either: that the call gets there is what counts
    case.call(&free, &prompt).await?;
    let reached = Witness::of_upstream("OKAP-R-280", &prompt.nonce, &case.books(&prompt));
    let witness = twin(reached)?;
    let grant = case.grant(&ask().limits(json!({ "daily_spend": "1.00" }))).await?;
    let prompt = case.prompt().model(&model);
    case.refuses_chat(&grant, &prompt, "OKAP-R-336", (403, "model_not_priced")).await?;
    Ok(witness)
}
