//! The address that a proof is for.

use serde_json::json;

use super::{app, bad_here, bad_there, details};
use crate::support::{Ask, Plan, Tokens, key, post};

#[tokio::test]
async fn the_address_of_a_proof_is_the_vaults_own_whatever_the_request_says() {
    let mut house = Plan::new().path("/vault").build().await;
    let other = house.second_node().await;
    let app = app();
    let pushed = house.send(post("/vault/okap/par", &app.pushes(&details()))).await.json();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", &app.client_id);
    query.append_pair("request_uri", pushed["request_uri"].as_str().unwrap());
    let page = Ask::get(&format!("/vault/okap/authorize?{}", query.finish()));
    let asked = house.send(page).await;
    let asked = house.interaction(asked.header("location").unwrap()).await;
    let decided = house.decide(&asked, &crate::support::all(&asked)).await.unwrap();
    let back = decided.redirect.unwrap();
    let code = back.query_pairs().find(|(n, _)| n == "code").unwrap().1.into_owned();
    let redeem = |htu: String| {
        let proof = house.proof(&key(1), "POST", "/okap/token").claim("htu", htu);
        post("/vault/okap/token", &app.redeems(&code)).proven(&proof)
    };
    let host = house.host();
    for wrong in [
        format!("http://{host}/okap/token"),
        format!("http://{host}/vault/okap/token/"),
        format!("http://{host}/VAULT/okap/token"),
        format!("https://{host}/vault/okap/token"),
        format!("http://{other}/vault/okap/token"),
        format!("http://{host}/vault/okap%2Ftoken"),
        format!("http://{host}.evil.example/vault/okap/token"),
    ] {
        assert_eq!(house.send(redeem(wrong.clone())).await.says(), bad_here(), "{wrong}");
    }
    // another node answers under another name and means the same vault
    let ask = redeem(format!("http://{host}/vault/x/../okap/token?a=b#c"));
    let tokens = Tokens::from(&house.flow_at(&other, ask).await.rest().await);
    let path = "/vault/v1/openai/chat/completions";
    for (htu, expected) in [
        // what is the same route is not the same address
        ("/v1/openai/v1/chat/completions", bad_there()),
        ("/v1/anthropic/chat/completions", bad_there()),
        ("/v1/openai/chat/completions/", bad_there()),
        ("/v1/openai/chat/completions", (200, String::new())),
        ("/v1/openai/chat/completions?x=1", (200, String::new())),
    ] {
        let proof = house.proof(&key(1), "POST", htu).ath(&tokens.access);
        let ask = Ask::chat("", json!({})).target(path).dpop(&tokens.access, &proof);
        assert_eq!(house.send(ask).await.says(), expected, "{htu}");
    }
    house.done().await;
}
