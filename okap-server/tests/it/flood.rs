//! What a stranger may pile up: little, and not in everybody's way.

use okap_engine::record::{Below, insert};
use okap_server::Vault;
use serde_json::json;

use crate::support::{
    App, Ask, House, NOTES, Plan, Tokens, chat_with, document, exchange, key, owner, post, with,
};

fn too_many() -> (u16, String) {
    (429, "too_many_requests".into())
}

#[tokio::test]
async fn v30_one_source_has_120_requests_waiting_whatever_it_calls_itself() {
    let house = House::open().await;
    let push = |n: usize| {
        let name = vec![("client_name", format!("app {n}"))];
        let members = [App::local().pushes(&chat_with(json!({}))), name].concat();
        post("/okap/par", &members)
    };
    let mut opened = 0;
    for n in 0..180 {
        // within what may be opened in a minute
        house.clock.turn(2);
        match house.send(push(n)).await.says() {
            (201, _) => opened += 1,
            refused => assert_eq!(refused, too_many()),
        }
    }
    assert_eq!((opened, house.control().vault().count("interaction").await), (120, 120));
    assert_eq!(house.send(push(200).from(2)).await.status, 201);
    // a decision makes room, and so does time
    let pending = house.control().vault().everything().await;
    let one = pending.iter().find_map(|(key, _)| key.as_str().strip_prefix("interaction/"));
    let asked = house.control().interaction(one.unwrap()).await.unwrap();
    house.decide(&asked, &okap_engine::flow::Decision::Deny).await.unwrap();
    assert_eq!(house.send(push(201)).await.status, 201);
    assert_eq!(house.send(push(202)).await.says(), too_many());
    house.clock.turn(600);
    assert_eq!(house.send(push(203)).await.status, 201);
    house.done().await;
}

/// What was decided at another node, or by the command line, waits no longer.
#[tokio::test]
async fn requests_that_were_decided_elsewhere_make_room() {
    let mut house = House::open().await;
    house.second_node().await;
    let elsewhere = house.control_of(1);
    let ask = async || house.ask(&chat_with(json!({}))).await;
    for decided in [true, true, true, true, false, false, false] {
        // it is looked once a second at most whether others have decided
        house.clock.turn(1);
        let pending = ask().await;
        assert_eq!(pending.status, 202, "{}", pending.text());
        let page = pending.json()["interaction_uri"].as_str().unwrap().to_owned();
        let asked = house.interaction(&page).await;
        if decided {
            let (deny, shown) =
                (okap_engine::flow::Decision::Deny, okap_engine::flow::shown(&asked));
            elsewhere.decide(&asked.id, &owner(), &shown, &deny).await.unwrap();
        }
    }
    assert_eq!(ask().await.says(), too_many());
    house.done().await;
}

#[tokio::test]
async fn v30_proofs_that_lead_nowhere_do_not_fill_the_store() {
    let house = House::open().await;
    let members = App::local().redeems("okap_ac_x");
    let lost = (400, "invalid_grant".to_owned());
    for _ in 0..5 {
        assert_eq!(house.send(house.with_proof(&members, &key(1))).await.says(), lost);
    }
    for _ in 0..295 {
        let refused = house.send(post("/okap/token", &members).header("dpop", "a.b.c")).await;
        assert_eq!(refused.says(), (400, "invalid_dpop_proof".into()));
    }
    let slow = house.send(house.with_proof(&members, &key(1))).await;
    assert_eq!(slow.says(), too_many());
    let wait: u64 = slow.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let push = App::local().pushes(&chat_with(json!({})));
    let push = post("/okap/par", &push).proven(&house.proof(&key(1), "POST", "/okap/par"));
    assert_eq!(house.send(push).await.says(), too_many());
    assert_eq!(house.control().vault().count("proof").await, 5);
    // others, who brings no proof, and who comes later are heard
    let elsewhere = house.with_proof(&members, &key(1)).from(2);
    assert_eq!(house.send(elsewhere).await.says(), lost);
    house.local().await;
    house.clock.turn(60);
    let tokens = house.bound(&key(1)).await;
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v30_assertions_that_lead_nowhere_do_not_fill_the_store() {
    let keys = json!({"keys": [key(1).jwk()]});
    let says = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys});
    let house = Plan::new().document(NOTES, &with(document(NOTES), says)).build().await;
    let members = |word: &str| {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let word = vec![("client_assertion_type", kind.into()), ("client_assertion", word.into())];
        [App::published(NOTES).redeems("x"), word].concat()
    };
    let good = || members(&house.assertion(&key(1), NOTES).text());
    let lost = (400, "invalid_grant".to_owned());
    for _ in 0..5 {
        assert_eq!(house.token(&good()).await.says(), lost);
    }
    for _ in 0..295 {
        let refused = house.token(&members("a.b.c")).await;
        assert_eq!(refused.says(), (401, "invalid_client".into()));
    }
    assert_eq!(house.token(&good()).await.says(), too_many());
    assert_eq!(house.control().vault().count("assertion").await, 5);
    assert_eq!(house.send(post("/okap/token", &good()).from(2)).await.says(), lost);
    house.clock.turn(60);
    assert_eq!(house.token(&good()).await.says(), lost);
    house.done().await;
}

