//! The token endpoint and the way back.

use std::collections::HashSet;

use serde_json::json;

use crate::{
    pushed::{changed, form, push},
    support::{Answer, Ask, House, NOTES, Plan, VERIFIER, all, document},
};

/// The members of a redemption that succeeds.
fn redemption(code: &str) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "authorization_code".into()),
        ("client_id", "http://localhost".into()),
        ("redirect_uri", "http://127.0.0.1:51004/cb".into()),
        ("code_verifier", VERIFIER.into()),
        ("code", code.into()),
    ]
}

fn redeem(code: &str, name: &'static str, value: &str) -> Ask {
    let mut form = redemption(code);
    form.retain(|(other, _)| *other != name);
    if !value.is_empty() {
        form.push((name, value.to_owned()));
    }
    let pairs: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Ask::post("/okap/token").form(&pairs)
}

fn whole(code: &str) -> Ask {
    redeem(code, "", "")
}

impl House {
    /// Pushes, consents, and returns the code of the redirect.
    async fn code(&self) -> String {
        let pushed = self.send(push(&form())).await;
        let page = self.visit(&pushed).await;
        let asked = self.interaction(page.header("location").unwrap()).await;
        let back = self.decide(&asked, &all(&asked)).await.unwrap().redirect.unwrap();
        let (_, code) = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        // the page's redirect is part of what the client sees
        self.notes.take(back.as_str().as_bytes().to_vec());
        code.into_owned()
    }
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_code_becomes_a_token_that_calls() {
    let house = House::open().await;
    let answer = house.send(whole(&house.code().await)).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(body["refresh_token"].as_str().unwrap().starts_with("okap_rt_"));
    assert!(body["grant_id"].as_str().unwrap().starts_with("g_"));
    assert!(body["issued_token_type"].is_null());
    let details = &body["authorization_details"][0];
    assert_eq!(details["base_url"], format!("{}/v1/openai", house.issuer));
    assert_eq!((&details["currency"], &details["window"]), (&json!("USD"), &json!("utc_calendar")));
    assert_eq!(house.chats(&token(&answer)).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v58_a_replayed_code_revokes_what_the_first_use_got() {
    let house = House::open().await;
    let code = house.code().await;
    let token = token(&house.send(whole(&code)).await);
    assert_eq!(house.chats(&token).await.0, 200);
    assert_eq!(house.send(whole(&code)).await.says(), (400, "invalid_grant".into()));
    assert_eq!(house.chats(&token).await, (401, "token_revoked".into()));
    house.done().await;
}

#[tokio::test]
async fn v59_a_stranger_who_replays_a_code_revokes_nothing() {
    let house = House::open().await;
    let code = house.code().await;
    let token = token(&house.send(whole(&code)).await);
    let wrong = redeem(&code, "code_verifier", &"w".repeat(43));
    assert_eq!(house.send(wrong).await.says(), (400, "invalid_grant".into()));
    assert_eq!(house.chats(&token).await.0, 200);
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v60_of_fifty_redemptions_at_once_one_succeeds() {
    let house = std::sync::Arc::new(House::open().await);
    let code = house.code().await;
    let go = |_| {
        let (house, ask) = (house.clone(), whole(&code));
        tokio::spawn(async move { house.send(ask).await.says() })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let good = answers.iter().filter(|(status, _)| *status == 200).count();
    let bad = answers.iter().filter(|says| **says == (400, "invalid_grant".into())).count();
    assert_eq!((good, bad), (1, 49), "{answers:?}");
    std::sync::Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn v61_v63_v65_a_code_serves_only_the_session_it_was_made_for() {
    let house = Plan::new().document(NOTES, &document(NOTES)).build().await;
    let code = house.code().await;
    for (name, value) in [
        ("client_id", NOTES),
        ("redirect_uri", "http://127.0.0.1:51005/cb"),
        ("redirect_uri", "http://127.0.0.1:51004/cb/"),
        ("redirect_uri", "http://127.0.0.1:51004/CB"),
        ("code_verifier", "another-verifier-of-another-session-0123456"),
    ] {
        let refused = house.send(redeem(&code, name, value)).await;
        assert_eq!(refused.says(), (400, "invalid_grant".into()), "{name}={value}");
    }
    assert_eq!(house.send(whole(&code)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v64_a_verifier_is_there_and_well_formed() {
    let house = House::open().await;
    let code = house.code().await;
    assert_eq!(
        house.send(redeem(&code, "code_verifier", "")).await.says(),
        (400, "invalid_grant".into())
    );
    for bad in [&"v".repeat(42), &"v".repeat(129), &format!("{}+", "v".repeat(43))] {
        let refused = house.send(redeem(&code, "code_verifier", bad)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{bad}");
    }
    assert_eq!(house.send(whole(&code)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v66_a_code_lives_for_a_minute() {
    let house = House::open().await;
    let (late, timely) = (house.code().await, house.code().await);
    house.clock.turn(59);
    assert_eq!(house.send(whole(&timely)).await.status, 200);
    house.clock.turn(1);
    assert_eq!(house.send(whole(&late)).await.says(), (400, "invalid_grant".into()));
    house.done().await;
}

#[tokio::test]
async fn v68_v69_a_redemption_is_a_form_without_another_credential() {
    let house = House::open().await;
    let code = house.code().await;
    for ask in [
        whole(&code).header("authorization", "Basic aHR0cDovL290aGVyOg=="),
        whole(&code).header("authorization", "Basic aHR0cDovL2xvY2FsaG9zdDo="),
        Ask::post("/okap/token").json(&json!({"grant_type": "authorization_code", "code": code})),
        whole(&code).without("content-type"),
        whole(&code).without("content-type").header("content-type", "text/plain"),
    ] {
        assert_eq!(house.send(ask).await.says(), (400, "invalid_request".into()));
    }
    // one way to say who it is, and none that is known here
    let form = [("grant_type", "authorization_code"), ("code", &*code)];
    let basic = Ask::post("/okap/token").form(&form).header("authorization", "Basic eDp5");
    let refused = house.send(basic).await;
    assert_eq!(refused.says(), (401, "invalid_client".into()));
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"okap\""));
    for method in ["GET", "PUT", "HEAD"] {
        let refused = house.send(Ask::new(method, "/okap/token")).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
    }
    let query = whole("").target(&format!("/okap/token?code={code}"));
    assert_eq!(house.send(query).await.says(), (400, "invalid_request".into()));
    assert_eq!(house.send(whole(&code)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v70_the_token_call_cannot_widen_and_the_code_stays_unspent() {
    let house = House::open().await;
    let code = house.code().await;
    for details in [
        json!([{"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini", "gpt-4o"]}]),
        json!([{"type": "ai_model_access", "provider": "anthropic"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "capabilities": ["vision"]}]),
    ] {
        let refused =
            house.send(redeem(&code, "authorization_details", &details.to_string())).await;
        assert_eq!(refused.says(), (400, "invalid_authorization_details".into()));
    }
    assert_eq!(house.send(whole(&code)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v84_other_grant_types_do_not_exist() {
    let house = House::open().await;
    let code = house.code().await;
    for kind in [
        "password",
        "client_credentials",
        "implicit",
        "AUTHORIZATION_CODE",
        "device_code",
        "token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
    ] {
        let refused = house.send(redeem(&code, "grant_type", kind)).await;
        assert_eq!(refused.says(), (400, "unsupported_grant_type".into()), "{kind}");
    }
    assert_eq!(
        house.send(redeem(&code, "grant_type", "")).await.says(),
        (400, "invalid_request".into())
    );
    assert_eq!(house.send(whole(&code)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_code_that_was_never_issued_is_refused() {
    let house = House::open().await;
    let code = house.code().await;
    let token = token(&house.send(whole(&code)).await);
    for wrong in ["x", &code[..56], &format!("{code}x"), &token, &code.replace("_ac_", "_at_")] {
        assert_eq!(house.send(whole(wrong)).await.says(), (400, "invalid_grant".into()), "{wrong}");
    }
    house.done().await;
}

#[tokio::test]
async fn v97_v100_a_token_given_back_is_dead_at_once() {
    let house = House::open().await;
    let (token, other) = (
        token(&house.send(whole(&house.code().await)).await),
        token(&house.send(whole(&house.code().await)).await),
    );
    let give_back = |token: &str, hint: &str| {
        Ask::post("/okap/revoke").form(&[("token", token), ("token_type_hint", hint)])
    };
    for unknown in ["x", &token.replacen("okap_at", "okap_rt", 1), &other[..40]] {
        assert_eq!(house.send(give_back(unknown, "access_token")).await.status, 200, "{unknown}");
    }
    assert_eq!(house.chats(&token).await.0, 200);
    assert_eq!(house.send(give_back(&token, "refresh_token")).await.status, 200);
    assert_eq!(house.chats(&token).await, (401, "token_revoked".into()));
    assert_eq!(house.send(give_back(&token, "access_token")).await.status, 200);
    assert_eq!(
        house.send(Ask::post("/okap/revoke").form(&[])).await.says(),
        (400, "invalid_request".into())
    );
    assert_eq!(house.chats(&other).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v103_tokens_do_not_repeat_and_carry_256_bits() {
    let house = House::open().await;
    let mut seen = HashSet::new();
    for n in 0..60 {
        house.clock.turn(61);
        let pushed = house.send(push(&changed("client_name", &format!("app {n}")))).await;
        let page = house.visit(&pushed).await;
        let asked = house.interaction(page.header("location").unwrap()).await;
        let back = house.decide(&asked, &all(&asked)).await.unwrap().redirect.unwrap();
        let (_, code) = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        let token = token(&house.send(whole(&code)).await);
        for secret in [&*code, &*token] {
            assert_eq!(secret.len(), 57);
            let random = &secret[8..51];
            assert!(seen.insert(random[..8].to_owned()) && seen.insert(random[35..].to_owned()));
        }
        assert_ne!(code[8..], token[8..]);
    }
    house.done().await;
}

#[tokio::test]
async fn one_user_code_is_not_like_another() {
    let house = House::open().await;
    let mut seen = HashSet::new();
    for n in 0..40 {
        house.clock.turn(61);
        let body = json!({"okap": "1.0", "request": {"provider": "openai"}, "client": {"name": format!("app {n}")}});
        let code = house.send(Ask::post("/okap/authorize").json(&body)).await.json();
        let code = code["user_code"].as_str().unwrap().to_owned();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
        assert!(seen.insert(code));
    }
    house.done().await;
}
