//! What an app sees of its own grant, and of no other.

use serde_json::json;

use crate::support::{App, Ask, House, Plan, Tokens, chat_with, exchange, key};

fn grant(id: &str) -> String {
    format!("/okap/grants/{id}")
}

fn not_found() -> (u16, String) {
    (404, "not_found".into())
}

#[tokio::test]
async fn v101_v194_limits_say_what_is_left_to_the_tokens_own_app() {
    let house = House::open().await;
    let limits = json!({"monthly_spend": 10, "requests_per_day": 5, "tokens_per_request": 9000});
    let granted = house.grant(chat_with(limits)).await;
    let ask = || Ask::get("/okap/limits");
    for (headers, code) in [
        (None, "missing_token"),
        (Some("Bearer x".to_owned()), "invalid_token"),
        (Some(granted.token.clone()), "invalid_token"),
        (Some(format!("DPoP {}", granted.token)), "invalid_token"),
        (Some(format!("Basic {}", granted.token)), "invalid_token"),
        (Some(format!("Bearer {}", granted.token.replacen("_at_", "_rt_", 1))), "invalid_token"),
    ] {
        let ask = headers.iter().fold(ask(), |ask, value| ask.header("authorization", value));
        let refused = house.send(ask).await;
        assert_eq!(refused.says(), (401, code.into()), "{headers:?}");
        // the error stands in the scheme that was used
        let dpop = headers.as_ref().is_some_and(|value| value.starts_with("DPoP"));
        let begin = if dpop { "DPoP " } else { "Bearer realm=" };
        let challenges = refused.headers.get_all("www-authenticate").iter();
        let challenges: Vec<_> = challenges.map(|c| c.to_str().unwrap()).collect();
        let told = challenges.iter().find(|c| c.starts_with(begin)).unwrap();
        assert_eq!(told.contains("error=\"invalid_token\""), code == "invalid_token", "{told}");
        assert_eq!(refused.header("cache-control"), Some("no-store"));
    }
    // neither the address nor another header is the place for a token
    let target = format!("/okap/limits?access_token={}", granted.token);
    assert_eq!(house.send(ask().target(&target)).await.says(), (401, "missing_token".into()));
    let elsewhere = ask().header("x-api-key", &granted.token);
    assert_eq!(house.send(elsewhere).await.says(), (401, "missing_token".into()));

    assert_eq!(house.chats(&granted.token).await.0, 200);
    house.quiet().await;
    let answer = house.send(ask().bearer(&granted.token)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let body = answer.json();
    assert_eq!(body["grant_id"], granted.grant.id.to_string());
    let part = &body["limits"][0];
    assert_eq!((&part["provider"], &part["models"]), (&json!("openai"), &json!(["gpt-4o-mini"])));
    let limits = &part["limits"];
    assert_eq!(limits["requests_per_day"]["limit"], 5);
    assert_eq!(limits["requests_per_day"]["used"], 1);
    assert_eq!(limits["requests_per_day"]["remaining"], 4);
    assert_eq!(limits["requests_per_day"]["resets_at"], "2026-11-16T00:00:00Z");
    assert_eq!(limits["tokens_per_request"]["limit"], 9000);
    assert_eq!(limits["monthly_spend"]["limit"], "10.00");
    assert_eq!(limits["monthly_spend"]["resets_at"], "2026-12-01T00:00:00Z");
    assert!(limits["daily_spend"].is_null() && limits["requests_per_minute"].is_null());
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let refused = house.send(Ask::new(method, "/okap/limits").bearer(&granted.token)).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET")), "{method}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_child_sees_its_own_cap_and_what_its_parents_leave_of_it() {
    let house = House::open().await;
    let parent = house.grant(chat_with(json!({"requests_per_day": 6}))).await;
    let five = json!({
        "type": "ai_model_access", "provider": "openai", "limits": {"requests_per_day": 5},
    });
    let child = house.child(&parent.token, &five).await;
    for _ in 0..4 {
        assert_eq!(house.chats(&parent.token).await.0, 200);
    }
    let answer = house.send(Ask::get("/okap/limits").bearer(&child.access)).await.json();
    let rate = &answer["limits"][0]["limits"]["requests_per_day"];
    assert_eq!(
        (&rate["limit"], &rate["used"], &rate["remaining"]),
        (&json!(5), &json!(0), &json!(2))
    );
    assert_eq!(answer["grant_id"], child.grant);
    house.done().await;
}

#[tokio::test]
async fn a_narrower_token_sees_its_own_limits_and_the_whole_grant() {
    let house = House::open().await;
    let app = App::local();
    let whole = house.through_browser(&app, &chat_with(json!({"monthly_spend": 10}))).await;
    let less = json!([{
        "type": "ai_model_access", "provider": "openai",
        "limits": {"monthly_spend": 2, "requests_per_day": 7},
    }]);
    let less = vec![("authorization_details", less.to_string())];
    let narrow = house.tokens(&[app.renews(&whole.refresh), less].concat()).await;
    for (token, month, day) in
        [(&narrow.access, "2.00", json!(7)), (&whole.access, "10.00", json!(null))]
    {
        let limits = house.send(Ask::get("/okap/limits").bearer(token)).await.json();
        let limits = &limits["limits"][0]["limits"];
        assert_eq!(limits["monthly_spend"]["limit"], month);
        assert_eq!(limits["requests_per_day"]["limit"], day);
        let seen = house.send(Ask::get(&grant(&whole.grant)).bearer(token)).await.json();
        let limits = &seen["authorization_details"][0]["limits"];
        assert_eq!(limits, &json!({"monthly_spend": "10.00"}));
    }
    house.done().await;
}

#[tokio::test]
async fn an_app_sees_its_own_grant_and_no_other() {
    let mut house = House::open().await;
    let node = house.second_node().await;
    let (mine, other) = (house.plain().await, house.plain().await);
    let id = mine.grant.id.to_string();
    let see = |id: &str, token: &str| Ask::get(&grant(id)).bearer(token);
    let answer = house.send(see(&id, &mine.token)).await;
    let body = answer.json();
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!((&body["grant_id"], &body["status"]), (&json!(id), &json!("active")));
    assert_eq!((&body["client_name"], &body["parent_grant_id"]), (&json!("Notes"), &json!(null)));
    // what belongs to the owner stays with the owner
    for secret in ["ada", "owner", "account", "shown"] {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    let other_id = other.grant.id.to_string();
    let child = house.handed(&mine.token).await;
    for wrong in [
        &*other_id,
        &*child.grant,
        "g_1",
        "",
        "x",
        "../limits",
        &format!("{id}/"),
        &format!("{id}x"),
        &id[..id.len() - 1],
        &id.to_uppercase(),
        &id.replacen('_', "%5F", 1),
    ] {
        for method in ["GET", "DELETE"] {
            let ask = Ask::new(method, &grant(wrong)).bearer(&mine.token);
            assert_eq!(house.send(ask).await.says(), not_found(), "{method} {wrong}");
        }
        let ask = Ask::new("DELETE", &grant(wrong));
        assert_eq!(house.send(ask).await.says(), (401, "missing_token".into()), "{wrong}");
    }
    for method in ["POST", "PUT", "PATCH", "HEAD", "OPTIONS"] {
        let refused = house.send(Ask::new(method, &grant(&id)).bearer(&mine.token)).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, DELETE")));
    }
    for token in [&mine.token, &other.token, &child.access] {
        assert_eq!(house.chats(token).await.0, 200);
    }

    // a child gives itself back, and its parent stands
    let back = Ask::new("DELETE", &grant(&child.grant)).bearer(&child.access);
    assert_eq!(house.send(back).await.status, 204);
    assert_eq!(house.chats(&child.access).await, (401, "token_revoked".into()));
    assert_eq!(house.chats(&mine.token).await.0, 200);
    let back = Ask::new("DELETE", &grant(&id)).bearer(&mine.token);
    let gone = house.send(back.clone()).await;
    assert_eq!(
        (gone.status, gone.body.len(), gone.header("cache-control")),
        (204, 0, Some("no-store"))
    );
    let next = house.flow_at(&node, Ask::chat(&mine.token, json!({}))).await.rest().await;
    assert_eq!(next.says(), (401, "token_revoked".into()));
    let limits = house.send(Ask::get("/okap/limits").bearer(&mine.token)).await;
    assert_eq!(limits.says(), (401, "token_revoked".into()));
    // once more does no harm
    assert_eq!(house.send(back).await.status, 204);
    assert_eq!(house.send(see(&id, &mine.token)).await.json()["status"], "revoked");
    assert_eq!(house.chats(&other.token).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v113_v114_a_bound_token_sees_its_grant_with_a_proof_alone() {
    let house = House::open().await;
    let tokens = house.bound(&key(1)).await;
    let (token, path) = (&*tokens.access, grant(&tokens.grant));
    let bad = (401, "invalid_dpop_proof".to_owned());
    for (method, path) in [("GET", "/okap/limits"), ("GET", &*path), ("DELETE", &*path)] {
        let ask = || Ask::new(method, path);
        let bearer = house.send(ask().bearer(token)).await;
        assert_eq!(bearer.says(), (401, "invalid_token".into()), "{method} {path}");
        let bare = house.send(ask().header("authorization", &format!("DPoP {token}"))).await;
        assert_eq!(bare.says(), bad);
        let proof = || house.proof(&key(1), method, path);
        for wrong in [
            proof(),
            proof().ath("okap_at_x"),
            house.proof(&key(2), method, path).ath(token),
            house.proof(&key(1), "PUT", path).ath(token),
            house.proof(&key(1), method, "/okap/token").ath(token),
            house.proof(&key(1), method, "/okap/grants/g_1").ath(token),
        ] {
            let refused = house.send(ask().dpop(token, &wrong)).await;
            assert_eq!(refused.says(), bad, "{method} {path}");
            let challenge = refused.header("www-authenticate").unwrap();
            assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
        }
        let good = ask().dpop(token, &proof().ath(token));
        assert!(matches!(house.send(good.clone()).await.status, 200 | 204), "{method} {path}");
        assert_eq!(house.send(good).await.says(), bad, "twice");
    }
    let dead = house.send(house.bound_chat(token, &key(1))).await;
    assert_eq!(dead.says(), (401, "token_revoked".into()));
    house.done().await;
}

#[tokio::test]
async fn a_grant_that_has_ended_says_so() {
    let house = House::open().await;
    let tokens = house.local().await;
    house.clock.turn(3600);
    let see = Ask::get(&grant(&tokens.grant)).bearer(&tokens.access);
    assert_eq!(house.send(see).await.json()["status"], "expired");
    let limits = house.send(Ask::get("/okap/limits").bearer(&tokens.access)).await;
    assert_eq!(limits.says(), (401, "token_expired".into()));
    house.done().await;
}

#[tokio::test]
async fn v187_a_store_that_fails_tells_and_revokes_nothing() {
    let house = House::open().await;
    let granted = house.plain().await;
    let id = grant(&granted.grant.id.to_string());
    let unavailable = |code: u16| code == 503;
    house.control().vault().down(true);
    for ask in [Ask::get("/okap/limits"), Ask::get(&id), Ask::new("DELETE", &id)] {
        assert!(unavailable(house.send(ask.bearer(&granted.token)).await.status));
    }
    house.control().vault().down(false);
    house.control().vault().full(true);
    let back = Ask::new("DELETE", &id).bearer(&granted.token);
    assert!(unavailable(house.send(back.clone()).await.status));
    house.control().vault().full(false);
    assert_eq!(house.chats(&granted.token).await.0, 200);
    assert_eq!(house.send(back).await.status, 204);
    house.done().await;
}

#[tokio::test]
async fn a_vault_under_a_path_has_its_own_resources_there() {
    let house = Plan::new().path("/vault").build().await;
    let body = json!({
        "okap": "1.0", "authorization_details": [chat_with(json!({}))], "client": {"name": "N"},
    });
    let pending = house.send(Ask::post("/vault/okap/authorize").json(&body)).await.json();
    let asked = house.interaction(pending["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &crate::support::all(&asked)).await.unwrap();
    let token = pending["continue"]["access_token"].as_str().unwrap();
    let answer = house.send(Ask::post("/vault/okap/continue").bearer(token)).await.json();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(house.send(Ask::get("/okap/limits").bearer(token)).await.status, 404);
    assert_eq!(house.send(Ask::get("/vault/okap/limits").bearer(token)).await.status, 200);
    let handed = Ask::post("/vault/okap/token");
    let pairs: Vec<_> = exchange(token);
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let jkt = key(4).thumbprint();
    let bound = house.send(handed.form(&[pairs, vec![("dpop_jkt", &jkt)]].concat())).await;
    let bound = Tokens::from(&bound);
    let proof = house.proof(&key(4), "GET", "/okap/limits").ath(&bound.access);
    let own = Ask::get("/vault/okap/limits").dpop(&bound.access, &proof);
    assert_eq!(house.send(own).await.status, 200);
    house.done().await;
}
