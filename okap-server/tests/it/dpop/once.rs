//! A proof counts once, on every node and whatever the store does.

use std::sync::Arc;

use serde_json::json;

use super::{app, bad_there};
use crate::support::{Ask, House, Members, Tokens, key};

#[tokio::test]
async fn a_proof_counts_once_everywhere() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let tokens = house.bound(&key(1)).await;
    let proof = house.chat_proof(&tokens);
    let ask = Ask::chat("", json!({})).dpop(&tokens.access, &proof);
    assert_eq!(house.send(ask.clone()).await.status, 200);
    assert_eq!(house.send(ask.clone()).await.says(), bad_there());
    assert_eq!(house.flow_at(&other, ask.clone()).await.rest().await.says(), bad_there());
    // the same name in another text, and the whole time that a proof lives
    let named = proof.clone().claim("iat", house.seconds() + 1);
    assert_eq!(house.chats_with(&tokens, &named).await, bad_there());
    for _ in 0..3 {
        house.clock.turn(100);
        assert_eq!(house.send(ask.clone()).await.says(), bad_there());
    }
    let fresh = Ask::chat("", json!({})).dpop(&tokens.access, &house.chat_proof(&tokens));
    assert_eq!(house.flow_at(&other, fresh).await.rest().await.status, 200);
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_uses_at_once_on_two_nodes_one_counts() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let tokens = house.bound(&key(1)).await;
    let ask = Ask::chat("", json!({})).dpop(&tokens.access, &house.chat_proof(&tokens));
    let go = |n: usize| {
        let (house, ask) = (house.clone(), ask.clone());
        let at = if n.is_multiple_of(2) { house.host() } else { other.clone() };
        tokio::spawn(async move { house.flow_at(&at, ask).await.rest().await.says() })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let of = |says: (u16, String)| answers.iter().filter(|a| **a == says).count();
    assert_eq!((of((200, String::new())), of(bad_there())), (1, 49), "{answers:?}");
    assert_eq!(house.arrived(), 1);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn a_store_that_fails_lets_no_proof_through() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    house.control().vault().full(true);
    let refused = house.send(house.bound_chat(&tokens.access, &key(1))).await;
    assert_eq!(refused.says(), (503, "vault_unavailable".into()));
    let members = app().renews(&tokens.refresh);
    let refused = house.send(house.with_proof(&members, &key(1))).await;
    assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
    house.control().vault().full(false);
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    house.tokens_with(&members).await;
    house.done().await;
}

impl House {
    async fn tokens_with(&self, members: &Members) -> Tokens {
        Tokens::from(&self.send(self.with_proof(members, &key(1))).await)
    }
}
