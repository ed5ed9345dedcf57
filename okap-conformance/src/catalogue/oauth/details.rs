//! What is asked for, in a form.

use serde_json::json;

use crate::{
    case::{Case, less, put, with},
    catalogue::Test,
    driver::Decision,
    outcome::{Outcome, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "oauth.details.refused",
        rev: 1,
        title: "details that are missing, malformed or of an unknown type are refused",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-017"],
        needs: &[],
        twin: Some("oauth.push.fresh"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(refused(case)),
    },
    Test {
        id: "oauth.details.granted",
        rev: 1,
        title: "what is granted is what the details asked for, less what the user took away",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-124"],
        needs: &[],
        twin: None,
        threat: Some("grant-escape"),
        run: |case| Box::pin(granted(case)),
    },
    Test {
        id: "oauth.details.narrowed",
        rev: 1,
        title: "a token request may ask for less than was granted; for more it gets nothing",
        profile: Profile::Oauth,
        verifies: &["OKAP-R-211", "OKAP-R-212"],
        needs: &[],
        twin: Some("oauth.code.redeemed"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(narrowed(case)),
    },
];

async fn refused(case: &Case) -> Outcome {
    let one = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    let details = case.ask().details();
    let typed = |kind: &str| {
        let mut details = details.clone();
        put(&mut details, "type", json!(kind));
        json!([details]).to_string()
    };
    let named_twice = json!([details]).to_string().replacen(
        "\"provider\":",
        "\"provider\":\"anthropic\",\"provider\":",
        1,
    );
    let wrong = [
        typed("payment_initiation"),
        typed(""),
        details.to_string(),
        "[]".to_owned(),
        "[".to_owned(),
        json!(["openai"]).to_string(),
        json!([{ "type": "ai_model_access" }]).to_string(),
        json!(vec![details.clone(); 17]).to_string(),
        named_twice,
    ];
    for wrong in wrong {
        let push = case.to_push(&case.ask()).with("authorization_details", &wrong);
        let reply = case.send_push(&push).await?;
        reply.is_refused("OKAP-R-017", 400, "invalid_authorization_details")?;
    }
    let other = twin(case.pushed(&case.to_push(&case.ask())).await)?;
    Witness::of_fresh("OKAP-R-017", &one, &other)
}

async fn granted(case: &Case) -> Outcome {
    let ask = case
        .ask()
        .models(&["gpt-4o-mini", "gpt-4o"])
        .limits(json!({ "monthly_spend": "9.00", "requests_per_minute": 60 }));
    // told to the driver alone, so that no echo of the request has it
    let told = case.told_amount(3);
    let left = json!({
        "models": ["gpt-4o"],
        "limits": { "monthly_spend": told, "requests_per_minute": 7 },
    });
    let push = case.to_push(&ask);
    let landed = case.walk(&push, Decision::Narrow { details: vec![left] }).await?;
    let code = landed.one("code").unwrap_or_default().to_owned();
    landed.ensure("OKAP-R-124", !code.is_empty(), "a code")?;
    let tokens = case.redeem(&crate::case::Coded { code, push }).await?;
    let granted = tokens.grant.object();
    let asked = ask.details();
    for member in ["type", "provider", "capabilities"] {
        let same = granted.get(member) == asked.get(member);
        ensure("OKAP-R-124", same, format!("{member} as asked"), granted.to_string())?;
    }
    let left = granted.get("models") == Some(&json!(["gpt-4o"]));
    ensure("OKAP-R-124", left, "the one model that the user left", granted.to_string())?;
    let reply = &tokens.grant.reply;
    let said = reply.text("/authorization_details/0/limits/monthly_spend");
    Witness::of_told("OKAP-R-124", &told, reply, said)
}

async fn narrowed(case: &Case) -> Outcome {
    let ask = case
        .ask()
        .models(&["gpt-4o-mini", "gpt-4o"])
        .limits(json!({ "monthly_spend": "9.00", "requests_per_minute": 60 }));
    let code = case.coded(&ask).await?;
    let wider = [
        json!([less(&["gpt-4.1"])]),
        json!([with(less(&["gpt-4o"]), "capabilities", json!(["chat", "embeddings"]))]),
        json!([with(less(&["gpt-4o"]), "limits", json!({ "monthly_spend": "9.01" }))]),
        json!([with(less(&["gpt-4o"]), "expires", json!(case.moment(400 * 86_400)))]),
        json!([with(less(&["claude-sonnet-4-5"]), "provider", json!("anthropic"))]),
    ];
    let shared = json!([less(&["gpt-4o"]), less(&["gpt-4o", "gpt-4o-mini"])]);
    let wider = wider.map(|wider| ("OKAP-R-211", wider));
    let wider = wider.into_iter().chain([("OKAP-R-212", shared)]);
    for (requirement, wider) in wider {
        let form = code.form().with("authorization_details", &wider.to_string());
        let reply = case.token(&form).await?;
        reply.is_refused(requirement, 400, "invalid_authorization_details")?;
    }
    let rate = 1 + case.seed().below(50);
    let less = with(less(&["gpt-4o"]), "limits", json!({ "requests_per_minute": rate }));
    let form = code.form().with("authorization_details", &json!([less]).to_string());
    let tokens = crate::case::Tokens::read(&case.token(&form).await?, case.local())?;
    let granted = tokens.grant.object();
    let lower = granted.pointer("/limits/requests_per_minute") == Some(&json!(rate));
    let kept = granted.pointer("/limits/monthly_spend") == Some(&json!("9.00"))
        || granted.pointer("/limits/monthly_spend") == Some(&json!("9"));
    let one = granted.get("models") == Some(&json!(["gpt-4o"]));
    let expected = "one model, the lower rate, and the limit of the grant";
    ensure("OKAP-R-211", lower && kept && one, expected, granted.to_string())?;
    let other = case.tokens(&case.ask()).await?;
    Witness::of_fresh("OKAP-R-211", &tokens.grant.token, &other.grant.token)
}
