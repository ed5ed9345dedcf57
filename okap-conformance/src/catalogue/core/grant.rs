use serde_json::{Value, json};

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    driver::Decision,
    outcome::{Outcome, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.grant.allowed",
        rev: 1,
        title: "what the user allows is granted as it was asked, once",
        profile: Profile::Core,
        verifies: &[
            "OKAP-R-039",
            "OKAP-R-043",
            "OKAP-R-149",
            "OKAP-R-153",
            "OKAP-R-157",
            "OKAP-R-199",
        ],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(allowed(case)),
    },
    Test {
        id: "core.grant.denied",
        rev: 1,
        title: "what the user denies is answered with 403 and no token",
        profile: Profile::Core,
        verifies: &["OKAP-R-156"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(denied(case)),
    },
    Test {
        id: "core.grant.narrowed",
        rev: 1,
        title: "what the user lowers is granted as lowered",
        profile: Profile::Core,
        verifies: &["OKAP-R-043"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(narrowed(case)),
    },
];

async fn allowed(case: &Case) -> Outcome {
    let ask = case.ask().limits(json!({ "monthly_spend": "2.50", "requests_per_minute": 30 }));
    let pending = case.begin(&ask).await?;
    let before = case.poll(&pending, None).await?;
    before.has_status("OKAP-R-149", 202)?;
    case.decide(&pending, Decision::Approve).await?;
    case.pause(&pending).await;
    let after = case.poll(&pending, None).await?;
    let witness = Witness::of_change("OKAP-R-149", &before, &after)?;

    let grant = Grant::read(&after)?;
    after.ensure("OKAP-R-157", after.text("/token") == grant.token, "token as access_token")?;
    after.is_not_kept("OKAP-R-199")?;
    let amount = grant.object().pointer("/limits/monthly_spend").is_some_and(Value::is_string);
    after.ensure("OKAP-R-039", amount, "monthly_spend as a decimal string")?;
    let asked = ask.details();
    for member in ["provider", "models", "capabilities", "limits"] {
        let (asked, granted) = (asked.get(member), grant.object().get(member).cloned());
        let expected = format!("{member} as asked for: {}", asked.cloned().unwrap_or_default());
        after.ensure("OKAP-R-043", asked == granted.as_ref(), expected)?;
    }

    case.pause(&pending).await;
    case.poll(&pending, None).await?.is_refused("OKAP-R-153", 401, "invalid_token")?;
    Ok(witness)
}

async fn denied(case: &Case) -> Outcome {
    let pending = case.begin(&case.ask()).await?;
    let before = case.poll(&pending, None).await?;
    twin(before.has_status("OKAP-R-149", 202))?;
    case.decide(&pending, Decision::Deny).await?;
    case.pause(&pending).await;
    let after = case.poll(&pending, None).await?;
    after.is_refused("OKAP-R-156", 403, "access_denied")?;
    after.ensure("OKAP-R-156", after.text("/status") == "denied", "status denied")?;
    let silent = after.at("/token").is_null() && after.at("/access_token").is_null();
    after.ensure("OKAP-R-156", silent, "no token")?;
    Witness::of_change("OKAP-R-156", &before, &after)
}

async fn narrowed(case: &Case) -> Outcome {
    let ask = case
        .ask()
        .models(&["gpt-4o-mini", "gpt-4o"])
        .limits(json!({ "monthly_spend": "9.00", "requests_per_minute": 60 }));
    // told to the driver alone, so that no echo of the request has it; written as the wire has it,
    // without a zero at its end
    let told = case.told_amount(3);
    let left = json!({
        "models": ["gpt-4o"],
        "limits": { "monthly_spend": told, "requests_per_minute": 7 },
    });
    let reply = case.answer(&ask, Decision::Narrow { details: vec![left] }).await?;
    let granted = Grant::read(&reply)?.object();
    ensure(
        "OKAP-R-043",
        granted.get("models") == Some(&json!(["gpt-4o"])),
        "the one model that the user left",
        granted.to_string(),
    )?;
    let rate = granted.pointer("/limits/requests_per_minute") == Some(&json!(7));
    reply.ensure("OKAP-R-043", rate, "requests_per_minute 7, as the user lowered it")?;
    // a number in place of a string is OKAP-R-039's matter
    let amount = reply.at("/authorization_details/0/limits/monthly_spend");
    let said = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    Witness::of_told("OKAP-R-043", &told, &reply, &said)
}
