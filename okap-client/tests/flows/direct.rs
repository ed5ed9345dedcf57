//! The direct request and its first answer.

use std::time::Duration;

use okap_client::{Client, ClientInfo, ModelAccess, Provider};
use serde_json::{Value, json};

use crate::{Canned, VAULT, ask, pair, vault::TOKEN};

const DIRECT: &str = "/okap/authorize";

fn granted() -> Value {
    json!({
        "okap": "1.0", "status": "granted", "token": TOKEN, "access_token": TOKEN,
        "token_type": "Bearer", "expires_in": 60, "grant_id": "g_2",
        "authorization_details": [{
            "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"],
            "capabilities": ["chat"], "limits": {"monthly_spend": "10.00"}, "expires": "2099-01-01",
            "base_url": format!("{VAULT}/v1/openai"), "currency": "USD", "window": "utc_calendar",
        }],
    })
}

#[tokio::test]
async fn app_asks_shows_the_link_and_gets_access() {
    let (vault, client) = pair();
    let pending = client.start(ask()).await.unwrap();
    assert_eq!(pending.consent_url().unwrap().as_str(), "https://vault.test/ask/1");
    assert_eq!(pending.user_code(), Some("BCDF-GHJK"));
    assert!(pending.expires_in().unwrap() > Duration::from_secs(590));
    let access = pending.wait(Duration::from_secs(300)).await.unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    assert_eq!(access.base_url(Provider::OpenAi).unwrap().as_str(), "https://vault.test/v1/openai");
    assert_eq!(access.base_url(&Provider::Groq), None);
    assert_eq!(access.grant_id().as_str(), "g_1");
    assert_eq!(access.differences(), []);
    // asking again gives the same
    let again = pending.wait(Duration::ZERO).await.unwrap();
    assert_eq!(again.token().expose(), TOKEN);
    assert_eq!(vault.calls("POST /okap/continue").len(), 1);
}

#[tokio::test]
async fn body_is_the_published_drafts_shape() {
    let (vault, client) = pair();
    client.start(ask()).await.unwrap();
    let call = &vault.calls("POST /okap/authorize")[0];
    assert_eq!(call.headers["content-type"], "application/json");
    assert_eq!(
        call.json(),
        json!({
            "okap": "1.0",
            "authorization_details": [{
                "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"],
                "limits": {"monthly_spend": "10.00"}, "reason": "Summarise your notes",
            }],
            "client": {"name": "Notes"},
        })
    );
}

#[tokio::test]
async fn several_objects_are_asked_for_at_once() {
    let (_vault, client) = pair();
    let pending = client.start([ask(), ModelAccess::new(Provider::Anthropic)]).await.unwrap();
    let access = pending.wait(Duration::from_secs(1)).await.unwrap();
    assert_eq!(access.granted().len(), 2);
    assert_eq!(access.base_url(Provider::Anthropic).unwrap().path(), "/v1/anthropic");
}

#[tokio::test]
async fn invalid_ask_is_refused_before_anything_is_sent() {
    let (vault, client) = pair();
    for ask in
        [vec![], vec![ask().models(["*"])], vec![ask().models(["a", "a"])], vec![ask(), ask()]]
    {
        let error = client.start(ask).await.unwrap_err();
        assert!(error.is_invalid_request(), "{error}");
        assert_eq!(error.code(), Some("invalid_authorization_details"));
    }
    assert!(vault.lines().is_empty());
    assert!(client.start(vec![ask(), ask().models(["gpt-4o"])]).await.is_ok());
}

#[tokio::test]
async fn grant_at_once_needs_no_user() {
    let (vault, client) = pair();
    vault.can(DIRECT, Canned::json(200, granted()));
    let pending = client.start(ask()).await.unwrap();
    assert_eq!(
        (pending.consent_url(), pending.user_code(), pending.expires_in()),
        (None, None, None)
    );
    let access = pending.wait(Duration::ZERO).await.unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    assert!(vault.calls("POST /okap/continue").is_empty());
}

#[tokio::test]
async fn c32_denial_is_an_error_at_any_status() {
    for status in [403, 200, 202] {
        let (vault, client) = pair();
        let denied = json!({"okap": "1.0", "status": "denied", "reason": "not today", "error": "access_denied",
            "token": TOKEN, "access_token": TOKEN});
        vault.can(DIRECT, Canned::json(status, denied));
        let error = client.start(ask()).await.unwrap_err();
        assert!(error.is_denied(), "{status}: {error}");
        assert_eq!(error.code(), Some("access_denied"));
        assert_eq!(error.to_string(), "access was denied: not today");
    }
}

