//! The device flow: one device asks, a person decides on another.

use std::sync::Arc;

use okap_engine::{
    flow::Decision,
    record::{Identity, Interaction},
};
use okap_server::ControlError;
use serde_json::{Value, json};

use crate::support::{
    Answer, App, Ask, House, Members, NOTES, Plan, Tokens, all, but, chat_with, document, key, post,
};

async fn house() -> House {
    let page = |config: &mut okap_server::Config| {
        config.device_page = Some(config.profile.issuer.join("/okap/device").unwrap());
    };
    Plan::new().tune(page).document(NOTES, &document(NOTES)).build().await
}

fn app() -> App {
    App::local()
}

fn asks() -> Members {
    vec![
        ("client_id", "http://localhost".into()),
        ("client_name", "Television".into()),
        ("authorization_details", json!([chat_with(json!({}))]).to_string()),
    ]
}

fn text(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap().to_owned()
}

impl House {
    async fn device(&self) -> Answer {
        let answer = self.send(post("/okap/device_authorization", &asks())).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// The request that a person finds by the code.
    async fn typed(&self, code: &str) -> Result<Interaction, ControlError> {
        self.control().typed(code, "10.0.0.1").await
    }

    async fn approve(&self, device: &Answer) {
        let asked = self.typed(&text(device, "user_code")).await.unwrap();
        self.decide(&asked, &all(&asked)).await.unwrap();
    }

    async fn polls(&self, device: &Answer) -> (u16, String) {
        self.token(&app().polls(&text(device, "device_code"))).await.says()
    }
}

fn says(code: &str) -> (u16, String) {
    (400, code.into())
}

#[tokio::test]
async fn a_device_gets_its_tokens_once_a_person_has_allowed() {
    let house = house().await;
    let device = house.device().await;
    let body = device.json();
    let code = body["user_code"].as_str().unwrap();
    assert_eq!(body["verification_uri"], format!("{}/okap/device", house.issuer));
    assert_eq!(
        body["verification_uri_complete"],
        format!("{}/okap/device?user_code={code}", house.issuer)
    );
    assert_eq!((&body["expires_in"], &body["interval"]), (&json!(600), &json!(5)));
    assert_eq!(device.header("cache-control"), Some("no-store"));
    assert_eq!(house.polls(&device).await, says("authorization_pending"));
    house.approve(&device).await;
    house.clock.turn(5);
    let answer = house.token(&app().polls(&text(&device, "device_code"))).await;
    assert_eq!(answer.json()["token_type"], "Bearer");
    let tokens = Tokens::from(&answer);
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    house.tokens(&app().renews(&tokens.refresh)).await;
    house.done().await;
}

#[tokio::test]
async fn v91_who_polls_too_often_waits_longer_each_time_on_every_node() {
    let mut house = house().await;
    let other = house.second_node().await;
    let device = house.device().await;
    let poll = || post("/okap/token", &app().polls(&text(&device, "device_code")));
    assert_eq!(house.send(poll()).await.says(), says("authorization_pending"));
    house.clock.turn(3);
    assert_eq!(house.flow_at(&other, poll()).await.rest().await.says(), says("slow_down"));
    // now it is 10 s
    house.clock.turn(8);
    assert_eq!(house.send(poll()).await.says(), says("slow_down"));
    // now it is 15 s
    house.clock.turn(13);
    let slow = house.flow_at(&other, poll()).await.rest().await;
    assert_eq!(slow.says(), says("slow_down"));
    assert_eq!(slow.header("cache-control"), Some("no-store"));
    house.clock.turn(20);
    assert_eq!(house.send(poll()).await.says(), says("authorization_pending"));
    house.approve(&device).await;
    house.clock.turn(20);
    assert_eq!(house.flow_at(&other, poll()).await.rest().await.status, 200);
    assert_eq!(house.send(poll()).await.says(), says("invalid_grant"));
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v91_of_fifty_polls_at_once_on_two_nodes_one_gets_the_token() {
    let mut house = house().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let device = house.device().await;
    house.approve(&device).await;
    let go = |n: usize| {
        let house = house.clone();
        let ask = post("/okap/token", &app().polls(&text(&device, "device_code")));
        let at = if n.is_multiple_of(2) { house.host() } else { other.clone() };
        tokio::spawn(async move { house.flow_at(&at, ask).await.rest().await.says() })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let of = |says: (u16, String)| answers.iter().filter(|a| **a == says).count();
    assert_eq!((of((200, String::new())), of(says("invalid_grant"))), (1, 49), "{answers:?}");
    assert_eq!(house.control().vault().count("refresh").await, 1);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn v91_who_denies_or_lets_it_pass_gives_nothing() {
    let house = house().await;
    let (denied, late, good) = (house.device().await, house.device().await, house.device().await);
    let asked = house.typed(&text(&denied, "user_code")).await.unwrap();
    house.decide(&asked, &Decision::Deny).await.unwrap();
    assert_eq!(house.polls(&denied).await, says("access_denied"));
    house.approve(&good).await;
    house.clock.turn(599);
    assert_eq!(house.polls(&good).await.0, 200);
    let asked = house.typed(&text(&late, "user_code")).await.unwrap();
    house.clock.turn(1);
    assert!(house.decide(&asked, &all(&asked)).await.is_err());
    assert_eq!(house.polls(&late).await, says("expired_token"));
    house.done().await;
}

#[tokio::test]
async fn v94_a_grant_that_was_taken_back_before_it_was_fetched_gives_nothing() {
    let house = house().await;
    let (gone, good) = (house.device().await, house.device().await);
    let asked = house.typed(&text(&gone, "user_code")).await.unwrap();
    let grant = house.decide(&asked, &all(&asked)).await.unwrap().grant.unwrap();
    house.control().revoke(&crate::support::owner(), &grant.id).await.unwrap();
    assert_eq!(house.polls(&gone).await, says("invalid_grant"));
    house.approve(&good).await;
    assert_eq!(house.polls(&good).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn a_device_code_serves_its_own_client_alone() {
    let house = house().await;
    let device = house.device().await;
    house.approve(&device).await;
    let code = text(&device, "device_code");
    let other = but(&app().polls(&code), "client_id", NOTES);
    assert_eq!(house.token(&other).await.says(), says("invalid_grant"));
    for wrong in [
        text(&device, "user_code"),
        code.replacen("_dc_", "_ac_", 1),
        code[..56].to_owned(),
        format!("{code}x"),
    ] {
        let refused = house.token(&app().polls(&wrong)).await;
        assert_eq!(refused.says(), says("invalid_grant"), "{wrong}");
    }
    // nor does it serve as anything else
    assert_eq!(house.token(&app().redeems(&code)).await.says(), says("invalid_grant"));
    assert_eq!(house.token(&app().renews(&code)).await.says(), says("invalid_grant"));
    assert_eq!(house.token(&app().hands_on(&code)).await.says(), says("invalid_request"));
    assert_eq!(house.chats(&code).await, (401, "invalid_token".into()));
    let go_on = house.send(Ask::post("/okap/continue").bearer(&code)).await;
    assert_eq!(go_on.says(), (401, "invalid_token".into()));
    assert_eq!(house.polls(&device).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v93_who_asked_from_where_is_part_of_what_is_shown() {
    let house = house().await;
    let asked = house.typed(&text(&house.device().await, "user_code")).await.unwrap();
    assert_eq!(asked.source.as_deref(), Some("127.0.0.1"));
    assert_eq!(asked.app.identity, Identity::Local);
    assert_eq!(asked.app.info.name.as_ref().unwrap().as_str(), "Television");
    // whoever sends a published app's id from a device proves nothing by it
    let members = but(&but(&asks(), "client_id", NOTES), "client_name", "");
    let device = house.send(post("/okap/device_authorization", &members)).await;
    let asked = house.typed(&text(&device, "user_code")).await.unwrap();
    assert_eq!(asked.app.identity, Identity::Claimed);
    let named = but(&asks(), "client_id", NOTES);
    let refused = house.send(post("/okap/device_authorization", &named)).await;
    assert_eq!(refused.says(), says("invalid_request"));
    // the page's hash covers all of it
    let other = Interaction { source: Some("10.9.9.9".into()), ..asked.clone() };
    assert_ne!(okap_engine::flow::shown(&asked), okap_engine::flow::shown(&other));
    house.done().await;
}

#[tokio::test]
async fn a_code_is_found_however_it_is_typed() {
    let house = house().await;
    let code = text(&house.device().await, "user_code");
    let bare = code.replace('-', "");
    for typed in [
        code.clone(),
        code.to_lowercase(),
        bare.clone(),
        format!(" {} {} ", &bare[..4], &bare[4..]),
        format!("{}-{}", &bare[..2], &bare[2..]),
    ] {
        assert!(house.typed(&typed).await.is_ok(), "{typed}");
    }
    for wrong in ["", "-", "BCDF-GHJ", &format!("{code}B"), &code.replace('-', "_")] {
        assert!(house.typed(wrong).await.is_err(), "{wrong}");
    }
    house.done().await;
}

#[tokio::test]
async fn v96_wrong_codes_are_counted_by_source_and_over_all() {
    let house = house().await;
    let code = text(&house.device().await, "user_code");
    let control = house.control();
    for _ in 0..10 {
        assert!(matches!(control.typed("BBBB-BBBB", "a").await, Err(ControlError::Unknown)));
    }
    for typed in ["BBBB-BBBB", &code] {
        let refused = control.typed(typed, "a").await;
        assert!(matches!(refused, Err(ControlError::TooManyGuesses(1..=60))), "{refused:?}");
    }
    // the right code from elsewhere is heard, as often as one likes
    for _ in 0..20 {
        control.typed(&code, "b").await.unwrap();
    }
    for source in 0..9 {
        for _ in 0..10 {
            let _ = control.typed("BBBB-BBBB", &format!("c{source}")).await;
        }
    }
    let refused = control.typed(&code, "d").await;
    assert!(matches!(refused, Err(ControlError::TooManyGuesses(_))), "{refused:?}");
    house.clock.turn(60);
    control.typed(&code, "a").await.unwrap();
    house.done().await;
}

#[tokio::test]
async fn v96_a_whole_ipv6_network_is_one_source() {
    let house = house().await;
    let code = text(&house.device().await, "user_code");
    let control = house.control();
    for host in 0..10 {
        let source = format!("2001:db8:1:2::{host:x}");
        assert!(matches!(control.typed("BBBB-BBBB", &source).await, Err(ControlError::Unknown)));
    }
    for source in ["2001:db8:1:2:ffff::1", "2001:db8:1:2::1"] {
        let refused = control.typed(&code, source).await;
        assert!(matches!(refused, Err(ControlError::TooManyGuesses(_))), "{refused:?}");
    }
    for other in ["2001:db8:1:3::1", "10.0.0.1", "::ffff:10.0.0.2"] {
        control.typed(&code, other).await.unwrap();
    }
    for _ in 0..5 {
        for source in ["10.0.0.7", "::ffff:10.0.0.7"] {
            let _ = control.typed("BBBB-BBBB", source).await;
        }
    }
    let refused = control.typed(&code, "10.0.0.7").await;
    assert!(matches!(refused, Err(ControlError::TooManyGuesses(_))), "{refused:?}");
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v96_fifty_guesses_at_once_are_counted_one_by_one() {
    let house = Arc::new(house().await);
    house.control().vault().slow_reads(std::time::Duration::from_millis(50));
    let go = |n: u32| {
        let house = house.clone();
        let digits = b"BCDFGHJKLM";
        let letter = |place: u32| char::from(digits[(n / 10_u32.pow(place) % 10) as usize]);
        let guess = format!("BBBB-BB{}{}", letter(1), letter(0));
        tokio::spawn(async move { house.typed(&guess).await })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut looked_up = 0;
    for task in tasks {
        match task.await.unwrap() {
            Err(ControlError::Unknown) => looked_up += 1,
            Err(ControlError::TooManyGuesses(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_up, 10);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn without_a_page_there_is_no_device_flow() {
    let without = House::open().await;
    let refused = without.send(post("/okap/device_authorization", &asks())).await;
    assert_eq!(refused.says(), (404, "not_found".into()));
    without.done().await;
    let house = house().await;
    for method in ["GET", "PUT", "DELETE"] {
        let refused = house.send(Ask::new(method, "/okap/device_authorization")).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
    }
    house.device().await;
    house.done().await;
}

#[tokio::test]
async fn v71_a_device_asks_for_what_can_be_asked_for() {
    let house = house().await;
    let of = |details: Value| but(&asks(), "authorization_details", &details.to_string());
    for wrong in [
        json!([]),
        json!({}),
        json!([{"type": "payment", "provider": "openai"}]),
        json!([{"provider": "openai"}]),
        json!([{"type": "ai_model_access"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "colour": 1}]),
        json!([{"type": "ai_model_access", "provider": "openai", "models": "gpt-4o"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "base_url": "https://x"}]),
        json!([{"type": "ai_model_access", "provider": "nobody"}]),
    ] {
        house.clock.turn(61);
        let refused = house.send(post("/okap/device_authorization", &of(wrong.clone()))).await;
        assert_eq!(refused.says(), says("invalid_authorization_details"), "{wrong}");
    }
    let none = but(&asks(), "authorization_details", "");
    let refused = house.send(post("/okap/device_authorization", &none)).await;
    assert_eq!(refused.says(), says("invalid_request"));
    assert_eq!(house.control().vault().count("interaction").await, 0);
    house.device().await;
    house.done().await;
}

#[tokio::test]
async fn v128_devices_do_not_flood_the_user() {
    let house = house().await;
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(house.send(post("/okap/device_authorization", &asks())).await);
    }
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 3);
    let refused = answers.last().unwrap();
    assert_eq!(refused.says(), (429, "too_many_requests".into()));
    assert!(refused.header("retry-after").is_some());
    // a decision makes room
    house.approve(&answers[0]).await;
    house.device().await;
    house.done().await;
}

#[tokio::test]
async fn v118_a_device_that_proves_a_key_gets_tokens_for_that_key() {
    let house = house().await;
    let device = house.device().await;
    house.approve(&device).await;
    let members = app().polls(&text(&device, "device_code"));
    let bad = house.proof(&key(1), "GET", "/okap/token");
    let refused = house.send(post("/okap/token", &members).proven(&bad)).await;
    assert_eq!(refused.says(), says("invalid_dpop_proof"));
    let tokens = Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    assert_eq!(house.chats(&tokens.access).await, (401, "invalid_token".into()));
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    let renews = app().renews(&tokens.refresh);
    assert_eq!(house.token(&renews).await.says(), says("invalid_grant"));
    house.done().await;
}

#[tokio::test]
async fn v70_a_device_may_take_less_and_not_more() {
    let house = house().await;
    let device = house.device().await;
    house.approve(&device).await;
    let members = |details: Value| {
        let details = ("authorization_details", json!([details]).to_string());
        [app().polls(&text(&device, "device_code")), vec![details]].concat()
    };
    let wide = json!({"type": "ai_model_access", "provider": "openai", "capabilities": ["vision"]});
    let refused = house.token(&members(wide)).await;
    assert_eq!(refused.says(), says("invalid_authorization_details"));
    let less = json!({
        "type": "ai_model_access", "provider": "openai", "limits": {"requests_per_day": 1},
    });
    let tokens = house.tokens(&members(less)).await;
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    assert_eq!(house.chats(&tokens.access).await.0, 429);
    house.done().await;
}
