//! Refresh tokens: turned over, watched, and never wider or longer than the grant.

use std::sync::Arc;

use okap_engine::flow::Decision;
use serde_json::{Value, json};

use crate::support::{
    App, Ask, House, NOTES, Plan, Tokens, but, chat_with, document, first, key, post,
};

fn app() -> App {
    App::local()
}

fn dead() -> (u16, String) {
    (400, "invalid_grant".into())
}

impl House {
    async fn renew(&self, refresh: &str) -> Tokens {
        self.tokens(&app().renews(refresh)).await
    }

    async fn renewal(&self, refresh: &str) -> (u16, String) {
        self.token(&app().renews(refresh)).await.says()
    }

    /// A refresh that asks for less.
    async fn narrowed(&self, refresh: &str, details: &Value) -> crate::support::Answer {
        let details = ("authorization_details", json!([details]).to_string());
        self.token(&[app().renews(refresh), vec![details]].concat()).await
    }
}

#[tokio::test]
async fn a_refresh_gives_other_tokens_each_time() {
    let house = House::open().await;
    let one = house.local().await;
    let two = house.renew(&one.refresh).await;
    assert!(one.access != two.access && one.refresh != two.refresh && one.grant == two.grant);
    // an access token lives on until its hour is over
    assert_eq!((house.chats(&one.access).await.0, house.chats(&two.access).await.0), (200, 200));
    house.clock.turn(3600);
    assert_eq!(house.chats(&two.access).await, (401, "token_expired".into()));
    let three = house.renew(&two.refresh).await;
    assert_eq!(house.chats(&three.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v78_a_refresh_token_serves_its_own_client_alone() {
    let house = Plan::new().document(NOTES, &document(NOTES)).build().await;
    let tokens = house.local().await;
    let refused = house.token(&App::published(NOTES).renews(&tokens.refresh)).await;
    assert_eq!(refused.says(), dead());
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    house.renew(&tokens.refresh).await;
    house.done().await;
}

#[tokio::test]
async fn v79_a_used_token_within_its_grace_gives_the_same_successor() {
    let house = House::open().await;
    let one = house.local().await;
    let two = house.renew(&one.refresh).await;
    house.clock.turn(10);
    let again = house.renew(&one.refresh).await;
    assert_eq!(again.refresh, two.refresh);
    assert_ne!(again.access, two.access);
    house.renew(&two.refresh).await;
    house.done().await;
}

#[tokio::test]
async fn v79_a_used_token_behind_its_grace_kills_the_grant() {
    let house = House::open().await;
    let one = house.local().await;
    let two = house.renew(&one.refresh).await;
    house.clock.turn(11);
    assert_eq!(house.renewal(&one.refresh).await, dead());
    assert_eq!(house.renewal(&two.refresh).await, dead());
    for token in [&one.access, &two.access] {
        assert_eq!(house.chats(token).await, (401, "token_revoked".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn v79_a_used_token_whose_successor_was_used_kills_the_grant_at_once() {
    let house = House::open().await;
    let one = house.local().await;
    let two = house.renew(&one.refresh).await;
    let three = house.renew(&two.refresh).await;
    assert_eq!(house.renewal(&one.refresh).await, dead());
    assert_eq!(house.renewal(&three.refresh).await, dead());
    assert_eq!(house.chats(&three.access).await, (401, "token_revoked".into()));
    house.done().await;
}

#[tokio::test]
async fn v81_no_refresh_makes_a_grant_longer() {
    let house = House::open().await;
    let end = house.seconds() + 3 * 3600;
    let pushed = house.send(post("/okap/par", &app().pushes(&chat_with(json!({}))))).await;
    let decide = |asked: &_| {
        first(asked, |part| {
            part.expires = okap_types::Timestamp::from_unix_millis(end * 1000);
        })
    };
    let code = house.code_as(&app().client_id, &pushed, decide).await;
    let mut tokens = house.tokens(&app().redeems(&code)).await;
    for _ in 0..5 {
        house.clock.turn(1800);
        tokens = house.renew(&tokens.refresh).await;
    }
    house.clock.turn(1799);
    let answer = house.token(&app().renews(&tokens.refresh)).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(1)));
    let last = Tokens::from(&answer);
    assert_eq!(house.chats(&last.access).await.0, 200);
    house.clock.turn(1);
    assert_eq!(house.seconds(), end);
    assert_eq!(house.renewal(&last.refresh).await, dead());
    assert_eq!(house.chats(&last.access).await, (401, "token_expired".into()));
    house.done().await;
}

#[tokio::test]
async fn v82_a_narrower_token_leaves_the_grant_as_it_is() {
    let house = House::open().await;
    let mut details = chat_with(json!({"monthly_spend": 10}));
    details["models"] = json!(["gpt-4o-mini", "gpt-4o"]);
    let tokens = house.through_browser(&app(), &details).await;
    let less = json!({"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"]});
    let answer = house.narrowed(&tokens.refresh, &less).await;
    let narrow = Tokens::from(&answer);
    assert_eq!(answer.json()["authorization_details"][0]["models"], json!(["gpt-4o-mini"]));
    let big = json!({"model": "gpt-4o"});
    let refused = house.send(Ask::chat(&narrow.access, big.clone())).await;
    assert_eq!(refused.says(), (403, "model_not_allowed".into()));
    assert_eq!(house.chats(&narrow.access).await.0, 200);
    let all = house.renew(&narrow.refresh).await;
    assert_eq!(house.send(Ask::chat(&all.access, big)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v70_a_wider_refresh_is_refused_and_the_token_stays_good() {
    let house = House::open().await;
    let tokens = house.through_browser(&app(), &chat_with(json!({"monthly_spend": "10.00"}))).await;
    let of = |extra: Value| {
        crate::support::with(json!({"type": "ai_model_access", "provider": "openai"}), extra)
    };
    for wide in [
        of(json!({"models": ["gpt-4o"]})),
        of(json!({"models": ["*"]})),
        of(json!({"models": ["gpt-4o-mini", "gpt-4o"]})),
        of(json!({"capabilities": ["chat", "vision"]})),
        of(json!({"limits": {"monthly_spend": "10.000001"}})),
        of(json!({"expires": "2999-01-01"})),
        of(json!({"expires": "2026-11-15T12:00:00Z"})),
        of(json!({"provider": "anthropic"})),
    ] {
        let refused = house.narrowed(&tokens.refresh, &wide).await;
        assert_eq!(refused.says(), (400, "invalid_authorization_details".into()), "{wide}");
    }
    let same = house.narrowed(&tokens.refresh, &of(json!({"limits": {"monthly_spend": 10}}))).await;
    assert_eq!(same.status, 200, "{}", same.text());
    house.done().await;
}

#[tokio::test]
async fn a_lower_cap_is_a_lower_cap_on_the_same_counter() {
    let house = House::open().await;
    let details = chat_with(json!({"requests_per_day": 10}));
    let tokens = house.through_browser(&app(), &details).await;
    for _ in 0..2 {
        assert_eq!(house.chats(&tokens.access).await.0, 200);
    }
    let three = json!({
        "type": "ai_model_access", "provider": "openai", "limits": {"requests_per_day": 3},
    });
    let narrow = Tokens::from(&house.narrowed(&tokens.refresh, &three).await);
    assert_eq!(house.chats(&narrow.access).await.0, 200);
    assert_eq!(house.chats(&narrow.access).await, (429, "rate_limit_exceeded".into()));
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v83_a_grant_that_was_taken_back_is_not_renewed() {
    let house = House::open().await;
    let tokens = house.local().await;
    let kept = house.local().await;
    let id = tokens.grant.parse().unwrap();
    house.control().revoke(&crate::support::owner(), &id).await.unwrap();
    assert_eq!(house.renewal(&tokens.refresh).await, dead());
    house.renew(&kept.refresh).await;
    house.done().await;
}

#[tokio::test]
async fn v83_without_a_master_key_access_is_renewed_and_of_no_use() {
    let house = Plan::new().without_keys().build().await;
    let tokens = house.local().await;
    let renewed = house.renew(&tokens.refresh).await;
    assert_eq!(house.chats(&renewed.access).await, (503, "provider_not_configured".into()));
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v79_fifty_refreshes_at_once_give_one_successor() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let tokens = house.local().await;
    let go = |n: usize| {
        let (house, refresh) = (house.clone(), tokens.refresh.clone());
        let at = if n.is_multiple_of(2) { house.host() } else { other.clone() };
        tokio::spawn(async move {
            let ask = post("/okap/token", &app().renews(&refresh));
            Tokens::from(&house.flow_at(&at, ask).await.rest().await)
        })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut successors = std::collections::HashSet::new();
    let mut accesses = std::collections::HashSet::new();
    for task in tasks {
        let tokens = task.await.unwrap();
        successors.insert(tokens.refresh);
        accesses.insert(tokens.access);
    }
    assert_eq!((successors.len(), accesses.len()), (1, 50));
    let next = house.renew(successors.iter().next().unwrap()).await;
    assert_eq!(house.chats(&next.access).await.0, 200);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v83_v100_a_refresh_that_races_with_a_revocation_gives_nothing_that_works() {
    let house = Arc::new(House::open().await);
    for round in 0..12 {
        let tokens = house.local().await;
        let id = tokens.grant.parse().unwrap();
        let refreshing: Vec<_> = (0..4)
            .map(|_| {
                let (house, refresh) = (house.clone(), tokens.refresh.clone());
                tokio::spawn(async move { house.token(&app().renews(&refresh)).await })
            })
            .collect();
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        house.control().revoke(&crate::support::owner(), &id).await.unwrap();
        let mut live = vec![tokens.access.clone()];
        for task in refreshing {
            let answer = task.await.unwrap();
            match answer.status {
                200 => live.push(Tokens::from(&answer).access),
                _ => assert_eq!(answer.says(), dead()),
            }
        }
        for token in live {
            assert_eq!(house.chats(&token).await, (401, "token_revoked".into()));
        }
        assert_eq!(house.renewal(&tokens.refresh).await, dead());
    }
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn v118_a_refresh_token_that_is_bound_needs_its_key() {
    let house = House::open().await;
    let pushed = house.send(post("/okap/par", &app().pushes(&chat_with(json!({}))))).await;
    let code = house.code_of(&app().client_id, &pushed).await;
    let bind = |members: &_, number| {
        post("/okap/token", members).proven(&house.proof(&key(number), "POST", "/okap/token"))
    };
    let one = Tokens::from(&house.send(bind(&app().redeems(&code), 1)).await);
    let members = app().renews(&one.refresh);
    assert_eq!(house.send(bind(&members, 2)).await.says(), dead());
    assert_eq!(house.token(&members).await.says(), dead());
    // a key that was tried costs nothing
    let two = Tokens::from(&house.send(bind(&members, 1)).await);
    assert_eq!(house.send(house.bound_chat(&two.access, &key(1))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v118_the_grace_of_a_token_that_was_bound_in_its_use_is_for_that_key() {
    let house = House::open().await;
    let one = house.local().await;
    let members = app().renews(&one.refresh);
    let bind = |number| {
        post("/okap/token", &members).proven(&house.proof(&key(number), "POST", "/okap/token"))
    };
    let two = Tokens::from(&house.send(bind(1)).await);
    let again = Tokens::from(&house.send(bind(1)).await);
    assert_eq!(again.refresh, two.refresh);
    // who has the old token alone is another one: both lose
    assert_eq!(house.token(&members).await.says(), dead());
    assert_eq!(house.send(bind(1)).await.says(), dead());
    assert_eq!(house.chats(&one.access).await, (401, "token_revoked".into()));
    house.done().await;
}

#[tokio::test]
async fn v84_only_the_right_kind_of_token_renews() {
    let house = House::open().await;
    let tokens = house.local().await;
    for wrong in [
        &*tokens.access,
        &tokens.refresh.replacen("_rt_", "_at_", 1),
        &tokens.access.replacen("_at_", "_rt_", 1),
        &tokens.refresh.to_uppercase(),
        &tokens.refresh[..56],
        &format!("{}x", tokens.refresh),
        "x",
    ] {
        assert_eq!(house.renewal(wrong).await, dead(), "{wrong}");
    }
    let twice = [app().renews(&tokens.refresh), vec![("refresh_token", "x".into())]].concat();
    assert_eq!(house.token(&twice).await.says(), (400, "invalid_request".into()));
    let none = but(&app().renews(&tokens.refresh), "refresh_token", "");
    assert_eq!(house.token(&none).await.says(), (400, "invalid_request".into()));
    // nor does a refresh token open anything but the token endpoint
    assert_eq!(house.chats(&tokens.refresh).await, (401, "invalid_token".into()));
    let own = house.send(Ask::get("/okap/limits").bearer(&tokens.refresh)).await;
    assert_eq!(own.says(), (401, "invalid_token".into()));
    house.renew(&tokens.refresh).await;
    house.done().await;
}

#[tokio::test]
async fn a_denied_request_leaves_no_code() {
    let house = House::open().await;
    let pushed = house.send(post("/okap/par", &app().pushes(&chat_with(json!({}))))).await;
    let asked = house.asked(&app().client_id, &pushed).await;
    let back = house.decide(&asked, &Decision::Deny).await.unwrap().redirect.unwrap();
    assert!(back.query_pairs().all(|(name, _)| name != "code"));
    assert_eq!(house.control().vault().count("code").await, 0);
    house.local().await;
    assert_eq!(house.control().vault().count("code").await, 1);
    house.done().await;
}
