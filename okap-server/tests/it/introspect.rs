//! What a resource server learns of a token, and who is none.

use base64ct::{Base64, Encoding};
use okap_server::ResourceServer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Answer, App, Ask, House, NOTES, Plan, chat_with, document, exchange, key};

async fn house() -> House {
    let servers = |config: &mut okap_server::Config| {
        config.resource_servers = [("search", "open sesame"), ("a:b%", "s+ p:ä")]
            .map(|(id, secret)| ResourceServer {
                id: id.into(),
                secret_sha256: Sha256::digest(secret).into(),
            })
            .into();
    };
    Plan::new().tune(servers).document(NOTES, &document(NOTES)).build().await
}

/// HTTP Basic as RFC 6749 section 2.3.1 wants it.
fn basic(id: &str, secret: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    raw_basic(&format!("{}:{}", encode(id), encode(secret)))
}

fn raw_basic(text: &str) -> String {
    format!("Basic {}", Base64::encode_string(text.as_bytes()))
}

fn ask(token: &str) -> Ask {
    Ask::post("/okap/introspect").form(&[("token", token)])
}

impl House {
    async fn told(&self, token: &str) -> Value {
        let ask = ask(token).header("authorization", &basic("search", "open sesame"));
        let answer = self.send(ask).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        answer.json()
    }
}

fn dead() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn v101_who_is_no_resource_server_learns_nothing() {
    let house = house().await;
    let token = house.plain().await.token;
    let good = basic("search", "open sesame");
    let refused = |answer: &Answer| {
        assert_eq!(answer.says(), (401, "invalid_client".into()));
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"okap\""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(!answer.text().contains("active"));
    };
    refused(&house.send(ask(&token)).await);
    for wrong in [
        basic("search", "open Sesame"),
        basic("search", ""),
        basic("", "open sesame"),
        basic("Search", "open sesame"),
        basic("a:b%", "open sesame"),
        basic("search", "s+ p:ä"),
        raw_basic("search"),
        raw_basic(":"),
        raw_basic(""),
        format!("Bearer {token}"),
        format!("{good} "),
        good.replace("Basic ", "Basic  x"),
        good.replace("Basic ", "Basic"),
        good.trim_end_matches('=').to_owned() + "!",
        "Basic".to_owned(),
        "Basic é".to_owned(),
    ]
    .iter()
    .filter(|wrong| wrong.trim_end() != good)
    {
        refused(&house.send(ask(&token).header("authorization", wrong)).await);
    }
    // nor by the body, nor twice, nor by a client's own means
    let body = [("token", &*token), ("client_id", "search"), ("client_secret", "open sesame")];
    refused(&house.send(Ask::post("/okap/introspect").form(&body)).await);
    let twice = ask(&token).header("authorization", &good).header("authorization", &good);
    refused(&house.send(twice).await);
    for right in [good.clone(), good.replace("Basic", "bAsIc"), basic("a:b%", "s+ p:ä")] {
        let answer = house.send(ask(&token).header("authorization", &right)).await;
        assert_eq!(answer.json()["active"], true, "{right}");
    }
    house.done().await;
}

