//! A token and its proof belong together.

use serde_json::json;

use super::{CHAT, bad_there};
use crate::support::{Ask, House, key};

#[tokio::test]
async fn v113_at_a_resource_the_proof_is_for_that_token() {
    let house = House::open().await;
    let (tokens, other) = (house.bound(&key(1)).await, house.bound(&key(1)).await);
    let bare = house.proof(&key(1), "POST", CHAT);
    for wrong in [
        bare.clone(),
        bare.clone().ath(&other.access),
        bare.clone().ath(&tokens.refresh),
        bare.clone().claim("ath", ""),
        bare.clone().claim("ath", &*tokens.access),
        bare.clone().claim("ath", 1),
    ] {
        assert_eq!(house.chats_with(&tokens, &wrong).await, bad_there());
    }
    assert_eq!(house.chats_with(&tokens, &bare.ath(&tokens.access)).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v114_a_bound_token_goes_by_its_own_scheme_alone() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    let token = &*tokens.access;
    let bare = || Ask::chat("", json!({})).without("authorization");
    let invalid = (401, "invalid_token".to_owned());
    for ask in [
        bare().bearer(token),
        bare().header("x-api-key", token),
        bare().header("x-goog-api-key", token),
    ] {
        assert_eq!(house.send(ask.clone()).await.says(), invalid);
        // a proof beside it changes nothing
        assert_eq!(house.send(ask.proven(&house.chat_proof(&tokens))).await.says(), invalid);
    }
    let two = bare().dpop(token, &house.chat_proof(&tokens)).header("x-api-key", token);
    assert_eq!(house.send(two).await.says(), invalid);
    assert_eq!(
        house.send(bare().header("authorization", &format!("DPoP {token}"))).await.says(),
        bad_there()
    );
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(house.bound_chat(token, &key(1))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v114_a_token_that_is_not_bound_is_no_dpop_token() {
    let house = House::open().await;
    let tokens = house.local().await;
    assert_eq!(
        house.send(house.bound_chat(&tokens.access, &key(1))).await.says(),
        (401, "invalid_token".into())
    );
    // a proof beside a bearer token is of no meaning
    let both = Ask::chat(&tokens.access, json!({})).proven(&house.chat_proof(&tokens));
    assert_eq!(house.send(both).await.status, 200);
    assert_eq!(house.provider.ledger().last().unwrap().header("dpop"), None);
    house.done().await;
}

#[tokio::test]
async fn a_token_with_the_key_of_another_is_of_no_use() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    let stolen = house.bound_chat(&tokens.access, &key(2));
    assert_eq!(house.send(stolen).await.says(), bad_there());
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    // nothing of the proof goes up
    assert_eq!(house.provider.ledger().last().unwrap().header("dpop"), None);
    house.done().await;
}
