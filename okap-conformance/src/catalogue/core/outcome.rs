//! What is granted, and in which words.

use serde_json::{Value, json};

use crate::{
    case::{Case, Grant, put},
    catalogue::Test,
    driver::{Decision, Verb},
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, ensure, prerequisite, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.outcome.order",
        rev: 1,
        title: "granted objects come in the order of the request, without those that were left out",
        profile: Profile::Core,
        verifies: &["OKAP-R-389", "OKAP-R-393", "OKAP-R-451"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("consent-bypass"),
        run: |case| Box::pin(order(case)),
    },
    Test {
        id: "core.outcome.models",
        rev: 1,
        title: "all models are granted only where the user chose them and the request left them open",
        profile: Profile::Core,
        verifies: &["OKAP-R-043", "OKAP-R-044"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(models(case)),
    },
    Test {
        id: "core.outcome.bearer",
        rev: 1,
        title: "a direct request gets one Bearer token that ends with its grant, in either shape",
        profile: Profile::Core,
        verifies: &["OKAP-R-011", "OKAP-R-157", "OKAP-R-159", "OKAP-R-160", "OKAP-R-161"],
        needs: &[],
        twin: None,
        threat: None,
        run: |case| Box::pin(bearer(case)),
    },
    Test {
        id: "core.outcome.callback",
        rev: 1,
        title: "a callback that an app names is never called",
        profile: Profile::Core,
        verifies: &["OKAP-R-040"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("request-forgery"),
        run: |case| Box::pin(callback(case)),
    },
    Test {
        id: "core.outcome.hashed",
        rev: 2,
        title: "no token stands in what the vault keeps, in whatever form",
        profile: Profile::Core,
        verifies: &["OKAP-R-194"],
        needs: &[Verb::Dump],
        twin: None,
        threat: Some("stolen-store"),
        run: |case| Box::pin(hashed(case)),
    },
];

async fn order(case: &Case) -> Outcome {
    let ask = case.ask();
    let objects = [
        case.ask().models(&["gpt-4o", "gpt-4o-mini"]),
        case.ask().with("provider", json!("google")).models(&["gemini-2.5-pro"]),
        case.ask().with("provider", json!("anthropic")).models(&["claude-sonnet-4-5"]),
    ];
    let mut body = ask.beside(&objects);
    put(&mut body, "client", json!({ "name": ask.app() }));
    let told = case.told_amount(2);
    let left = |told: &str| {
        vec![
            json!({ "models": ["gpt-4o-mini"], "limits": { "daily_spend": told } }),
            Value::Null,
            json!({}),
        ]
    };
    let pending = case.begin_with(&ask, &body).await?;
    case.decide(&pending, Decision::Narrow { details: left(&told) }).await?;
    let reply = case.outcome(&pending).await?;
    let granted = Grant::read(&reply)?;
    let providers: Vec<_> = granted.details.iter().map(|one| one.get("provider")).collect();
    let expected = [Some(&json!("openai")), Some(&json!("anthropic"))];
    reply.ensure("OKAP-R-451", providers == expected, "openai, then anthropic, and not google")?;
    let refused = reply.at("/authorization_details/0/models_refused") == &json!(["gpt-4o"]);
    reply.ensure("OKAP-R-393", refused, "gpt-4o in models_refused")?;
    let said = reply.text("/authorization_details/0/limits/daily_spend");
    Witness::of_told("OKAP-R-389", &told, &reply, said)
}

async fn models(case: &Case) -> Outcome {
    let chosen = vec![json!({ "models": ["gpt-4o"] })];
    let open = case.answer(&case.ask().models(&[]), Decision::Narrow { details: chosen }).await?;
    let open = Grant::read(&open)?;
    let some = open.object().get("models") == Some(&json!(["gpt-4o"]));
    open.reply.ensure("OKAP-R-044", some, "the one model that the user chose")?;
    let listed =
        Grant::read(&case.answer(&case.ask().models(&["gpt-4o"]), Decision::Approve).await?)?;
    let models = listed.object().get("models") == Some(&json!(["gpt-4o"]));
    listed.reply.ensure("OKAP-R-043", models, "gpt-4o alone, as asked for")?;
    Witness::of_fresh("OKAP-R-044", &open.token, &listed.token)
}

async fn bearer(case: &Case) -> Outcome {
    let ask = case.ask().expires(&case.moment(100 * 24 * 3_600));
    let details = case.answer(&ask, Decision::Approve).await?;
    let ask = case.ask().expires(&case.moment(3_600));
    let pending = case.begin_with(&ask, &ask.shape_1()).await?;
    case.decide(&pending, Decision::Approve).await?;
    let flat = case.outcome(&pending).await?;
    for (reply, most) in [(&details, 30 * 24 * 3_600), (&flat, 3_600)] {
        let granted = reply.status == 200 && reply.text("/status") == "granted";
        reply.ensure("OKAP-R-011", granted, "200 with status granted")?;
        let same = reply.text("/token") == reply.text("/access_token");
        reply.ensure("OKAP-R-157", same, "token as access_token")?;
        reply.ensure("OKAP-R-161", reply.text("/token_type") == "Bearer", "a Bearer token")?;
        let without = reply.at("/refresh_token").is_null();
        reply.ensure("OKAP-R-160", without, "no refresh token")?;
        let lives = reply.at("/expires_in").as_u64().is_some_and(|lives| lives <= most);
        reply.ensure("OKAP-R-159", lives, format!("expires_in of {most} at most"))?;
    }
    for member in ["provider", "base_url", "expires", "limits", "models", "capabilities"] {
        let there = !flat.at(&format!("/{member}")).is_null();
        flat.ensure("OKAP-R-011", there, format!("{member} in the flat answer"))?;
    }
    Witness::of_fresh("OKAP-R-161", details.text("/access_token"), flat.text("/access_token"))
}

async fn callback(case: &Case) -> Outcome {
    let ask = case.ask();
    let place = case.nonce();
    let mut body = ask.shape_2();
    let callback = format!("{}/{place}", case.provider().url());
    let client = json!({ "name": ask.app(), "callback": callback });
    put(&mut body, "client", client);
    let pending = case.begin_with(&ask, &body).await?;
    let before = case.poll(&pending, None).await?;
    case.decide(&pending, Decision::Approve).await?;
    case.pause(&pending).await;
    let after = case.poll(&pending, None).await?;
    prerequisite("the request with a callback", Grant::read(&after))?;
    let ledger = case.provider().ledger();
    let called = ledger.calls.iter().any(|call| call.path.contains(&place));
    ensure("OKAP-R-040", !called, "no call of the callback", "the vault has called it")?;
    let led = |reply: &Reply| reply.header("location").is_some();
    after.ensure("OKAP-R-040", !led(&after) && !led(&pending.reply), "no redirect")?;
    Witness::of_change("OKAP-R-040", &before, &after)
}

async fn hashed(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let pending = case.begin(&case.ask()).await?;
    let before = case.own_grant(&grant).await?;
    let kept = case.kept().await?;
    for (file, bytes) in &kept {
        if let Some(seen) = case.secret_in("token_", bytes).await {
            return Err(Stop::failed(
                "OKAP-R-194",
                "hashes of tokens alone",
                format!("{seen} in {file}"),
            ));
        }
    }
    ensure("OKAP-R-194", !pending.token().is_empty(), "a continuation token", "none")?;
    case.send(Call::post(case.at("okap/revoke")).form(&[("token", &grant.token)])).await?;
    twin(Witness::of_change("OKAP-R-194", &before, &case.own_grant(&grant).await?))
}
