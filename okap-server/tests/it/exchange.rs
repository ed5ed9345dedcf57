//! Access that is handed on: never wider, never longer, never without its parents.

use okap_conformance::provider::Rule;
use serde_json::{Value, json};

use crate::support::{
    App, Ask, House, Members, NOTES, Plan, Tokens, but, chat_with, document, exchange, key, post,
    with,
};

fn invalid() -> (u16, String) {
    (400, "invalid_request".into())
}

fn too_wide() -> (u16, String) {
    (400, "invalid_authorization_details".into())
}

fn revoked() -> (u16, String) {
    (401, "token_revoked".into())
}

/// The members of an exchange for less.
fn less(token: &str, details: &Value) -> Members {
    let details = match details {
        Value::Array(_) => details.clone(),
        one => json!([one]),
    };
    [exchange(token), vec![("authorization_details", details.to_string())]].concat()
}

fn openai(extra: Value) -> Value {
    with(json!({"type": "ai_model_access", "provider": "openai"}), extra)
}

impl House {
    /// Hands all of a token on, as an app without a client id.
    pub(crate) async fn handed(&self, token: &str) -> Tokens {
        self.tokens(&exchange(token)).await
    }
}

#[tokio::test]
async fn access_is_handed_on_as_a_grant_of_its_own() {
    let house = House::open().await;
    let parent = house.plain().await;
    let named = [exchange(&parent.token), vec![("client_name", "Summariser".into())]].concat();
    let answer = house.token(&named).await;
    let body = answer.json();
    assert_eq!(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!((&body["token_type"], &body["refresh_token"]), (&json!("Bearer"), &json!(null)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let child = Tokens::from(&answer);
    assert_ne!(child.grant, parent.grant.id.to_string());
    let own = house.send(Ask::get(&format!("/okap/grants/{}", child.grant)).bearer(&child.access));
    let own = own.await.json();
    assert_eq!(own["parent_grant_id"], parent.grant.id.to_string());
    assert_eq!(own["client_name"], "Summariser");
    assert_eq!(house.chats(&child.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v86_nothing_wider_is_handed_on() {
    let house = House::open().await;
    let asked = with(chat_with(json!({"monthly_spend": 10})), json!({"expires": "2026-12-01"}));
    let parent = house.grant(asked).await;
    for wide in [
        openai(json!({"limits": {"monthly_spend": "10.000001"}})),
        openai(json!({"expires": "2026-12-01T00:00:01Z"})),
        openai(json!({"expires": "2026-11-15T12:00:00Z"})),
        openai(json!({"models": ["gpt-4o-mini", "gpt-4o"]})),
        openai(json!({"models": ["gpt-4o"]})),
        openai(json!({"models": ["*"]})),
        openai(json!({"models": ["GPT-4o-mini"]})),
        openai(json!({"capabilities": ["chat", "embeddings"]})),
        openai(json!({"provider": "anthropic"})),
        json!([openai(json!({})), openai(json!({"provider": "anthropic"}))]),
        json!([openai(json!({})), openai(json!({}))]),
        openai(json!({"type": "other"})),
        openai(json!({"base_url": "https://evil.example"})),
        openai(json!({"reason": 1})),
        json!([]),
    ] {
        let refused = house.token(&less(&parent.token, &wide)).await;
        assert_eq!(refused.says(), too_wide(), "{wide}");
    }
    assert_eq!(house.control().vault().count("grant").await, 1);
    let most = openai(json!({
        "models": ["gpt-4o-mini"], "capabilities": ["chat"], "limits": {"monthly_spend": "10.00"},
        "expires": "2026-12-01",
    }));
    let child = house.tokens(&less(&parent.token, &most)).await;
    assert_eq!(house.chats(&child.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v86_what_is_left_out_is_inherited_and_not_unlimited() {
    let house = House::open().await;
    let limits = json!({
        "monthly_spend": 10, "daily_spend": 1, "requests_per_minute": 5, "requests_per_day": 6,
        "tokens_per_request": 500,
    });
    let parent = house.grant(chat_with(limits)).await;
    for details in [openai(json!({})), openai(json!({"limits": {}})), openai(json!({"models": []}))]
    {
        let answer = house.token(&less(&parent.token, &details)).await;
        let got = &answer.json()["authorization_details"][0];
        assert_eq!(got["limits"]["monthly_spend"], "10.00", "{details}");
        assert_eq!(got["limits"]["requests_per_day"], 6);
        assert_eq!(got["limits"]["tokens_per_request"], 500);
        assert_eq!(
            (&got["models"], &got["capabilities"]),
            (&json!(["gpt-4o-mini"]), &json!(["chat"]))
        );
    }
    house.done().await;
}

#[tokio::test]
async fn v86_a_narrowed_token_hands_on_what_it_allows_alone() {
    let house = House::open().await;
    let mut details = chat_with(json!({"requests_per_day": 5}));
    details["models"] = json!(["gpt-4o-mini", "gpt-4o"]);
    let app = App::local();
    let tokens = house.through_browser(&app, &details).await;
    let narrower = openai(json!({"models": ["gpt-4o-mini"], "limits": {"requests_per_day": 2}}));
    let narrower = ("authorization_details", json!([narrower]).to_string());
    let narrow = house.tokens(&[app.renews(&tokens.refresh), vec![narrower]].concat()).await;
    let ask = |details: Value| {
        let details = ("authorization_details", json!([details]).to_string());
        [app.hands_on(&narrow.access), vec![details]].concat()
    };
    for wide in
        [openai(json!({"models": ["gpt-4o"]})), openai(json!({"limits": {"requests_per_day": 3}}))]
    {
        assert_eq!(house.token(&ask(wide.clone())).await.says(), too_wide(), "{wide}");
    }
    let child = house.tokens(&app.hands_on(&narrow.access)).await;
    assert_eq!(
        house.send(Ask::chat(&child.access, json!({"model": "gpt-4o"}))).await.says(),
        (403, "model_not_allowed".into())
    );
    // its two calls are two of the narrowed token's two
    assert_eq!(house.chats(&child.access).await.0, 200);
    assert_eq!(house.chats(&narrow.access).await.0, 200);
    assert_eq!(house.chats(&child.access).await.0, 429);
    assert_eq!(house.chats(&narrow.access).await.0, 429);
    let big = Ask::chat(&tokens.access, json!({"model": "gpt-4o"}));
    assert_eq!(house.send(big).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn what_is_handed_on_ends_with_the_token_it_came_from() {
    let house = House::open().await;
    let app = App::local();
    let tokens = house.local().await;
    house.clock.turn(1800);
    let answer = house.token(&app.hands_on(&tokens.access)).await;
    assert_eq!(answer.json()["expires_in"], 1800);
    let child = Tokens::from(&answer);
    house.clock.turn(1799);
    assert_eq!(house.chats(&child.access).await.0, 200);
    house.clock.turn(1);
    assert_eq!(house.chats(&child.access).await, (401, "token_expired".into()));
    // and no longer, though its parent's grant is renewed
    house.tokens(&app.renews(&tokens.refresh)).await;
    assert_eq!(house.chats(&child.access).await, (401, "token_expired".into()));
    house.done().await;
}

#[tokio::test]
async fn v87_only_a_living_access_token_of_this_vault_is_handed_on() {
    let house = House::open().await;
    let elsewhere = House::open().await;
    let foreign = elsewhere.plain().await.token;
    let app = App::local();
    let tokens = house.local().await;
    let pending = house.ask(&chat_with(json!({}))).await.json();
    let continuation = pending["continue"]["access_token"].as_str().unwrap().to_owned();
    let code = house.code_for(&app, &chat_with(json!({}))).await;
    for wrong in [
        &*tokens.refresh,
        &continuation,
        &code,
        &foreign,
        &tokens.access.replacen("_at_", "_rt_", 1),
        &tokens.access[..56],
        "x",
    ] {
        assert_eq!(house.token(&app.hands_on(wrong)).await.says(), invalid(), "{wrong}");
        assert_eq!(house.token(&exchange(wrong)).await.says(), invalid(), "{wrong}");
    }
    let (gone, late) = (house.local().await, house.local().await);
    let back = [("token", &*gone.access)];
    assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
    assert_eq!(house.token(&app.hands_on(&gone.access)).await.says(), invalid());
    house.tokens(&app.hands_on(&tokens.access)).await;
    house.clock.turn(3600);
    assert_eq!(house.token(&app.hands_on(&late.access)).await.says(), invalid());
    elsewhere.done().await;
    house.done().await;
}

#[tokio::test]
async fn v87_the_kinds_of_token_are_said_and_nothing_else_is_asked_for() {
    let house = House::open().await;
    let parent = house.plain().await;
    let with_one = |name: &'static str, value: &str| {
        [but(&exchange(&parent.token), name, ""), vec![(name, value.to_owned())]].concat()
    };
    for (name, value) in [
        ("subject_token_type", ""),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("subject_token_type", "access_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("actor_token", "x"),
        ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "openai"),
        ("subject_token", ""),
        ("dpop_jkt", "x"),
        ("client_name", &"n".repeat(500)),
    ] {
        let refused = house.token(&with_one(name, value)).await;
        assert_eq!(refused.says(), invalid(), "{name}={value}");
    }
    let evil = house.token(&with_one("resource", "https://evil.example/v1/openai")).await;
    assert_eq!(evil.says(), (400, "invalid_target".into()));
    let other = house.token(&with_one("resource", &format!("{}/v1/groq", house.issuer))).await;
    assert_eq!(other.says(), (400, "invalid_target".into()));
    for (name, value) in [
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("resource", &*house.issuer),
        ("resource", &format!("{}/v1/openai", house.issuer)),
    ] {
        house.tokens(&with_one(name, value)).await;
    }
    house.done().await;
}

#[tokio::test]
async fn v87_access_is_handed_on_three_times_and_not_a_fourth() {
    let house = House::open().await;
    let mut token = house.plain().await.token;
    for _ in 0..3 {
        token = house.handed(&token).await.access;
    }
    assert_eq!(house.chats(&token).await.0, 200);
    assert_eq!(house.token(&exchange(&token)).await.says(), invalid());
    house.done().await;
}

#[tokio::test]
async fn v89_what_was_handed_on_dies_with_any_grant_above_it() {
    let house = House::open().await;
    for level in 0..3 {
        let parent = house.plain().await;
        let mut line = vec![(parent.token.clone(), parent.grant.id.to_string())];
        for _ in 0..3 {
            let child = house.handed(&line.last().unwrap().0).await;
            line.push((child.access, child.grant));
        }
        for (token, _) in &line {
            assert_eq!(house.chats(token).await.0, 200);
        }
        let back = [("token", &*line[level].0)];
        assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
        for (at, (token, _)) in line.iter().enumerate() {
            // what stands above goes on
            let expected = if at < level { (200, String::new()) } else { revoked() };
            assert_eq!(house.chats(token).await, expected, "{level} {at}");
        }
        let last = &line[3];
        let own = Ask::get(&format!("/okap/grants/{}", last.1)).bearer(&last.0);
        assert_eq!(house.send(own).await.json()["status"], "revoked");
        let limits = house.send(Ask::get("/okap/limits").bearer(&last.0)).await;
        assert_eq!(limits.says(), revoked());
        assert_eq!(house.token(&exchange(&last.0)).await.says(), invalid());
    }
    house.done().await;
}

#[tokio::test]
async fn v89_a_childs_stream_is_cut_when_its_parent_is_taken_back() {
    let house = House::open().await;
    let parent = house.plain().await;
    let grandchild = house.handed(&house.handed(&parent.token).await.access).await;
    let slow = Rule { words: Some(3_000), chunk_delay_ms: Some(10), ..Rule::default() };
    house.provider.set_fault(slow);
    let stream = || Ask::chat(&grandchild.access, json!({"stream": true}));
    let mut flow = house.flow(stream()).await;
    flow.until("data:", 3).await;
    house.revoke(&parent).await;
    let begun = tokio::time::Instant::now();
    let rest = flow.rest().await;
    assert!(!rest.whole && rest.text().contains("token_revoked"), "{}", rest.text());
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    assert_eq!(house.send(stream()).await.says(), revoked());
    // a child that ends takes nobody with it
    house.provider.clear_faults();
    let parent = house.plain().await;
    let child = house.handed(&parent.token).await;
    house.provider.set_fault(Rule { words: Some(60), chunk_delay_ms: Some(10), ..Rule::default() });
    let mut flow = house.flow(Ask::chat(&parent.token, json!({"stream": true}))).await;
    flow.until("data:", 3).await;
    let back = [("token", &*child.access)];
    assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
    assert!(flow.rest().await.whole);
    house.done().await;
}

#[tokio::test]
async fn v90_what_a_child_spends_its_parents_have_spent() {
    let house = House::open().await;
    let parent = house.grant(chat_with(json!({"monthly_spend": 10}))).await;
    let child = house.handed(&parent.token).await;
    let before = house.used(&parent).await;
    assert_eq!(house.chats(&child.access).await.0, 200);
    house.quiet().await;
    let spent = house.charged();
    assert!(spent > 0);
    assert_eq!(house.used(&parent).await - before, spent);
    // a new child begins with what is left, not anew
    let parent = house.grant(chat_with(json!({"requests_per_day": 2}))).await;
    for expected in [200, 429, 429] {
        let child = house.handed(&parent.token).await;
        assert_eq!(house.chats(&child.access).await.0, expected);
    }
    house.done().await;
}

#[tokio::test]
async fn a_bound_token_is_handed_on_by_its_key_alone_and_to_a_key() {
    let house = House::open().await;
    let app = App::local();
    let tokens = house.bound(&key(1)).await;
    let members = app.hands_on(&tokens.access);
    assert_eq!(house.token(&members).await.says(), invalid());
    assert_eq!(house.send(house.with_proof(&members, &key(2))).await.says(), invalid());
    let own = Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    assert_eq!(house.chats(&own.access).await, (401, "invalid_token".into()));
    assert_eq!(house.send(house.bound_chat(&own.access, &key(1))).await.status, 200);
    // for a program with a key of its own
    let jkt = ("dpop_jkt", key(2).thumbprint());
    let named = [members.clone(), vec![jkt]].concat();
    assert_eq!(house.send(house.with_proof(&named, &key(2))).await.says(), invalid());
    let handed = Tokens::from(&house.send(house.with_proof(&named, &key(1))).await);
    assert_eq!(
        house.send(house.bound_chat(&handed.access, &key(1))).await.says(),
        (401, "invalid_dpop_proof".into())
    );
    assert_eq!(house.send(house.bound_chat(&handed.access, &key(2))).await.status, 200);
    // and from a token without a key to one
    let plain = house.plain().await;
    let jkt = ("dpop_jkt", key(3).thumbprint());
    let third = house.tokens(&[exchange(&plain.token), vec![jkt]].concat()).await;
    assert_eq!(house.chats(&third.access).await, (401, "invalid_token".into()));
    assert_eq!(house.send(house.bound_chat(&third.access, &key(3))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn access_is_handed_on_by_its_own_client_alone() {
    let house = Plan::new().document(NOTES, &document(NOTES)).build().await;
    let (local, direct) = (house.local().await, house.plain().await);
    let app = App::published(NOTES);
    for (token, wrong) in [
        (&local.access, exchange(&local.access)),
        (&local.access, app.hands_on(&local.access)),
        (&direct.token, app.hands_on(&direct.token)),
        (&direct.token, App::local().hands_on(&direct.token)),
    ] {
        assert_eq!(house.token(&wrong).await.says(), invalid(), "{token}");
    }
    house.tokens(&App::local().hands_on(&local.access)).await;
    house.handed(&direct.token).await;
    house.done().await;
}

#[tokio::test]
async fn one_source_hands_on_120_times_a_minute_at_most() {
    let house = House::open().await;
    let parent = house.plain().await;
    for _ in 0..120 {
        house.handed(&parent.token).await;
    }
    let slow = house.token(&exchange(&parent.token)).await;
    assert_eq!(slow.says(), (429, "too_many_requests".into()));
    let wait: u64 = slow.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let elsewhere = post("/okap/token", &exchange(&parent.token)).from(2);
    assert_eq!(house.send(elsewhere).await.status, 200);
    house.clock.turn(60);
    house.handed(&parent.token).await;
    house.done().await;
}

#[tokio::test]
async fn a_store_that_fails_hands_nothing_on() {
    let house = House::open().await;
    let parent = house.plain().await;
    for down in [true, false] {
        let vault = house.control();
        if down {
            vault.vault().down(true)
        } else {
            vault.vault().full(true)
        }
        let refused = house.token(&exchange(&parent.token)).await;
        assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
        vault.vault().down(false);
        vault.vault().full(false);
    }
    assert_eq!(house.control().vault().count("grant").await, 1);
    house.handed(&parent.token).await;
    house.done().await;
}
