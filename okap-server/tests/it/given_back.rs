//! Tokens that are given back, codes that come twice, and what is no way in.

use serde_json::{Value, json};

use crate::support::{
    Answer, App, Ask, House, NOTES, OTHER, Plan, but, chat_with, document, exchange, key, post,
};

fn details() -> Value {
    chat_with(json!({}))
}

fn back(token: &str, more: &[(&str, &str)]) -> Ask {
    Ask::post("/okap/revoke").form(&[&[("token", token)], more].concat())
}

fn revoked() -> (u16, String) {
    (401, "token_revoked".into())
}

#[tokio::test]
async fn v97_a_token_given_back_is_given_back_whatever_it_is_called() {
    let house = House::open().await;
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        for kind in ["access", "refresh"] {
            let tokens = house.local().await;
            let token = if kind == "access" { &tokens.access } else { &tokens.refresh };
            assert_eq!(house.send(back(token, &[("token_type_hint", hint)])).await.status, 200);
            assert_eq!(house.chats(&tokens.access).await, revoked(), "{kind} as {hint}");
            let renewed = house.token(&App::local().renews(&tokens.refresh)).await;
            assert_eq!(renewed.says(), (400, "invalid_grant".into()));
        }
    }
    // what is none of ours is gone already
    let tokens = house.local().await;
    for unknown in ["x", &tokens.access[..56], &*tokens.grant, "okap_dc_x"] {
        let answer = house.send(back(unknown, &[])).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{unknown}");
    }
    assert_eq!(house.chats(&tokens.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v97_a_code_or_a_device_code_is_nothing_to_give_back() {
    let house = House::open().await;
    let code = house.code_for(&App::local(), &details()).await;
    let pending = house.ask(&details()).await;
    let waiting = pending.json()["continue"]["access_token"].as_str().unwrap().to_owned();
    for kind in [&code, &waiting] {
        assert_eq!(house.send(back(kind, &[])).await.status, 200);
    }
    house.tokens(&App::local().redeems(&code)).await;
    assert_eq!(house.fetch(&pending).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn v98_a_store_that_fails_is_no_success() {
    let house = House::open().await;
    let tokens = house.local().await;
    for token in [&tokens.access, &tokens.refresh] {
        house.control().vault().down(true);
        let refused = house.send(back(token, &[])).await;
        assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
        house.control().vault().down(false);
        house.control().vault().full(true);
        let refused = house.send(back(token, &[])).await;
        assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
        house.control().vault().full(false);
        assert_eq!(house.chats(&tokens.access).await.0, 200);
    }
    assert_eq!(house.send(back(&tokens.refresh, &[])).await.status, 200);
    assert_eq!(house.chats(&tokens.access).await, revoked());
    house.done().await;
}

#[tokio::test]
async fn v100_with_the_refresh_token_everything_dies_at_once_on_every_node() {
    let mut house = House::open().await;
    let node = house.second_node().await;
    let app = App::local();
    let one = house.local().await;
    let two = house.tokens(&app.renews(&one.refresh)).await;
    let child = house.tokens(&app.hands_on(&two.access)).await;
    let other = house.local().await;
    for token in [&one.access, &two.access, &child.access] {
        let ask = Ask::chat(token, json!({}));
        assert_eq!(house.flow_at(&node, ask).await.rest().await.status, 200);
    }
    // a refresh token that was used still names its grant
    assert_eq!(house.send(back(&one.refresh, &[])).await.status, 200);
    for token in [&one.access, &two.access, &child.access] {
        let ask = Ask::chat(token, json!({}));
        assert_eq!(house.flow_at(&node, ask).await.rest().await.says(), revoked());
    }
    assert_eq!(house.chats(&other.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn a_token_is_given_back_by_its_own_client_or_by_whoever_holds_it() {
    let house = Plan::new()
        .document(NOTES, &document(NOTES))
        .document(OTHER, &document(OTHER))
        .build()
        .await;
    let app = App::published(NOTES);
    for kind in ["access", "refresh"] {
        let tokens = house.through_browser(&app, &details()).await;
        let token = if kind == "access" { &tokens.access } else { &tokens.refresh };
        for wrong in [OTHER, "http://localhost", "https://notes.example/okap.json/", "x"] {
            let refused = house.send(back(token, &[("client_id", wrong)])).await;
            assert_eq!(refused.says(), (400, "unauthorized_client".into()), "{wrong}");
        }
        assert_eq!(house.chats(&tokens.access).await.0, 200);
        let own = if kind == "access" { &[("client_id", NOTES)][..] } else { &[] };
        assert_eq!(house.send(back(token, own)).await.status, 200);
        assert_eq!(house.chats(&tokens.access).await, revoked());
    }
    // an app without an id has none to say
    let direct = house.plain().await;
    let refused = house.send(back(&direct.token, &[("client_id", NOTES)])).await;
    assert_eq!(refused.says(), (400, "unauthorized_client".into()));
    assert_eq!(house.chats(&direct.token).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn v58_a_code_that_comes_twice_takes_back_all_that_came_of_it() {
    let house = Plan::new().document(NOTES, &document(NOTES)).build().await;
    let app = App::published(NOTES);
    let code = house.code_for(&app, &details()).await;
    let one = house.tokens(&app.redeems(&code)).await;
    let two = house.tokens(&app.renews(&one.refresh)).await;
    let child = house.tokens(&app.hands_on(&two.access)).await;
    // V59: not by who lacks the verifier, or is another
    for (name, value) in
        [("code_verifier", "w".repeat(43)), ("redirect_uri", "https://notes.example/x".into())]
    {
        let wrong = but(&app.redeems(&code), name, &value);
        assert_eq!(house.token(&wrong).await.says(), (400, "invalid_grant".into()));
    }
    let local = but(&app.redeems(&code), "client_id", "http://localhost");
    assert_eq!(house.token(&local).await.says(), (400, "invalid_grant".into()));
    assert_eq!(house.chats(&child.access).await.0, 200);
    // also when the code's minute is long over
    house.clock.turn(120);
    assert_eq!(house.token(&app.redeems(&code)).await.says(), (400, "invalid_grant".into()));
    for token in [&one.access, &two.access, &child.access] {
        assert_eq!(house.chats(token).await, revoked());
    }
    let renewed = house.token(&app.renews(&two.refresh)).await;
    assert_eq!(renewed.says(), (400, "invalid_grant".into()));
    house.done().await;
}

#[tokio::test]
async fn v58_a_bound_code_that_comes_twice_is_judged_by_its_key() {
    let house = House::open().await;
    let app = App::local();
    let pushed = [app.pushes(&details()), vec![("dpop_jkt", key(1).thumbprint())]].concat();
    let pushed = house.send(post("/okap/par", &pushed)).await;
    let members = app.redeems(&house.code_of(&app.client_id, &pushed).await);
    let tokens =
        crate::support::Tokens::from(&house.send(house.with_proof(&members, &key(1))).await);
    let dead = (400, "invalid_grant".to_owned());
    assert_eq!(house.token(&members).await.says(), dead);
    assert_eq!(house.send(house.with_proof(&members, &key(2))).await.says(), dead);
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.status, 200);
    assert_eq!(house.send(house.with_proof(&members, &key(1))).await.says(), dead);
    assert_eq!(house.send(house.bound_chat(&tokens.access, &key(1))).await.says(), revoked());
    house.done().await;
}

#[tokio::test]
async fn v69_every_grant_is_asked_for_by_a_form() {
    let house = House::open().await;
    let tokens = house.local().await;
    for members in [
        App::local().renews(&tokens.refresh),
        App::local().hands_on(&tokens.access),
        App::local().polls("okap_dc_x"),
    ] {
        let body: Value = members.iter().map(|(n, v)| ((*n).to_owned(), json!(v))).collect();
        let refused = house.send(Ask::post("/okap/token").json(&body)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()));
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members.iter().map(|(n, v)| (*n, v)))
            .finish();
        for method in ["GET", "POST"] {
            let refused = house.send(Ask::new(method, &format!("/okap/token?{form}"))).await;
            assert!(matches!(refused.status, 400 | 405), "{}", refused.status);
        }
    }
    house.tokens(&App::local().renews(&tokens.refresh)).await;
    house.done().await;
}

#[tokio::test]
async fn v71_what_is_no_wish_is_refused_with_every_grant() {
    let house = House::open().await;
    let tokens = house.local().await;
    for wrong in [
        json!([{"type": "payment", "provider": "openai"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "colour": 1}]),
        json!([{"type": "ai_model_access", "provider": 1}]),
        json!([{"type": "ai_model_access"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "base_url": "https://x"}]),
        json!([{"type": "ai_model_access", "provider": "openai", "limits": {"daily": 1}}]),
        json!({"type": "ai_model_access", "provider": "openai"}),
        json!([]),
    ] {
        let wish = vec![("authorization_details", wrong.to_string())];
        let code = house.code_for(&App::local(), &details()).await;
        for members in [
            App::local().redeems(&code),
            App::local().renews(&tokens.refresh),
            App::local().hands_on(&tokens.access),
        ] {
            let refused = house.token(&[members, wish.clone()].concat()).await;
            let expected = (400, "invalid_authorization_details".into());
            assert_eq!(refused.says(), expected, "{wrong}");
        }
        // none of it is spent
        house.tokens(&App::local().redeems(&code)).await;
    }
    house.tokens(&App::local().renews(&tokens.refresh)).await;
    house.done().await;
}

fn no_redirect(answer: &Answer) {
    assert_eq!(answer.header("location"), None, "{}", answer.text());
}

#[tokio::test]
async fn v37_a_browser_is_sent_back_with_an_error_only_by_a_person() {
    let house = Plan::new().document(NOTES, &document(NOTES)).build().await;
    let app = App::published(NOTES);
    // a bad request is told to the app itself
    for (name, value, code) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("authorization_details", "[]", "invalid_authorization_details"),
    ] {
        let refused =
            house.send(post("/okap/par", &but(&app.pushes(&details()), name, value))).await;
        assert_eq!(refused.says(), (400, code.into()), "{name}={value}");
        no_redirect(&refused);
    }
    // a browser that brings such a request itself gets a page
    for (name, value) in [("response_type", "token"), ("response_type", "code"), ("scope", "x")] {
        let members = but(&app.pushes(&details()), name, value);
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members.iter().map(|(n, v)| (*n, v)))
            .finish();
        let page = house.send(Ask::get(&format!("/okap/authorize?{query}"))).await;
        assert_eq!(page.status, 400);
        no_redirect(&page);
    }
    // and who has been asked and says no is sent back
    let pushed = house.send(post("/okap/par", &app.pushes(&details()))).await;
    let asked = house.asked(NOTES, &pushed).await;
    let denied = house.decide(&asked, &okap_engine::flow::Decision::Deny).await.unwrap();
    let back = denied.redirect.unwrap();
    assert!(back.as_str().starts_with("https://notes.example/cb?error=access_denied"), "{back}");
    house.done().await;
}

#[tokio::test]
async fn v127_a_word_to_go_on_opens_nothing_else() {
    let house = House::open().await;
    let pending = house.ask(&details()).await;
    let waiting = pending.json()["continue"]["access_token"].as_str().unwrap().to_owned();
    assert_eq!(house.chats(&waiting).await, (401, "invalid_token".into()));
    let limits = house.send(Ask::get("/okap/limits").bearer(&waiting)).await;
    assert_eq!(limits.says(), (401, "invalid_token".into()));
    assert_eq!(house.token(&exchange(&waiting)).await.says(), (400, "invalid_request".into()));
    for members in [
        App::local().redeems(&waiting),
        App::local().renews(&waiting),
        App::local().polls(&waiting),
    ] {
        assert_eq!(house.token(&members).await.says(), (400, "invalid_grant".into()));
    }
    // nor is an access token a word to go on
    let token = house.plain().await.token;
    let refused = house.send(Ask::post("/okap/continue").bearer(&token)).await;
    assert_eq!(refused.says(), (401, "invalid_token".into()));
    assert_eq!(house.fetch(&pending).await.status, 202);
    house.done().await;
}
