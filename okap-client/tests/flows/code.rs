//! The authorization code flow. Time is paused where a test would wait for the listener's end;
//! the listener's sockets are real.

use std::{collections::HashMap, time::Duration};

use okap_client::{Access, Client, Error, Provider};
use serde_json::json;
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};
use url::Url;

use crate::{
    Canned, VAULT, Vault, ask,
    browser::{visit, with},
    pair,
    vault::TOKEN,
};

/// Begins the flow; gives it and the address for the browser.
async fn begin(client: &Client) -> (JoinHandle<Result<Access, Error>>, Url) {
    let (sender, receiver) = oneshot::channel();
    let client = client.clone();
    let flow = tokio::spawn(async move {
        client.authorize_with(ask(), |url| sender.send(url.clone()).unwrap()).await
    });
    (flow, receiver.await.unwrap())
}

fn redirect_uri(vault: &Vault) -> Url {
    vault.calls("POST /okap/par")[0].form()["redirect_uri"].parse().unwrap()
}

#[tokio::test]
async fn browser_brings_the_code_and_the_app_gets_access() {
    let (vault, client) = pair();
    let (flow, consent) = begin(&client).await;
    assert_eq!(consent.origin().ascii_serialization(), VAULT);
    assert_eq!(consent.path(), "/okap/authorize");
    let query: HashMap<_, _> = consent.query_pairs().into_owned().collect();
    assert_eq!(query["request_uri"], "urn:ietf:params:oauth:request_uri:0&=");
    assert_eq!(query.len(), 2);

    let page = visit(&vault.consent(&consent)).await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("You can close this tab"), "{page}");
    assert!(
        page.contains("cache-control: no-store") && page.contains("default-src 'none'"),
        "{page}"
    );
    let access = flow.await.unwrap().unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    assert_eq!(access.base_url(Provider::OpenAi).unwrap().as_str(), "https://vault.test/v1/openai");
    assert_eq!(access.grant_id().as_str(), "g_1");
    assert!((3590..3600).contains(&access.expires_in().as_secs()));
}

#[tokio::test]
async fn pushed_request_is_complete_and_its_secrets_are_fresh() {
    let (vault, client) = pair();
    let (_one, _) = begin(&client).await;
    let (_two, _) = begin(&client).await;
    let calls = vault.calls("POST /okap/par");
    assert_eq!(calls[0].headers["content-type"], "application/x-www-form-urlencoded");
    let (one, two) = (calls[0].form(), calls[1].form());
    for (name, value) in [
        ("client_id", "http://localhost"),
        ("client_name", "Notes"),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(one[name], value);
    }
    for name in ["state", "code_challenge"] {
        assert_eq!(one[name].len(), 43);
        assert_ne!(one[name], two[name]);
    }
    let details: serde_json::Value = serde_json::from_str(&one["authorization_details"]).unwrap();
    assert_eq!(details[0]["models"], json!(["gpt-4o-mini"]));
    // exactly these members, each once
    assert_eq!(calls[0].body.matches('=').count(), 8);
}

#[tokio::test]
async fn c16_redirect_uri_carries_the_port_that_is_open() {
    let (vault, client) = pair();
    let (flow, consent) = begin(&client).await;
    let redirect = redirect_uri(&vault);
    assert_eq!(
        (redirect.scheme(), redirect.host_str(), redirect.path()),
        ("http", Some("127.0.0.1"), "/callback")
    );
    assert!(tokio::net::TcpStream::connect(redirect.authority()).await.is_ok());
    visit(&vault.consent(&consent)).await;
    flow.await.unwrap().unwrap();
    // and is closed afterwards
    assert!(tokio::net::TcpStream::connect(redirect.authority()).await.is_err());
    // the token call names the same
    assert_eq!(vault.calls("POST /okap/token")[0].form()["redirect_uri"], redirect.as_str());
}

