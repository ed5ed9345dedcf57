//! Published clients: who they are, and where their answers may go.

use okap_engine::record::Identity;
use serde_json::{Value, json};

use crate::support::{
    App, Ask, FRESH, House, NOTES, OTHER, Plan, but, chat_with, document, key, post, with,
};

fn details() -> Value {
    chat_with(json!({}))
}

async fn notes() -> House {
    Plan::new().document(NOTES, &document(NOTES)).build().await
}

impl House {
    /// What a push of the published app with one member changed leads to.
    async fn app_pushes(&self, name: &'static str, value: &str) -> (u16, String) {
        self.clock.turn(61);
        let members = but(&App::published(NOTES).pushes(&details()), name, value);
        self.send(post("/okap/par", &members)).await.says()
    }

    /// What a push leads to while the document says this.
    async fn says_with(&self, document: &Value) -> (u16, String) {
        self.publish(NOTES, document);
        // whatever was kept is stale by now
        self.clock.turn(i64::try_from(FRESH.as_secs()).unwrap());
        self.app_pushes("", "").await
    }
}

fn refused() -> (u16, String) {
    (401, "invalid_client".into())
}

#[tokio::test]
async fn v3_what_is_no_address_of_a_document_is_refused_without_a_look() {
    let house = notes().await;
    for id in [
        "http://notes.example/okap.json",
        "https://notes.example",
        "https://notes.example/",
        "https://notes.example/okap.json?x",
        "https://notes.example/okap.json#x",
        "https://me@notes.example/okap.json",
        "https://notes.example/a/../okap.json",
        "https://notes.example/./okap.json",
        "https://NOTES.example/okap.json",
        "https://notes.example:443/okap.json",
        "https:notes.example/okap.json",
        "https:\\\\notes.example\\okap.json",
        " https://notes.example/okap.json",
        "ftp://notes.example/okap.json",
        "javascript:alert(1)",
        "app",
        &format!("https://notes.example/{}", "a".repeat(500)),
    ] {
        assert_eq!(house.app_pushes("client_id", id).await, refused(), "{id}");
        let redeemed = but(&App::local().redeems("x"), "client_id", id);
        assert_eq!(house.token(&redeemed).await.says(), refused(), "{id}");
        let direct = json!({
            "okap": "1.0", "authorization_details": [details()], "client": {"client_id": id},
        });
        let direct = house.send(Ask::post("/okap/authorize").json(&direct)).await;
        // the member itself is bounded before anybody looks what it says
        let expected = if id.len() > 512 { (400, "invalid_request".into()) } else { refused() };
        assert_eq!(direct.says(), expected, "{id}");
    }
    assert_eq!(house.internet.all_visits(), 0);
    assert_eq!(house.app_pushes("client_id", NOTES).await.0, 201);
    assert_eq!(house.internet.visits(NOTES), 1);
    house.done().await;
}

#[tokio::test]
async fn v5_v7_v8_a_document_that_cannot_be_had_is_no_client() {
    let house = notes().await;
    assert_eq!(house.app_pushes("client_id", OTHER).await, refused());
    assert_eq!(house.internet.visits(OTHER), 1);
    assert_eq!(house.app_pushes("client_id", NOTES).await.0, 201);
    house.done().await;
}

