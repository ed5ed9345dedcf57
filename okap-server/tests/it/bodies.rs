//! What an SDK reads when it is refused: the bodies of `interop/clients.md`, section 8.

use serde_json::{Value, json};

use crate::support::{Answer, Ask, House, chat_with};

fn is_openai(answer: &Answer, status: u16, code: &str, message: &str) {
    let body = answer.json();
    let error = &body["error"];
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")));
    assert_eq!(
        error.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().len(),
        4,
        "{error}"
    );
    assert_eq!(
        (&error["type"], &error["code"], &error["param"]),
        (&json!(code), &json!(code), &Value::Null),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    assert!(body["okap"].is_object() && body.as_object().unwrap().len() == 2, "{body}");
}

fn is_anthropic(answer: &Answer, status: u16, code: &str, message: &str) {
    let body = answer.json();
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")));
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(code)), "{body}");
    assert_eq!(
        (&body["message"], body["error"].as_object().unwrap().len()),
        (&body["error"]["message"], 2)
    );
    assert!(body["message"].as_str().unwrap().contains(message), "{body}");
    assert!(body["okap"].is_object() && body.as_object().unwrap().len() == 4, "{body}");
}

#[tokio::test]
async fn every_refusal_comes_in_the_words_of_the_provider_that_was_called() {
    let house = House::open().await;
    let limits = json!({"monthly_spend": "0.000001", "requests_per_minute": 1});
    let details = |provider: &str, model: &str, limits: &Value| json!({"type": "ai_model_access", "provider": provider, "models": [model], "capabilities": ["chat"], "limits": limits});
    let both = |limits: Value| {
        json!([
            details("openai", "gpt-4o-mini", &limits),
            details("anthropic", "claude-sonnet-5", &limits)
        ])
    };
    let poor = house.grant(both(limits)).await;
    let rich = house.grant(both(json!({"requests_per_minute": 1}))).await;
    let revoked = house.grant(both(json!({}))).await;
    house.revoke(&revoked).await;
    for (status, code, message, token, extra) in [
        (401, "invalid_token", "no token of this vault", "okap_at_x", json!({})),
        (401, "token_revoked", "revoked", &*revoked.token, json!({})),
        (
            403,
            "model_not_allowed",
            "not in this grant; allowed: ",
            &*rich.token,
            json!({"model": "other"}),
        ),
        (
            402,
            "spend_limit_exceeded",
            "monthly spend limit of 0.000001 USD does not cover",
            &*poor.token,
            json!({}),
        ),
        (400, "unsupported_parameter", "provider", &*rich.token, json!({"provider": "x"})),
        (400, "invalid_request", "messages", &*rich.token, json!({"messages": "x"})),
    ] {
        is_openai(&house.send(Ask::chat(token, extra.clone())).await, status, code, message);
        is_anthropic(&house.send(Ask::message(token, extra)).await, status, code, message);
    }
    assert_eq!(house.send(Ask::chat(&rich.token, json!({}))).await.status, 200);
    assert_eq!(house.send(Ask::message(&rich.token, json!({}))).await.status, 200);
    is_openai(
        &house.send(Ask::chat(&rich.token, json!({}))).await,
        429,
        "rate_limit_exceeded",
        "1 requests per minute",
    );
    is_anthropic(
        &house.send(Ask::message(&rich.token, json!({}))).await,
        429,
        "rate_limit_exceeded",
        "1 requests per minute",
    );
    is_openai(
        &house.send(Ask::chat(&rich.token, json!({})).target("/v1/groq/x")).await,
        403,
        "provider_not_allowed",
        "groq",
    );
    is_anthropic(
        &house.send(Ask::post("/v1/anthropic/v1/files").bearer(&rich.token)).await,
        404,
        "route_not_supported",
        "/messages",
    );
    house.done().await;
}

#[tokio::test]
async fn an_app_that_knows_okap_learns_more() {
    let house = House::open().await;
    let granted =
        house.grant(chat_with(json!({"monthly_spend": "0.00001", "requests_per_day": 5}))).await;
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await.json();
    assert_eq!(
        refused["okap"],
        json!({
            "code": "spend_limit_exceeded", "grant_id": granted.grant.id, "limit": "0.00001", "used": "0.00",
            "resets_at": "2026-12-01T00:00:00Z",
        })
    );
    // who holds no token learns no grant
    let stranger = house.send(Ask::chat("okap_at_x", json!({}))).await.json();
    assert_eq!(stranger["okap"], json!({"code": "invalid_token"}));
    house.done().await;
}

#[tokio::test]
async fn refusals_of_who_calls_carry_a_challenge() {
    let house = House::open().await;
    let granted = house.plain().await;
    let described = format!(
        "resource_metadata=\"http://{}/.well-known/oauth-protected-resource/v1/openai\"",
        house.host()
    );
    for (ask, error) in [
        (Ask::chat("", json!({})).without("authorization"), ""),
        (Ask::chat("x", json!({})), ", error=\"invalid_token\""),
        (Ask::chat(&granted.token, json!({"model": "gpt-4o"})), ", error=\"insufficient_scope\""),
    ] {
        let bearer = format!("Bearer realm=\"okap\"{error}, {described}");
        let refused = house.send(ask).await;
        let challenges: Vec<_> = refused.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, [&*bearer, "DPoP algs=\"ES256\""]);
    }
    assert_eq!(
        house.send(Ask::chat(&granted.token, json!({}))).await.header("www-authenticate"),
        None
    );
    house.done().await;
}

#[tokio::test]
async fn what_an_app_wrote_comes_back_harmless() {
    let house = House::open().await;
    let granted = house.plain().await;
    let model = "x\u{202e}<script>\"'\u{1b}".replace('\u{1b}', "");
    let refused = house.send(Ask::chat(&granted.token, json!({"model": model}))).await;
    assert_eq!(refused.says(), (403, "model_not_allowed".into()));
    assert!(!refused.text().contains('\u{202e}'), "{}", refused.text());
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    let refused =
        house.send(Ask::post("/v1/openai/%0d%0aset-cookie:x=1").bearer(&granted.token)).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (404, None));
    assert!(refused.body.len() < 1_000);
    let long = house
        .send(Ask::post(&format!("/v1/openai/{}", "a".repeat(2_000))).bearer(&granted.token))
        .await;
    assert_eq!(long.status, 404);
    assert!(long.body.len() < 1_000);
    assert_eq!(
        house
            .send(Ask::post(&format!("/v1/openai/{}", "a".repeat(3_000))).bearer(&granted.token))
            .await
            .status,
        400
    );
    house.done().await;
}
