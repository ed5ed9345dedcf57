//! Where the vault wants a nonce of its own in each proof.

use serde_json::json;

use super::{app, details};
use crate::support::{Answer, Ask, House, Plan, Signed, Tokens, key, post};

async fn wary() -> House {
    Plan::new().tune(|config| config.dpop_nonce = true).build().await
}

fn nonce(answer: &Answer) -> String {
    let mut nonces = answer.headers.get_all("dpop-nonce").iter();
    let (Some(one), None) = (nonces.next(), nonces.next()) else {
        panic!("not one nonce: {:?}", answer.headers)
    };
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    one.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn v117_where_a_nonce_is_wanted_it_is_told_and_accepted_on_every_node() {
    let mut house = wary().await;
    let other = house.second_node().await;
    let code = house.free_code().await;
    let members = app().redeems(&code);
    let proof = || house.proof(&key(1), "POST", "/okap/token");
    let redeem = |proof: &Signed| post("/okap/token", &members).proven(proof);
    let asked = house.send(redeem(&proof())).await;
    assert_eq!(asked.says(), (400, "use_dpop_nonce".into()));
    let told = nonce(&asked);
    for wrong in ["", "x", &told[1..], &told.to_uppercase()] {
        let again = house.send(redeem(&proof().claim("nonce", wrong))).await;
        assert_eq!(again.says(), (400, "use_dpop_nonce".into()), "{wrong}");
    }
    let ask = redeem(&proof().claim("nonce", &*told));
    let tokens = Tokens::from(&house.flow_at(&other, ask).await.rest().await);

    let chat = |nonce: Option<&str>| {
        let proof = house.chat_proof(&tokens);
        let proof = nonce.map_or(proof.clone(), |n| proof.claim("nonce", n));
        Ask::chat("", json!({})).dpop(&tokens.access, &proof)
    };
    let asked = house.send(chat(None)).await;
    assert_eq!(asked.says(), (401, "use_dpop_nonce".into()));
    let challenge = asked.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"use_dpop_nonce\""), "{challenge}");
    assert_eq!(nonce(&asked), told);
    assert_eq!(house.send(chat(Some(&told))).await.status, 200);
    // five minutes later there is another, and the last one still counts; then no more
    house.clock.turn(300);
    let later = nonce(&house.send(chat(None)).await);
    assert_ne!(later, told);
    assert_eq!(house.send(chat(Some(&told))).await.status, 200);
    house.clock.turn(300);
    assert_eq!(house.send(chat(Some(&told))).await.says(), (401, "use_dpop_nonce".into()));
    assert_eq!(house.send(chat(Some(&later))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v117_a_nonce_is_wanted_at_the_pushed_request_and_at_own_resources_too() {
    let house = wary().await;
    let members = app().pushes(&details());
    let push = |proof: &Signed| post("/okap/par", &members).proven(proof);
    let proof = || house.proof(&key(1), "POST", "/okap/par");
    let asked = house.send(push(&proof())).await;
    assert_eq!(asked.says(), (400, "use_dpop_nonce".into()));
    let told = nonce(&asked);
    let pushed = house.send(push(&proof().claim("nonce", &*told))).await;
    let code = house.code_of(&app().client_id, &pushed).await;
    let proof = house.proof(&key(1), "POST", "/okap/token").claim("nonce", &*told);
    let redeem = post("/okap/token", &app().redeems(&code)).proven(&proof);
    let tokens = Tokens::from(&house.send(redeem).await);
    let limits =
        |proof: Signed| Ask::get("/okap/limits").dpop(&tokens.access, &proof.ath(&tokens.access));
    let proof = house.proof(&key(1), "GET", "/okap/limits");
    let asked = house.send(limits(proof)).await;
    assert_eq!((asked.says(), nonce(&asked)), ((401, "use_dpop_nonce".into()), told.clone()));
    let proof = house.proof(&key(1), "GET", "/okap/limits").claim("nonce", &*told);
    assert_eq!(house.send(limits(proof)).await.status, 200);
    // who brings no proof is asked for none
    let plain = house.local().await;
    assert_eq!(house.chats(&plain.access).await.0, 200);
    house.done().await;
}
