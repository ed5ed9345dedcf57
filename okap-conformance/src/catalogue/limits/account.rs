//! Whose counters they are.

use serde_json::{Value, json};

use crate::{
    case::Case,
    catalogue::Test,
    outcome::{Outcome, Stop, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "limits.account.again",
        rev: 1,
        title: "asking again, and another token, reset no counter",
        profile: Profile::Limits,
        verifies: &["OKAP-R-341"],
        needs: &[],
        twin: Some("limits.rate.day"),
        threat: Some("overspend"),
        run: |case| Box::pin(again(case)),
    },
    Test {
        id: "limits.account.objects",
        rev: 1,
        title: "two objects of one grant have accounts of their own",
        profile: Profile::Limits,
        verifies: &["OKAP-R-343", "OKAP-R-332"],
        needs: &[],
        twin: Some("limits.rate.day"),
        threat: None,
        run: |case| Box::pin(objects(case)),
    },
];

async fn again(case: &Case) -> Outcome {
    let limits = json!({ "requests_per_day": 2, "daily_spend": "1.00" });
    let ask = case.ask().limits(limits.clone());
    let first = case.grant(&ask).await?;
    let (_, witness) = twin(case.forwarded(&first, &case.prompt()).await)?;
    let second = case.grant(&ask).await?;
    let used = |grant| case.money(grant, "daily_spend");
    let (one, two) = (used(&first).await?, used(&second).await?);
    if one.used == 0 || one.used != two.used {
        let observed = format!("{} and {}", one.used, two.used);
        return Err(Stop::failed("OKAP-R-341", "one account, with something used", observed));
    }
    twin(case.forwarded(&second, &case.prompt()).await)?;
    for grant in [&second, &first] {
        let refusal = (429, "rate_limit_exceeded");
        case.refuses_chat(grant, &case.prompt(), "OKAP-R-341", refusal).await?;
    }
    // another app is another account
    let other = case.grant(&case.ask().limits(limits)).await?;
    twin(case.forwarded(&other, &case.prompt()).await)?;
    Ok(witness)
}

async fn objects(case: &Case) -> Outcome {
    let ask = case.ask().limits(json!({ "requests_per_day": 1 }));
    let of = |model: &str| -> Value { ask.clone().models(&[model]).details() };
    let grant = case.grant_of(&ask, &[of("gpt-4o-mini"), of("gpt-4o")]).await?;
    let (_, witness) = twin(case.forwarded(&grant, &case.prompt()).await)?;
    let other = case.prompt().model("gpt-4o");
    case.call(&grant, &other).await?.has_status("OKAP-R-343", 200)?;
    for model in ["gpt-4o-mini", "gpt-4o"] {
        let prompt = case.prompt().model(model);
        let refusal = (429, "rate_limit_exceeded");
        case.refuses_chat(&grant, &prompt, "OKAP-R-332", refusal).await?;
    }
    Ok(witness)
}
