//! The hook of the conformance suite is there where it was asked for, and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

#[path = "support/http.rs"]
mod http;

use okap_types::Secret;
use okap_vault::{
    serve::{self, Options, Running},
    store::StoredVault,
};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

struct House {
    vault: Running,
    http: Client,
    _home: TempDir,
}

async fn options(home: &TempDir, hooked: bool) -> Options {
    let passphrase = Secret::from("correct horse battery");
    let vault = StoredVault::open(home.path(), &passphrase).await.unwrap();
    Options { danger_conformance_hook: hooked, ..Options::local(vault) }
}

impl House {
    async fn open(hooked: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let vault = serve::start(options(&home, hooked).await).await.unwrap();
        Self { vault, http: http::plain().build().unwrap(), _home: home }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.vault.url)
    }

    async fn order(&self, order: Value) -> Response {
        self.http.post(self.at("__okap_test")).json(&order).send().await.unwrap()
    }

    /// Asks for a model; the answer names the page.
    async fn ask(&self, name: &str) -> Value {
        let ask = json!({
            "okap": "1.0",
            "authorization_details": [{
                "type": "ai_model_access", "provider": "openai",
                "models": ["gpt-4o-mini"], "capabilities": ["chat"],
            }],
            "client": { "name": name },
        });
        let asked = self.http.post(self.at("okap/authorize")).json(&ask).send().await.unwrap();
        asked.json().await.unwrap()
    }

    async fn outcome(&self, asked: &Value) -> (u16, Value) {
        let token = asked["continue"]["access_token"].as_str().unwrap();
        let uri = asked["continue"]["uri"].as_str().unwrap();
        let answer = self.http.post(uri).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn capabilities() -> Value {
    json!({ "v": 1, "verb": "capabilities" })
}

#[tokio::test]
async fn a_vault_without_the_hook_knows_no_such_address() {
    let plain = House::open(false).await;
    assert_eq!(plain.order(capabilities()).await.status(), StatusCode::NOT_FOUND);
    let asked = plain.ask("okapconf-1").await;
    let decide = json!({
        "v": 1, "verb": "decide", "correlation": "okapconf-1", "decision": "approve",
    });
    assert_eq!(plain.order(decide.clone()).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(plain.outcome(&asked).await.0, 202);

    let hooked = House::open(true).await;
    let said: Value = hooked.order(capabilities()).await.json().await.unwrap();
    for verb in ["decide", "seed", "revoke", "audit", "reset", "advance", "dump"] {
        assert!(said["verbs"].as_array().unwrap().contains(&json!(verb)), "{said}");
    }
    let asked = hooked.ask("okapconf-1").await;
    assert_eq!(hooked.order(decide).await.status(), StatusCode::OK);
    assert_eq!(hooked.outcome(&asked).await.0, 200);
}

#[tokio::test]
async fn a_vault_that_others_reach_does_not_start_with_the_hook() {
    let issuer = Some("https://vault.example.com".parse().unwrap());
    for (hooked, behind_tls_proxy) in [(true, true), (true, false), (false, true), (false, false)] {
        let home = tempfile::tempdir().unwrap();
        let local = options(&home, hooked).await;
        let named = Options { behind_tls_proxy, issuer: issuer.clone(), ..local };
        let started = serve::start(named).await;
        match (hooked, started) {
            (true, Err(error)) => {
                assert!(error.to_string().contains("--conformance-hook"), "{error}");
            }
            (false, Ok(running)) => running.stop().await.unwrap(),
            (_, other) => panic!("{hooked}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_order_anything() {
    let house = House::open(true).await;
    let post = || house.http.post(house.at("__okap_test")).body(capabilities().to_string());
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let answer = post().header("content-type", kind).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    // a name that was bent to this address
    let rebound = post().header("content-type", "application/json").header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST);
    let json = post().header("content-type", "application/json").send().await.unwrap();
    assert_eq!(json.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_it_cannot_do_and_what_makes_no_sense_are_told_apart() {
    let house = House::open(true).await;
    for (order, status) in [
        (json!({ "v": 1, "verb": "dance" }), StatusCode::NOT_IMPLEMENTED),
        (json!({ "v": 2, "verb": "capabilities" }), StatusCode::BAD_REQUEST),
        (json!({ "v": 1, "verb": "revoke" }), StatusCode::BAD_REQUEST),
        (
            json!({ "v": 1, "verb": "revoke", "grant": "g_0123456789012345678901" }),
            StatusCode::CONFLICT,
        ),
        (
            json!({ "v": 1, "verb": "seed", "provider": "openai", "key": "k", "upstream": "https://api.example" }),
            StatusCode::BAD_REQUEST,
        ),
        (
            json!({ "v": 1, "verb": "seed", "provider": "openai", "key": "k", "upstream": "http://127.0.0.1:9" }),
            StatusCode::OK,
        ),
        (json!({ "v": 1, "verb": "reset" }), StatusCode::OK),
    ] {
        assert_eq!(house.order(order.clone()).await.status(), status, "{order}");
    }
}

#[tokio::test]
async fn the_clock_is_turned_forward_and_requests_end() {
    let house = House::open(true).await;
    let asked = house.ask("okapconf-2").await;
    let advance = json!({ "v": 1, "verb": "advance", "seconds": 601 });
    assert_eq!(house.order(advance).await.status(), StatusCode::OK);
    let (status, answer) = house.outcome(&asked).await;
    assert_eq!((status, &answer["error"]), (400, &json!("expired_token")));
    // the twin: without the turn it waits
    let asked = house.ask("okapconf-3").await;
    assert_eq!(house.outcome(&asked).await.0, 202);
}

#[tokio::test]
async fn a_turn_of_more_than_ten_years_is_one_of_ten() {
    let house = House::open(true).await;
    for seconds in [1, u32::MAX] {
        let turn = json!({ "v": 1, "verb": "advance", "seconds": seconds });
        let turned = tokio::time::timeout(std::time::Duration::from_secs(30), house.order(turn));
        assert_eq!(turned.await.unwrap().status(), StatusCode::OK, "{seconds}");
    }
}