#[tokio::test]
async fn v17_no_form_is_longer_than_64_kib_or_has_more_than_64_members() {
    let page = |config: &mut okap_server::Config| {
        config.device_page = Some(config.profile.issuer.join("/okap/device").unwrap());
    };
    let house = Plan::new().tune(page).build().await;
    for path in ["par", "token", "revoke", "introspect", "device_authorization"] {
        let path = format!("/okap/{path}");
        let long = Ask::post(&path).form(&[("token", &"x".repeat(66_000))]);
        assert_eq!(house.send(long).await.status, 413, "{path}");
    }
    let parent = house.plain().await;
    let many: Vec<_> = (0..70).map(|n| format!("x{n}")).collect();
    let mut pairs: Vec<(&str, &str)> = many.iter().map(|name| (&**name, "1")).collect();
    let members = exchange(&parent.token);
    pairs.extend(members.iter().map(|(name, value)| (*name, value.as_str())));
    let refused = house.send(Ask::post("/okap/token").form(&pairs)).await;
    assert_eq!(refused.says(), (400, "invalid_request".into()));
    pairs.drain(..20);
    assert_eq!(house.send(Ask::post("/okap/token").form(&pairs)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v73_what_is_asked_for_at_the_token_endpoint_is_bounded_too() {
    let house = House::open().await;
    let parent = house.plain().await;
    let ask = |details: String| {
        [exchange(&parent.token), vec![("authorization_details", details)]].concat()
    };
    let one = json!({"type": "ai_model_access", "provider": "openai"}).to_string();
    let deep = format!("[{{\"type\":{}1{}}}]", "[".repeat(2_000), "]".repeat(2_000));
    let models: Vec<_> = (0..65).map(|n| format!("m{n}")).collect();
    for wrong in [
        format!("[{}]", vec![&*one; 17].join(",")),
        deep,
        json!([{"type": "ai_model_access", "provider": "openai", "models": models}]).to_string(),
        format!("[{one}"),
        format!("[{one}] x"),
        one.clone(),
        "null".to_owned(),
        format!("[{}]", one.replace("}", ",\"provider\":\"openai\"}")),
        format!("[{}]", one.replace("}", ",\"provid\\u0065r\":\"openai\"}")),
    ] {
        let refused = house.token(&ask(wrong.clone())).await;
        assert_eq!(refused.says(), (400, "invalid_authorization_details".into()), "{wrong}");
    }
    house.tokens(&ask(format!("[{one}]"))).await;
    house.done().await;
}

#[tokio::test]
async fn v194_no_cache_keeps_what_the_token_endpoints_say() {
    let house = House::open().await;
    let tokens = house.local().await;
    let app = App::local();
    let handed = house.tokens(&app.hands_on(&tokens.access)).await;
    let own = format!("/okap/grants/{}", handed.grant);
    for ask in [
        post("/okap/par", &app.pushes(&chat_with(json!({})))),
        post("/okap/par", &[]),
        post("/okap/token", &app.renews(&tokens.refresh)),
        post("/okap/token", &app.renews("x")),
        post("/okap/token", &app.hands_on(&tokens.access)),
        post("/okap/token", &app.polls("x")),
        post("/okap/revoke", &[]),
        post("/okap/introspect", &[]),
        post("/okap/device_authorization", &[]),
        Ask::get("/okap/limits"),
        Ask::get("/okap/limits").bearer(&tokens.access),
        Ask::get(&own).bearer(&handed.access),
        Ask::get(&own),
        Ask::new("DELETE", &own).bearer(&handed.access),
        Ask::get("/okap/token"),
        Ask::get("/okap/nowhere"),
    ] {
        let answer = house.send(ask.clone()).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{ask:?}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    // what is the same for everybody may be kept
    for path in ["oauth-authorization-server", "oauth-protected-resource/v1/openai"] {
        let answer = house.send(Ask::get(&format!("/.well-known/{path}"))).await;
        assert_eq!(answer.header("cache-control"), Some("max-age=300"));
    }
    let tokens = Tokens::from(&house.token(&app.hands_on(&tokens.access)).await);
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v30_a_grant_is_renewed_and_handed_on_so_often_in_a_minute_from_wherever() {
    let house = House::open().await;
    let mut tokens = house.local().await;
    let renews = |tokens: &Tokens| post("/okap/token", &App::local().renews(&tokens.refresh));
    for n in 0..120 {
        tokens = Tokens::from(&house.send(renews(&tokens).from(n)).await);
        let members = [exchange(&tokens.access), vec![("client_id", "http://localhost".into())]];
        let handed_on = house.send(post("/okap/token", &members.concat()).from(n)).await;
        assert_eq!(handed_on.status, 200, "{}", handed_on.text());
    }
    let before = house.control().vault().count("access").await;
    let slow = house.send(renews(&tokens).from(200)).await;
    assert_eq!(slow.says(), too_many());
    let wait: u64 = slow.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let members = [exchange(&tokens.access), vec![("client_id", "http://localhost".into())]];
    let slow = house.send(post("/okap/token", &members.concat()).from(201)).await;
    assert_eq!(slow.says(), too_many());
    assert_eq!(house.control().vault().count("access").await, before);
    // the token is not used up, other grants are renewed, and so is this one a minute later
    let other = house.local().await;
    assert_eq!(house.send(renews(&other).from(200)).await.status, 200);
    house.clock.turn(60);
    assert_eq!(house.send(renews(&tokens).from(200)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v123_a_page_of_another_site_opens_nothing_and_takes_nobodys_room() {
    let page = |config: &mut okap_server::Config| {
        config.device_page = Some(config.profile.issuer.join("/okap/device").unwrap());
    };
    let house = Plan::new().tune(page).build().await;
    let push = || post("/okap/par", &App::local().pushes(&chat_with(json!({}))));
    let device = || {
        let details = json!([chat_with(json!({}))]).to_string();
        let members =
            vec![("client_id", "http://localhost".into()), ("authorization_details", details)];
        post("/okap/device_authorization", &members)
    };
    for site in ["cross-site", "same-site"] {
        for ask in [push(), device(), push(), device()] {
            let answer = house.send(ask.header("sec-fetch-site", site)).await;
            assert_eq!(answer.says(), (400, "invalid_request".into()), "{site}");
        }
    }
    assert_eq!(house.control().vault().count("interaction").await, 0);
    assert_eq!(house.send(push()).await.status, 201);
    for site in ["none", "same-origin"] {
        assert_eq!(house.send(push().header("sec-fetch-site", site)).await.status, 201, "{site}");
    }
    assert_eq!(house.send(device().from(2)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_grant_is_handed_on_a_thousand_times_and_then_again_when_some_have_ended() {
    let house = House::open().await;
    let tokens = house.local().await;
    let until = house.control().now().plus_seconds(60);
    let entry = |n: usize| insert(&format!("{}/g_{n}", tokens.grant), &Below { until });
    let vault = house.control().vault().clone();
    vault.commit((0..999).map(entry).collect()).await.unwrap();
    let members = [exchange(&tokens.access), vec![("client_id", "http://localhost".into())]];
    let form = members.concat();
    assert_eq!(house.send(post("/okap/token", &form)).await.status, 200);
    let refused = house.send(post("/okap/token", &form)).await;
    assert_eq!(refused.says(), too_many());
    assert!(refused.header("retry-after").is_some());
    house.clock.turn(60);
    assert_eq!(house.send(post("/okap/token", &form)).await.status, 200);
    house.done().await;
}
