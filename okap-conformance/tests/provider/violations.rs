//! Each leak is seen, and its clean twin is not.

use okap_conformance::provider::{FakeProvider, What};
use serde_json::{Value, json};

use crate::support::{Ask, KEY, chat_body, messages_body, provider, responses_body};

/// Sends a request and tells its status and what was found in it.
async fn findings(provider: &FakeProvider, ask: Ask) -> (u16, Vec<(What, String)>) {
    provider.reset();
    let status = ask.send(provider).await.status;
    let violations = provider.ledger().violations;
    (status, violations.into_iter().map(|found| (found.what, found.at)).collect())
}

fn one(what: What, at: &str) -> Vec<(What, String)> {
    vec![(what, at.to_owned())]
}

#[tokio::test]
async fn clean_calls_are_no_violation() {
    let provider = provider().await;
    for ask in [
        Ask::chat(json!({})).header("accept-encoding", "identity").header("user-agent", "vault"),
        Ask::openai("/v1/responses", &responses_body(json!({}))),
        Ask::anthropic("/v1/messages", &messages_body(json!({}))),
    ] {
        assert_eq!(findings(&provider, ask).await, (200, vec![]));
    }
}

#[tokio::test]
async fn only_the_master_key_opens_the_provider() {
    let provider = provider().await;
    let at = "header authorization";
    let ask = Ask::chat(json!({})).without("authorization");
    assert_eq!(findings(&provider, ask.clone()).await, (401, one(What::CredentialMissing, at)));
    let wrong = ask.clone().header("authorization", "Bearer sk-other");
    assert_eq!(findings(&provider, wrong).await, (401, one(What::CredentialWrong, at)));
    let basic = ask.header("authorization", &format!("Basic {KEY}"));
    assert_eq!(findings(&provider, basic).await, (401, one(What::CredentialWrong, at)));
    let anthropic = Ask::anthropic("/v1/messages", &messages_body(json!({}))).without("x-api-key");
    let found = findings(&provider, anthropic).await;
    assert_eq!(found, (401, one(What::CredentialMissing, "header x-api-key")));
}

#[tokio::test]
async fn a_second_credential_is_refused_also_if_it_is_right() {
    let provider = provider().await;
    for (name, value) in
        [("x-api-key", KEY), ("x-goog-api-key", "x"), ("authorization", "Bearer x")]
    {
        let ask = Ask::chat(json!({})).header(name, value);
        let at = format!("header {name}");
        assert_eq!(findings(&provider, ask).await, (401, one(What::CredentialSecond, &at)));
    }
    let ask = Ask::anthropic("/v1/messages", &messages_body(json!({})));
    let ask = ask.header("authorization", &format!("Bearer {KEY}"));
    let found = findings(&provider, ask).await;
    assert_eq!(found, (401, one(What::CredentialSecond, "header authorization")));
    let ask = Ask::openai("/v1/chat/completions?a=1&key=x", &chat_body(json!({})));
    assert_eq!(findings(&provider, ask).await, (401, one(What::CredentialSecond, "query")));
}

#[tokio::test]
async fn an_okap_token_is_seen_wherever_it_is() {
    let provider = provider().await;
    let body = chat_body(json!({}));
    let path = "/v1/chat/completions";
    let ask = Ask::chat(json!({})).header("x-trace", "okap_abc");
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "header x-trace")));
    let ask = Ask::chat(json!({})).header("x-okap_abc", "1");
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "header x-okap_abc")));
    let ask = Ask::openai(&format!("{path}?t=ok%61p_abc"), &body);
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "query")));
    let ask = Ask::openai("/v1/okap_abc/chat/completions", &body);
    assert_eq!(findings(&provider, ask).await, (404, one(What::OkapToken, "path")));
    let messages = json!([{ "role": "user", "content": "my key is okap_abc" }]);
    let ask = Ask::chat(json!({ "messages": messages }));
    let at = "body /messages/0/content";
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, at)));
    let ask = Ask::chat(json!({ "metadata": { "okap_grant": "1" } }));
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "body /metadata")));
    // A repeated member that a parser drops, and an escape that bytes hide.
    let raw = body.to_string();
    let twice = raw.replacen('{', "{\"model\":\"okap_abc\",", 1);
    let ask = Ask::openai(path, &body).raw(twice.as_bytes());
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "body")));
    let escaped = raw.replacen('{', "{\"user\":\"\\u006fkap_abc\",", 1);
    let ask = Ask::openai(path, &body).raw(escaped.as_bytes());
    assert_eq!(findings(&provider, ask).await, (200, one(What::OkapToken, "body /user")));
    let token = Ask::chat(json!({})).without("authorization");
    let (status, found) =
        findings(&provider, token.header("authorization", "Bearer okap_abc")).await;
    let kinds: Vec<What> = found.into_iter().map(|found| found.0).collect();
    assert_eq!((status, kinds), (401, vec![What::OkapToken, What::CredentialWrong]));
}

#[tokio::test]
async fn the_master_key_outside_its_header_is_seen_and_not_repeated() {
    let provider = provider().await;
    let ask = Ask::chat(json!({ "user": format!("key {KEY}") })).header("x-debug", KEY);
    let (status, found) = findings(&provider, ask).await;
    assert_eq!(status, 200);
    let expected = [
        (What::MasterKeyElsewhere, "header x-debug".to_owned()),
        (What::MasterKeyElsewhere, "body /user".to_owned()),
    ];
    assert_eq!(found, expected);
    let ledger = provider.ledger();
    assert_eq!(ledger.last().unwrap().body["user"], "key <master>");
    assert_eq!(ledger.last().unwrap().header("x-debug"), Some("<master>"));
    assert!(!serde_json::to_string(&ledger).unwrap().contains(KEY));
}

#[tokio::test]
async fn headers_of_the_app_are_seen() {
    let provider = provider().await;
    for name in [
        "cookie",
        "proxy-authorization",
        "x-stainless-lang",
        "x-app",
        "openai-organization",
        "openai-project",
        "origin",
        "referer",
        "x-forwarded-for",
        "forwarded",
        "via",
    ] {
        let ask = Ask::chat(json!({})).header(name, "x");
        let at = format!("header {name}");
        assert_eq!(findings(&provider, ask).await, (200, one(What::HeaderNotAllowed, &at)));
    }
}

#[tokio::test]
async fn a_response_that_would_be_stored_is_refused() {
    let provider = provider().await;
    let mut absent = responses_body(json!({}));
    absent.as_object_mut().unwrap().remove("store");
    let stored = responses_body(json!({ "store": true }));
    for body in [absent, stored] {
        let ask = Ask::openai("/v1/responses", &body);
        assert_eq!(findings(&provider, ask).await, (400, one(What::StoreNotFalse, "body /store")));
    }
    let written = serde_json::to_value(provider.ledger()).unwrap();
    let expected: Value = json!([{ "seq": 2, "what": "store_not_false", "at": "body /store" }]);
    assert_eq!(written["violations"], expected);
}