#[tokio::test]
async fn v10_v11_v36_a_document_that_could_lead_astray_is_no_client() {
    let house = notes().await;
    let good = document(NOTES);
    let keys = |jwk: Value| json!({"jwks": {"keys": [jwk]}});
    for wrong in [
        json!({"client_secret": "x"}),
        json!({"client_secret_expires_at": 0}),
        json!({"token_endpoint_auth_method": "client_secret_basic"}),
        json!({"token_endpoint_auth_method": "client_secret_post"}),
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"jwks_uri": "https://notes.example/keys.json"}),
        json!({"jwks": {"keys": []}}),
        keys(key(1).private_jwk()),
        keys(json!({"kty": "oct", "k": "AAAA"})),
        keys(with(key(1).jwk(), json!({"alg": "RS256"}))),
        json!({"client_id": OTHER}),
        json!({"client_id": "https://notes.example/OKAP.json"}),
        json!({"redirect_uris": ["javascript:alert(1)"]}),
        json!({"redirect_uris": ["data:text/html,x"]}),
        json!({"redirect_uris": ["file:///etc/passwd"]}),
        json!({"redirect_uris": ["okap:cb"]}),
        json!({"redirect_uris": ["myapp:/cb"]}),
        json!({"redirect_uris": ["http://notes.example/cb"]}),
        json!({"redirect_uris": ["http://localhost/cb"]}),
        json!({"redirect_uris": ["https://notes.example/cb#x"]}),
        json!({"redirect_uris": ["https://*.notes.example/cb"]}),
        json!({"redirect_uris": ["https://notes.example/*"]}),
        json!({"redirect_uris": ["https://notes.example@evil.example/cb"]}),
        // one that is bad beside one that is good
        json!({"redirect_uris": ["https://notes.example/cb", "javascript:alert(1)"]}),
    ] {
        let document = with(good.clone(), wrong.clone());
        assert_eq!(house.says_with(&document).await, refused(), "{wrong}");
    }
    for text in ["", "[]", "null", "{\"client_id\":1}", "<html>", "{}"] {
        house.internet.put(NOTES, text);
        house.clock.turn(300);
        assert_eq!(house.app_pushes("", "").await, refused(), "{text}");
    }
    assert_eq!(house.says_with(&with(good, keys(key(1).jwk()))).await.0, 201);
    house.done().await;
}

#[tokio::test]
async fn v12_a_failure_is_not_remembered() {
    let house = House::open().await;
    assert_eq!(house.app_pushes("", "").await, refused());
    house.publish(NOTES, &json!({"client_id": NOTES, "client_secret": "x"}));
    assert_eq!(house.app_pushes("", "").await, refused());
    house.publish(NOTES, &document(NOTES));
    assert_eq!(house.app_pushes("", "").await.0, 201);
    assert_eq!(house.internet.visits(NOTES), 3);
    // what is good is kept
    assert_eq!(house.app_pushes("", "").await.0, 201);
    assert_eq!(house.internet.visits(NOTES), 3);
    house.done().await;
}

#[tokio::test]
async fn v13_a_consent_counts_for_the_request_that_was_shown_alone() {
    let house = notes().await;
    let app = App::published(NOTES);
    house.through_browser(&app, &details()).await;
    // nothing is remembered, whatever the document says now
    for changed in [
        document(NOTES),
        with(
            document(NOTES),
            json!({"redirect_uris": [app.redirect_uri, "https://evil.example/"]}),
        ),
        with(document(NOTES), json!({"jwks": {"keys": [key(9).jwk()]}})),
    ] {
        house.publish(NOTES, &changed);
        house.clock.turn(301);
        let pushed = house.send(post("/okap/par", &app.pushes(&details()))).await;
        let page = house.follow(NOTES, &pushed).await;
        assert!(page.header("location").unwrap().starts_with(&house.issuer), "no page");
    }
    house.done().await;
}

#[tokio::test]
async fn v21_v31_v34_an_answer_goes_where_the_document_says_character_by_character() {
    let house = notes().await;
    for bad in [
        "https://notes.example/CB",
        "https://Notes.example/cb",
        "https://notes.example/cb/",
        "https://notes.example/cb?x=1",
        "https://notes.example/cb?",
        "https://notes.example/%63b",
        "https://notes.example/x%2F..%2Fcb",
        "https://notes.example/x/../cb",
        "https://notes.example:443/cb",
        "https://notes.example:8443/cb",
        "https://notes.example./cb",
        "https://evil.example/cb",
        "https://notes.example.evil.example/cb",
        "https://notes.example@evil.example/cb",
        "https://a@b@notes.example/cb",
        "https://evil.example\\@notes.example/cb",
        "https://evil.example/https://notes.example/cb",
        "https://notes.example/cb#x",
        "http://notes.example/cb",
        "//notes.example/cb",
        "/cb",
        "javascript:alert(1)",
        "",
    ] {
        let expected = (400, "invalid_request".to_owned());
        assert_eq!(house.app_pushes("redirect_uri", bad).await, expected, "{bad}");
    }
    assert_eq!(house.app_pushes("redirect_uri", "https://notes.example/cb").await.0, 201);
    house.done().await;
}

