//! Google's own words, through the vault.

use okap_conformance::provider::{Fault, Rule};
use okap_types::Provider;
use serde_json::{Value, json};

use crate::support::{Ask, Granted, House, Plan, with};

const MODEL: &str = "gemini-2.5-flash";

async fn house() -> House {
    Plan::new().second(Provider::Google).build().await
}

async fn granted(house: &House, limits: Value) -> Granted {
    let details = json!({
        "type": "ai_model_access", "provider": "google",
        "models": [MODEL, "gemini-embedding-001"], "capabilities": ["chat", "embeddings"],
        "limits": limits,
    });
    house.grant(details).await
}

fn body(extra: Value) -> Value {
    with(json!({"contents": [{"role": "user", "parts": [{"text": "say 5 words"}]}]}), extra)
}

fn ask(token: &str, path: &str, body: &Value) -> Ask {
    Ask::post(&format!("/v1/google/{path}")).header("x-goog-api-key", token).json(body)
}

fn embedding(model: &str) -> Value {
    json!({"model": format!("models/{model}"), "content": {"parts": [{"text": "hello"}]}})
}

#[tokio::test]
async fn every_call_is_charged_what_the_provider_bills() {
    let house = house().await;
    let token = granted(&house, json!({"monthly_spend": "1.00"})).await.token;
    let thinking = json!({"generationConfig": {
        "maxOutputTokens": 50, "candidateCount": 2, "thinkingConfig": {"thinkingBudget": 10},
    }});
    for (path, body) in [
        ("v1/models/gemini-2.5-flash:generateContent", body(json!({}))),
        ("v1beta/models/gemini-2.5-flash:generateContent", body(thinking.clone())),
        ("models/gemini-2.5-flash:streamGenerateContent?alt=sse", body(json!({}))),
        ("v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body(thinking)),
        ("v1beta/models/gemini-2.5-flash:streamGenerateContent", body(json!({}))),
        ("v1beta/models/gemini-2.5-flash:countTokens", body(json!({}))),
        ("v1beta/models/gemini-embedding-001:embedContent", embedding("gemini-embedding-001")),
        (
            "v1/models/gemini-embedding-001:batchEmbedContents",
            json!({"requests": vec![embedding("gemini-embedding-001"); 3]}),
        ),
    ] {
        let (billed, charged) = (house.billed(), house.charged());
        let answer = house.send(ask(&token, path, &body)).await;
        assert_eq!((answer.status, answer.whole), (200, true), "{path} {}", answer.text());
        house.quiet().await;
        assert_eq!(house.charged() - charged, house.billed() - billed, "{path}");
        assert!(!house.audit().last().unwrap().estimated, "{path}");
    }
    house.done().await;
}

#[tokio::test]
async fn v135_a_token_in_googles_own_place_in_the_address_is_refused_and_told_where_to_go() {
    let house = house().await;
    let token = granted(&house, json!({})).await.token;
    for path in [
        "v1beta/models/gemini-2.5-flash:generateContent?",
        "models/gemini-2.5-flash:streamGenerateContent?alt=sse&",
    ] {
        let target = format!("/v1/google/{path}key={token}");
        for ask in [Ask::post(&target), Ask::post(&target).header("x-goog-api-key", &token)] {
            let refused = house.send(ask.json(&body(json!({})))).await;
            assert_eq!(refused.status, 400);
            let error = refused.json()["error"].take();
            assert_eq!(error["status"], "INVALID_ARGUMENT", "in Google's own words");
            let said = error["message"].as_str().unwrap();
            assert!(said.contains("x-goog-api-key") && !said.contains(&token), "{said}");
        }
        assert_eq!(house.arrived(), 0);
    }
    let in_header = ask(&token, "v1beta/models/gemini-2.5-flash:generateContent", &body(json!({})));
    assert_eq!(house.send(in_header).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v189_the_key_travels_in_a_header_of_googles_own() {
    let house = house().await;
    let token = granted(&house, json!({})).await.token;
    let path = "v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
    assert_eq!(house.send(ask(&token, path, &body(json!({})))).await.status, 200);
    let call = house.provider.ledger().last().unwrap().clone();
    assert_eq!(call.header("x-goog-api-key"), Some("<master>"));
    assert_eq!((call.header("authorization"), call.query.as_deref()), (None, Some("alt=sse")));
    let chat = json!({"model": MODEL, "messages": [{"role": "user", "content": "hi"}]});
    let openai = ask(&token, "v1beta/openai/chat/completions", &chat);
    assert_eq!(house.send(openai).await.status, 200);
    let call = house.provider.ledger().last().unwrap().clone();
    assert_eq!(call.path, "/v1beta/openai/chat/completions");
    assert_eq!(call.header("authorization"), Some("Bearer <master>"));
    assert_eq!(call.header("x-goog-api-key"), None);
    house.done().await;
}

#[tokio::test]
async fn v155_a_batch_that_names_other_models_is_refused() {
    let house = house().await;
    let token = granted(&house, json!({})).await.token;
    let path = "v1beta/models/gemini-embedding-001:batchEmbedContents";
    let same = embedding("gemini-embedding-001");
    let both = json!({"requests": [same, embedding("gemini-embedding-9")]});
    let answer = house.send(ask(&token, path, &both)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json()["okap"]["code"], "model_not_allowed");
    assert_eq!(house.arrived(), 0);
    let answer = house.send(ask(&token, path, &json!({"requests": [same, same]}))).await;
    assert_eq!(answer.json()["embeddings"].as_array().unwrap().len(), 2);
    house.done().await;
}

#[tokio::test]
async fn refusals_are_in_googles_shape_and_nothing_goes_up() {
    let house = house().await;
    let granted = granted(&house, json!({"monthly_spend": "1.00"})).await;
    let token = &granted.token;
    let generate = "v1beta/models/gemini-2.5-flash:generateContent";
    for (path, body, status, word, code) in [
        (
            "v1beta/models/gemini-2.5-pro:generateContent",
            body(json!({})),
            403,
            "PERMISSION_DENIED",
            "model_not_allowed",
        ),
        (
            generate,
            body(json!({"cachedContent": "x"})),
            400,
            "INVALID_ARGUMENT",
            "unsupported_parameter",
        ),
        (
            generate,
            body(json!({"tools": [{"googleSearch": {}}]})),
            403,
            "PERMISSION_DENIED",
            "capability_not_allowed",
        ),
        ("v1beta/cachedContents", body(json!({})), 404, "NOT_FOUND", "route_not_supported"),
    ] {
        let answer = house.send(ask(token, path, &body)).await;
        let said = answer.json();
        assert_eq!((answer.status, &said["error"]["status"]), (status, &json!(word)), "{path}");
        assert_eq!(said["error"]["code"], status);
        assert_eq!(said["okap"]["code"], code);
    }
    assert_eq!(house.arrived(), 0);
    let models =
        house.send(Ask::get("/v1/google/v1beta/models").header("x-goog-api-key", token)).await;
    assert_eq!(models.json()["models"][0]["name"], "models/gemini-2.5-flash");
    house.revoke(&granted).await;
    let answer = house.send(ask(token, generate, &body(json!({})))).await;
    assert_eq!(answer.json()["error"]["details"][0]["reason"], "TOKEN_REVOKED");
    house.done().await;
}

#[tokio::test]
async fn a_ceiling_is_lowered_in_googles_own_word() {
    let house = house().await;
    let token = granted(&house, json!({"monthly_spend": "0.01"})).await.token;
    let path = "v1beta/models/gemini-2.5-flash:generateContent";
    let asked = body(json!({"generationConfig": {"maxOutputTokens": 60_000, "temperature": 0.5}}));
    let answer = house.send(ask(&token, path, &asked)).await;
    let ceiling: u64 = answer.header("okap-output-ceiling").unwrap().parse().unwrap();
    let went = house.provider.ledger().last().unwrap().body["generationConfig"].clone();
    assert_eq!(went, json!({"maxOutputTokens": ceiling, "temperature": 0.5}));
    assert!(ceiling < 60_000);
    house.done().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_charged_and_ends_with_googles_error() {
    let house = house().await;
    let token = granted(&house, json!({"monthly_spend": "1.00"})).await.token;
    for (path, events) in
        [("streamGenerateContent?alt=sse", true), ("streamGenerateContent", false)]
    {
        house.provider.set_fault(Rule::fault(Fault::Cut { after: 3 }).times(1));
        let path = format!("v1beta/models/gemini-2.5-flash:{path}");
        let answer = house.send(ask(&token, &path, &body(json!({})))).await;
        house.quiet().await;
        assert!(!answer.whole, "{path}");
        assert_eq!(
            answer.text().contains(r#""status":"UNAVAILABLE""#),
            events,
            "{}",
            answer.text()
        );
        assert!(house.audit().last().unwrap().estimated);
    }
    house.done().await;
}
