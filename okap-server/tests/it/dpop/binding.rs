//! How codes and tokens are bound to a key.

use serde_json::json;

use super::{app, bad_here, details};
use crate::support::{App, House, Plan, Tokens, but, document, key, post, with};

fn dead() -> (u16, String) {
    (400, "invalid_grant".into())
}

#[tokio::test]
async fn v115_a_code_that_was_bound_needs_its_key() {
    let house = House::open().await;
    let jkt = key(1).thumbprint();
    let named = [app().pushes(&details()), vec![("dpop_jkt", jkt.clone())]].concat();
    let plain = app().pushes(&details());
    let proof = || house.proof(&key(1), "POST", "/okap/par");
    for push in [
        post("/okap/par", &named),
        post("/okap/par", &plain).proven(&proof()),
        post("/okap/par", &named).proven(&proof()),
    ] {
        let pushed = house.send(push).await;
        let code = house.code_of(&app().client_id, &pushed).await;
        let members = app().redeems(&code);
        assert_eq!(house.token(&members).await.says(), dead());
        assert_eq!(house.send(house.with_proof(&members, &key(2))).await.says(), dead());
        let answer = house.send(house.with_proof(&members, &key(1))).await;
        assert_eq!(answer.json()["token_type"], "DPoP");
        let tokens = Tokens::from(&answer);
        assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn v116_a_key_is_named_once() {
    let house = House::open().await;
    let push = |jkt: &str| {
        let members = but(&app().pushes(&details()), "dpop_jkt", jkt);
        post("/okap/par", &members).proven(&house.proof(&key(1), "POST", "/okap/par"))
    };
    let good = key(1).thumbprint();
    for wrong in [
        &*key(2).thumbprint(),
        &good.to_uppercase(),
        &good[..42],
        &format!("{good}="),
        &format!("{good}x"),
        "x",
    ] {
        let refused = house.send(push(wrong)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{wrong}");
    }
    assert_eq!(house.send(push(&good)).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn a_client_that_binds_all_its_tokens_gets_none_without_a_proof() {
    let url = "https://bound.example/okap.json";
    let says = with(document(url), json!({"dpop_bound_access_tokens": true}));
    let house = Plan::new().document(url, &says).build().await;
    let app = App::published(url);
    let members = app.redeems(&house.code_for(&app, &details()).await);
    assert_eq!(house.token(&members).await.says(), bad_here());
    let tokens = Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    for members in [app.renews(&tokens.refresh), app.hands_on(&tokens.access)] {
        assert_eq!(house.token(&members).await.says(), bad_here());
        let answer = house.send(house.with_proof(&members, &key(1))).await;
        assert_eq!(answer.json()["token_type"], "DPoP", "{}", answer.text());
    }
    house.done().await;
}