#[tokio::test]
async fn v32_of_a_loopback_address_the_port_alone_is_free() {
    let house = notes().await;
    for bad in [
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/CB",
        "http://127.0.0.1:51004/cb/",
        "http://localhost:51004/cb",
        "http://[::1]:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.1:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004@evil.example/cb",
        "http://evil@127.0.0.1:51004/cb",
    ] {
        let expected = (400, "invalid_request".to_owned());
        assert_eq!(house.app_pushes("redirect_uri", bad).await, expected, "{bad}");
    }
    for good in ["http://127.0.0.1:51004/cb", "http://127.0.0.1:9/cb", "http://127.0.0.1/cb"] {
        assert_eq!(house.app_pushes("redirect_uri", good).await.0, 201, "{good}");
    }
    house.done().await;
}

#[tokio::test]
async fn v54_an_answer_to_this_computer_proves_no_name() {
    let house = notes().await;
    let own = App::published(NOTES);
    let loopback = App { redirect_uri: "http://127.0.0.1:51004/cb".into(), ..own.clone() };
    for (app, identity) in [(own, Identity::Published), (loopback, Identity::Claimed)] {
        let pushed = house.send(post("/okap/par", &app.pushes(&details()))).await;
        assert_eq!(house.asked(NOTES, &pushed).await.app.identity, identity, "{app:?}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_name_stands_in_the_document_and_not_in_the_request() {
    let house = notes().await;
    let expected = (400, "invalid_request".to_owned());
    assert_eq!(house.app_pushes("client_name", "Your Bank").await, expected);
    let members = [App::published(NOTES).pushes(&details()), vec![("client_name", "".into())]];
    assert_eq!(house.send(post("/okap/par", &members.concat())).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn a_link_works_for_the_app_that_pushed_alone() {
    let house = Plan::new()
        .document(NOTES, &document(NOTES))
        .document(OTHER, &document(OTHER))
        .build()
        .await;
    let pushed = house.send(post("/okap/par", &App::published(NOTES).pushes(&details()))).await;
    for other in [OTHER, "http://localhost", "", "https://notes.example/okap.json/"] {
        let refused = house.follow(other, &pushed).await;
        assert_eq!((refused.status, refused.header("location")), (400, None), "{other}");
    }
    assert_eq!(house.follow(NOTES, &pushed).await.status, 303);
    house.done().await;
}

#[tokio::test]
async fn a_document_that_is_down_does_not_cost_the_grant() {
    let house = notes().await;
    let app = App::published(NOTES);
    let tokens = house.through_browser(&app, &details()).await;
    house.unplug(NOTES);
    house.clock.turn(301);
    let refused = house.token(&app.renews(&tokens.refresh)).await;
    assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
    house.publish(NOTES, &document(NOTES));
    let renewed = house.tokens(&app.renews(&tokens.refresh)).await;
    assert_eq!(house.chats(&renewed.access).await.0, 200);
    house.done().await;
}

#[tokio::test]
async fn one_source_cannot_make_the_vault_look_at_the_whole_internet() {
    let house = House::open().await;
    let mut slow = 0;
    for n in 0..60 {
        let id = format!("https://victim.example/{n}.json");
        let members = but(&App::published(NOTES).pushes(&details()), "client_id", &id);
        let answer = house.send(post("/okap/par", &members)).await;
        match answer.status {
            401 => {}
            _ => {
                assert_eq!(answer.says(), (503, "temporarily_unavailable".into()));
                slow += 1;
            }
        }
    }
    assert!(house.internet.all_visits() <= 30 && slow >= 30, "{slow}");
    // neither others nor who comes later are kept out by it
    house.publish(NOTES, &document(NOTES));
    let members = App::published(NOTES).pushes(&details());
    assert_eq!(house.send(post("/okap/par", &members).from(2)).await.status, 201);
    house.clock.turn(61);
    assert_eq!(house.send(post("/okap/par", &members)).await.status, 201);
    house.done().await;
}