#[tokio::test]
async fn c32_status_and_http_status_must_go_together() {
    for (status, body) in [
        (202, granted()),
        (201, granted()),
        (403, granted()),
        (200, json!({"okap": "1.0", "approved": true, "token": {"token": TOKEN}})),
        (200, json!({"okap": "1.0", "status": "maybe"})),
        (200, json!([])),
    ] {
        let (vault, client) = pair();
        vault.can(DIRECT, Canned::json(status, body.clone()));
        let error = client.start(ask()).await.unwrap_err();
        assert!(error.is_vault(), "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn addresses_of_the_pending_answer_must_be_the_vaults() {
    for (pointer, url) in [
        ("/interaction_uri", "https://evil.test/ask/1"),
        ("/interaction_uri", "javascript:alert(1)"),
        ("/continue/uri", "https://evil.test/okap/continue"),
        ("/continue/uri", "http://vault.test/okap/continue"),
    ] {
        let (vault, client) = pair();
        vault.twist(DIRECT, move |b| *b.pointer_mut(pointer).unwrap() = json!(url));
        let error = client.start(ask()).await.unwrap_err();
        assert!(error.is_untrusted(), "{url}: {error}");
    }
}

#[tokio::test]
async fn user_code_cannot_steer_the_terminal() {
    let (vault, client) = pair();
    vault.twist(DIRECT, |b| b["user_code"] = json!("AB\u{1b}[2J"));
    assert!(client.start(ask()).await.unwrap_err().is_vault());
}

#[tokio::test]
async fn token_type_must_be_bearer() {
    let (vault, client) = pair();
    vault.twist("/okap/continue", |b| b["token_type"] = json!("DPoP"));
    let error = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
}

#[tokio::test]
async fn answer_with_two_tokens_is_refused() {
    let (vault, client) = pair();
    vault.twist("/okap/continue", |b| b["token"] = json!("okap_at_other"));
    let error = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
}

#[tokio::test]
async fn token_that_is_not_one_word_is_refused() {
    for token in ["", "two words", "line\nbreak", "snow☃"] {
        let (vault, client) = pair();
        vault.twist("/okap/continue", move |b| {
            b["token"] = json!(token);
            b["access_token"] = json!(token);
        });
        let error = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap_err();
        assert!(error.is_vault(), "{token:?}: {error}");
    }
}

#[tokio::test]
async fn c23_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (vault, client) = pair();
        vault.can(
            DIRECT,
            Canned::json(status, json!({})).header("location", "https://vault.test/okap/authorize"),
        );
        let error = client.start(ask()).await.unwrap_err();
        assert!(error.is_vault() && error.to_string().contains("redirects"), "{error}");
        assert_eq!(vault.calls("POST /okap/authorize").len(), 1);
    }
}

#[tokio::test]
async fn answer_is_read_up_to_its_cap() {
    let filled = |length: usize| {
        let body = r#"{"status":"denied"}"#;
        let body = format!("{}{body}", " ".repeat(length - body.len()));
        Canned { body: body.into_bytes(), ..Canned::json(200, json!(0)) }
    };
    let (vault, client) = pair();
    vault.can(DIRECT, filled(256 * 1024));
    assert!(client.start(ask()).await.unwrap_err().is_denied());
    vault.can(DIRECT, filled(256 * 1024 + 1));
    assert!(client.start(ask()).await.unwrap_err().is_vault());
}

#[test]
fn plain_http_vault_needs_the_loopback_or_a_word_of_danger() {
    let (vault, _) = pair();
    let info = || ClientInfo::new("Notes").unwrap();
    let make = |url: &str| Client::with_transport(url.parse().unwrap(), info(), vault.transport());
    for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://10.0.0.1"] {
        assert!(make(url).is_ok(), "{url}");
    }
    for url in ["http://vault.test", "http://10.0.0.1", "ws://localhost", "https://vault.test/?x=1"]
    {
        assert!(make(url).unwrap_err().is_invalid_request(), "{url}");
    }
    let builder = Client::builder("http://vault.test".parse().unwrap(), info());
    assert!(builder.transport(vault.transport()).danger_allow_http().build().is_ok());
}