#[tokio::test]
async fn c07_false_callbacks_do_not_consume_the_genuine_one() {
    let (vault, client) = pair();
    let (flow, consent) = begin(&client).await;
    let genuine = vault.consent(&consent);
    let doubled = |name: &str, value: &str| {
        let mut url = genuine.clone();
        url.query_pairs_mut().append_pair(name, value);
        url
    };
    for (false_one, what) in [
        (with(&genuine, "iss", Some("https://evil.test")), "another issuer"),
        (with(&genuine, "iss", Some("https://vault.test/")), "almost the issuer"),
        (with(&genuine, "iss", None), "no issuer"),
        (with(&genuine, "state", Some("AAAA")), "another state"),
        (with(&genuine, "state", Some("")), "an empty state"),
        (with(&genuine, "state", None), "no state"),
        (with(&genuine, "code", None), "no code"),
        (with(&genuine, "code", Some("")), "an empty code"),
        (doubled("code", "okap_ac_evil"), "two codes"),
        (doubled("iss", VAULT), "two issuers"),
        (doubled("error", "access_denied"), "code and error"),
        (
            with(&with(&genuine, "code", None), "error", Some("access_denied"))
                .join("/other")
                .unwrap(),
            "another path",
        ),
    ] {
        let page = visit(&false_one).await;
        assert!(page.starts_with("HTTP/1.1 4"), "{what}: {page}");
        assert!(!flow.is_finished(), "{what}");
    }
    assert!(vault.calls("POST /okap/token").is_empty());
    assert!(visit(&genuine).await.starts_with("HTTP/1.1 200"));
    assert_eq!(flow.await.unwrap().unwrap().token().expose(), TOKEN);
    assert_eq!(vault.calls("POST /okap/token").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c04_callback_without_iss_or_state_never_reaches_the_token_endpoint() {
    for (name, said) in [("iss", "iss is missing"), ("state", "state is missing")] {
        let (vault, client) = pair();
        let (flow, consent) = begin(&client).await;
        visit(&with(&vault.consent(&consent), name, None)).await;
        let error = flow.await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(error.to_string().ends_with(said), "{error}");
        assert!(vault.calls("POST /okap/token").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn c15_listener_closes_after_five_minutes() {
    let (vault, client) = pair();
    let start = Instant::now();
    let (flow, _) = begin(&client).await;
    let error = flow.await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(start.elapsed(), Duration::from_secs(300));
    assert!(tokio::net::TcpStream::connect(redirect_uri(&vault).authority()).await.is_err());
}

#[tokio::test]
async fn dropped_flow_closes_its_port() {
    let (vault, client) = pair();
    let (flow, _) = begin(&client).await;
    flow.abort();
    assert!(flow.await.unwrap_err().is_cancelled());
    assert!(tokio::net::TcpStream::connect(redirect_uri(&vault).authority()).await.is_err());
}

#[tokio::test]
async fn denial_in_the_browser_is_a_denial() {
    let (vault, client) = pair();
    let (flow, consent) = begin(&client).await;
    let denied = with(&vault.consent(&consent), "code", None);
    let denied = with(
        &with(&denied, "error", Some("access_denied")),
        "error_description",
        Some("no\u{7}t now"),
    );
    assert!(visit(&denied).await.starts_with("HTTP/1.1 200"));
    let error = flow.await.unwrap().unwrap_err();
    assert!(error.is_denied(), "{error}");
    assert_eq!(error.code(), Some("access_denied"));
    assert_eq!(error.to_string(), "the vault answered access_denied in the browser: no t now");
    assert!(vault.calls("POST /okap/token").is_empty());
}

#[tokio::test]
async fn refused_push_opens_no_browser() {
    let (vault, client) = pair();
    for (status, code) in [(400, "invalid_authorization_details"), (401, "invalid_client")] {
        vault.can(
            "/okap/par",
            Canned::json(
                status,
                json!({"error": code, "error_description": "provider x is not known"}),
            ),
        );
        let error = client.authorize_with(ask(), |_| panic!("browser opened")).await.unwrap_err();
        assert!(error.is_invalid_request(), "{error}");
        assert_eq!(error.code(), Some(code));
        assert!(error.to_string().ends_with("provider x is not known"), "{error}");
    }
    vault.can("/okap/par", Canned::json(200, json!({"request_uri": "urn:x", "expires_in": 90})));
    assert!(
        client.authorize_with(ask(), |_| panic!("browser opened")).await.unwrap_err().is_vault()
    );
}

#[tokio::test]
async fn token_answer_is_held_to_the_same_checks() {
    let wrong: [(&str, serde_json::Value); 5] = [
        ("/token_type", json!("DPoP")),
        ("/access_token", json!("")),
        ("/authorization_details/0/base_url", json!("https://evil.test/v1/openai")),
        ("/authorization_details/0/models", json!(["gpt-4o"])),
        ("/authorization_details", json!([])),
    ];
    for (pointer, value) in wrong {
        let (vault, client) = pair();
        vault.twist("/okap/token", move |b| *b.pointer_mut(pointer).unwrap() = value.clone());
        let (flow, consent) = begin(&client).await;
        visit(&vault.consent(&consent)).await;
        let error = flow.await.unwrap().unwrap_err();
        assert!(error.is_untrusted() || error.is_vault(), "{pointer}: {error}");
    }
}

#[tokio::test]
async fn token_beside_a_status_of_failure_is_not_taken() {
    let (vault, client) = pair();
    let (flow, consent) = begin(&client).await;
    let granted = json!({
        "access_token": TOKEN, "token_type": "Bearer", "expires_in": 60, "grant_id": "g_1",
        "authorization_details": [{
            "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"],
            "capabilities": ["chat"], "limits": {"monthly_spend": "10.00"}, "expires": "2099-01-01",
            "base_url": "https://vault.test/v1/openai", "currency": "USD", "window": "utc_calendar",
        }],
    });
    vault.can("/okap/token", Canned::json(403, granted));
    visit(&vault.consent(&consent)).await;
    assert!(flow.await.unwrap().unwrap_err().is_vault());
}

#[tokio::test]
async fn c23_redirect_from_the_token_endpoint_is_not_followed() {
    let (vault, client) = pair();
    vault.can(
        "/okap/token",
        Canned::json(307, json!({})).header("location", "https://vault.test/okap/token"),
    );
    let (flow, consent) = begin(&client).await;
    visit(&vault.consent(&consent)).await;
    assert!(flow.await.unwrap().unwrap_err().is_vault());
    assert_eq!(vault.calls("POST /okap/token").len(), 1);
}

#[tokio::test]
async fn c08_flows_at_the_same_time_do_not_take_each_others_answers() {
    let (first, one) = pair();
    let (second, two) = pair();
    let (flow_one, consent_one) = begin(&one).await;
    let (flow_two, consent_two) = begin(&two).await;
    // the answer for the second, at the port of the first
    let mut crossed = second.consent(&consent_two);
    crossed.set_port(first.consent(&consent_one).port()).unwrap();
    assert!(visit(&crossed).await.starts_with("HTTP/1.1 400"));
    visit(&first.consent(&consent_one)).await;
    visit(&second.consent(&consent_two)).await;
    assert!(flow_one.await.unwrap().is_ok());
    assert!(flow_two.await.unwrap().is_ok());
}