#[tokio::test]
async fn v101_a_vault_without_resource_servers_has_none() {
    let house = House::open().await;
    let token = house.plain().await.token;
    for header in [basic("", ""), basic("search", "open sesame"), raw_basic(":")] {
        let refused = house.send(ask(&token).header("authorization", &header)).await;
        assert_eq!(refused.says(), (401, "invalid_client".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn v101_of_a_token_that_is_not_alive_nothing_is_said() {
    let house = house().await;
    let elsewhere = House::open().await;
    let app = App::local();
    let tokens = house.local().await;
    let code = house.code_for(&app, &chat_with(json!({}))).await;
    let pending = house.ask(&chat_with(json!({}))).await.json();
    for unknown in [
        &*elsewhere.plain().await.token,
        &code,
        pending["continue"]["access_token"].as_str().unwrap(),
        &tokens.access[..56],
        &tokens.access.replacen("_at_", "_rt_", 1),
        &tokens.grant,
        "x",
        "ada",
    ] {
        assert_eq!(house.told(unknown).await, dead(), "{unknown}");
    }
    // used
    let renewed = house.tokens(&app.renews(&tokens.refresh)).await;
    assert_eq!(house.told(&tokens.refresh).await, dead());
    assert_eq!(house.told(&renewed.refresh).await["active"], true);
    // revoked
    let child = house.tokens(&app.hands_on(&renewed.access)).await;
    assert_eq!(house.told(&child.access).await["active"], true);
    let back = [("token", &*renewed.access)];
    assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
    for gone in [&tokens.access, &renewed.access, &renewed.refresh, &child.access] {
        assert_eq!(house.told(gone).await, dead());
    }
    // expired
    let tokens = house.local().await;
    house.clock.turn(3599);
    assert_eq!(house.told(&tokens.access).await["active"], true);
    house.clock.turn(1);
    assert_eq!(house.told(&tokens.access).await, dead());
    elsewhere.done().await;
    house.done().await;
}

#[tokio::test]
async fn v101_of_a_living_token_is_said_what_it_is_worth_and_not_whose_it_is() {
    let house = house().await;
    let app = App::published(NOTES);
    let details = chat_with(json!({"monthly_spend": 10}));
    let tokens = house.through_browser(&app, &details).await;
    let now = house.seconds();
    let told = house.told(&tokens.access).await;
    let names: Vec<_> = told.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "active",
        "authorization_details",
        "client_id",
        "exp",
        "grant_id",
        "iat",
        "iss",
        "token_type",
    ];
    let mut sorted = names;
    sorted.sort();
    assert_eq!(sorted, expected);
    assert_eq!((&told["client_id"], &told["iss"]), (&json!(NOTES), &json!(house.issuer)));
    assert_eq!((&told["iat"], &told["exp"]), (&json!(now), &json!(now + 3600)));
    assert_eq!((&told["token_type"], &told["grant_id"]), (&json!("Bearer"), &json!(tokens.grant)));
    let told = house.told(&tokens.refresh).await;
    assert_eq!((&told["token_type"], &told["client_id"]), (&json!("refresh_token"), &json!(NOTES)));
    // a hint changes nothing
    let pairs = [("token", &*tokens.access), ("token_type_hint", "refresh_token")];
    let hinted = Ask::post("/okap/introspect").form(&pairs);
    let hinted = hinted.header("authorization", &basic("search", "open sesame"));
    assert_eq!(house.send(hinted).await.json()["token_type"], "Bearer");
    // a narrowed token is worth what it is worth
    let narrower =
        json!([{"type": "ai_model_access", "provider": "openai", "limits": {"monthly_spend": 1}}]);
    let narrower = ("authorization_details", narrower.to_string());
    let narrow = house.tokens(&[app.renews(&tokens.refresh), vec![narrower]].concat()).await;
    let told = house.told(&narrow.access).await;
    assert_eq!(told["authorization_details"][0]["limits"]["monthly_spend"], "1.00");
    let bound = house.bound(&key(1)).await;
    let told = house.told(&bound.access).await;
    assert_eq!(told["token_type"], "DPoP");
    assert_eq!(told["cnf"], json!({"jkt": key(1).thumbprint()}));
    let direct = house.plain().await;
    let child = house.tokens(&exchange(&direct.token)).await;
    assert!(house.told(&child.access).await["client_id"].is_null());
    house.done().await;
}

#[tokio::test]
async fn v101_a_question_is_a_form_with_a_token_in_it() {
    let house = house().await;
    let token = house.plain().await.token;
    let good = basic("search", "open sesame");
    for wrong in [
        Ask::post("/okap/introspect").form(&[]),
        Ask::post("/okap/introspect").form(&[("token", "")]),
        Ask::post("/okap/introspect").form(&[("token", &token), ("token", &token)]),
        Ask::post("/okap/introspect").json(&json!({"token": token})),
        ask(&token).without("content-type"),
    ] {
        let refused = house.send(wrong.header("authorization", &good)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()));
    }
    for method in ["GET", "PUT", "HEAD"] {
        let target = format!("/okap/introspect?token={token}");
        let refused = house.send(Ask::new(method, &target).header("authorization", &good)).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
    }
    house.control().vault().down(true);
    let refused = house.send(ask(&token).header("authorization", &good)).await;
    assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
    house.control().vault().down(false);
    assert_eq!(house.told(&token).await["active"], true);
    house.done().await;
}
