//! Clients that sign, and clients that say they are another.

use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use crate::support::{
    App, Ask, House, Key, Members, NOTES, OTHER, Plan, Signed, but, chat_with, document, key, post,
    with,
};

/// A client that signs with key 1.
fn signing(url: &str) -> Value {
    let mut jwk = key(1).jwk();
    jwk["kid"] = json!("one");
    let keys = json!({"keys": [jwk, key(2).jwk()]});
    with(document(url), json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}))
}

async fn house() -> House {
    let page = |config: &mut okap_server::Config| {
        config.device_page = Some(config.profile.issuer.join("/okap/device").unwrap());
    };
    Plan::new()
        .tune(page)
        .document(NOTES, &signing(NOTES))
        .document(OTHER, &document(OTHER))
        .build()
        .await
}

fn details() -> Value {
    chat_with(json!({}))
}

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn signed(members: &Members, assertion: &str) -> Members {
    let assertion = ("client_assertion", assertion.to_owned());
    [members.clone(), vec![("client_assertion_type", KIND.into()), assertion]].concat()
}

impl House {
    fn fresh(&self, key: &Key) -> Signed {
        self.assertion(key, NOTES)
    }

    /// The members with an assertion that is right.
    fn with_word(&self, members: &Members) -> Members {
        signed(members, &self.fresh(&key(1)).text())
    }

    /// What a push with an assertion leads to, from a new place each time.
    async fn pushes_with(&self, assertion: &str) -> (u16, String) {
        static PLACE: AtomicU8 = AtomicU8::new(0);
        let members = signed(&App::published(NOTES).pushes(&details()), assertion);
        let place = PLACE.fetch_add(1, Ordering::Relaxed) % 250 + 2;
        self.send(post("/okap/par", &members).from(place)).await.says()
    }

    /// A code of the client that signs.
    async fn signed_code(&self) -> String {
        let pushed = self.with_word(&App::published(NOTES).pushes(&details()));
        let pushed = self.send(post("/okap/par", &pushed)).await;
        self.code_of(NOTES, &pushed).await
    }
}

fn refused() -> (u16, String) {
    (401, "invalid_client".into())
}

#[tokio::test]
async fn v27_an_assertion_counts_once_everywhere() {
    let mut house = house().await;
    let other = house.second_node().await;
    let assertion = house.fresh(&key(1)).text();
    assert_eq!(house.pushes_with(&assertion).await.0, 201);
    assert_eq!(house.pushes_with(&assertion).await, refused());
    // not at another endpoint, nor at another node, nor after a request that failed otherwise
    let members = signed(&App::published(NOTES).redeems("x"), &assertion);
    assert_eq!(house.token(&members).await.says(), refused());
    let again = house.flow_at(&other, post("/okap/token", &members)).await.rest().await;
    assert_eq!(again.says(), refused());
    let spent = signed(&App::published(NOTES).redeems("x"), &house.fresh(&key(1)).text());
    assert_eq!(house.token(&spent).await.says(), (400, "invalid_grant".into()));
    assert_eq!(house.token(&spent).await.says(), refused());
    // the name is what counts once, not the text
    let named = |house: &House| house.fresh(&key(1)).claim("jti", "n").text();
    assert_eq!(house.pushes_with(&named(&house)).await.0, 201);
    assert_eq!(house.pushes_with(&named(&house)).await, refused());
    assert_eq!(house.pushes_with(&house.fresh(&key(1)).text()).await, (201, String::new()));
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v27_of_fifty_uses_at_once_one_counts() {
    let house = std::sync::Arc::new(house().await);
    let code = house.signed_code().await;
    let members = house.with_word(&App::published(NOTES).redeems(&code));
    let go = |_| {
        let (house, members) = (house.clone(), members.clone());
        tokio::spawn(async move { house.token(&members).await.says() })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let of = |says: &(u16, String)| answers.iter().filter(|a| *a == says).count();
    assert_eq!((of(&(200, String::new())), of(&refused())), (1, 49), "{answers:?}");
    std::sync::Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test]
async fn v28_the_audience_is_the_issuer_as_one_string() {
    let house = house().await;
    let issuer = house.issuer.clone();
    for wrong in [
        json!(format!("{issuer}/okap/token")),
        json!(format!("{issuer}/okap/par")),
        json!(format!("{issuer}/")),
        json!([issuer]),
        json!([issuer, "https://other.example"]),
        json!("https://other.example"),
        json!(null),
        json!(""),
    ] {
        let assertion = house.fresh(&key(1)).claim("aud", wrong.clone()).text();
        assert_eq!(house.pushes_with(&assertion).await, refused(), "{wrong}");
    }
    let assertion = house.fresh(&key(1)).claim("aud", issuer).text();
    assert_eq!(house.pushes_with(&assertion).await.0, 201);
    house.done().await;
}

#[tokio::test]
async fn an_assertion_is_signed_by_a_key_of_the_document_and_is_of_now() {
    let house = house().await;
    let fresh = |change: fn(Signed, i64) -> Signed| {
        change(house.assertion(&key(1), NOTES), house.seconds()).text()
    };
    let wrong: [fn(Signed, i64) -> Signed; 16] = [
        |a, _| a.by(&key(3)),
        |a, _| a.header("alg", "none"),
        |a, _| a.header("alg", "HS256"),
        |a, _| a.header("kid", "two"),
        |a, _| a.header("kid", "one").by(&key(2)),
        |a, _| a.header("jwk", key(3).jwk()).by(&key(3)),
        |a, _| a.header("crit", json!(["exp"])),
        |a, _| a.header("typ", "dpop+jwt"),
        |a, _| a.claim("iss", OTHER),
        |a, _| a.claim("sub", OTHER),
        |a, _| a.claim("iss", OTHER).claim("sub", OTHER),
        |a, _| a.claim("jti", Value::Null),
        |a, _| a.claim("exp", Value::Null),
        |a, now| a.claim("exp", now),
        |a, now| a.claim("exp", now + 301),
        |a, now| a.claim("iat", now + 61),
    ];
    for (at, change) in wrong.into_iter().enumerate() {
        let text = fresh(change);
        assert_eq!(house.pushes_with(&text).await, refused(), "{at}");
    }
    let none = fresh(|a, _| a);
    let bare = format!("{}.", none.rsplit_once('.').unwrap().0);
    assert_eq!(house.pushes_with(&bare).await, refused());
    let right: [fn(Signed, i64) -> Signed; 5] = [
        |a, _| a,
        |a, _| a.header("kid", "one"),
        |a, _| a.header("typ", "client-authentication+jwt"),
        |a, now| a.claim("exp", now + 300),
        |a, _| a.by(&key(2)),
    ];
    for (at, change) in right.into_iter().enumerate() {
        let text = fresh(change);
        assert_eq!(house.pushes_with(&text).await, (201, String::new()), "{at}");
    }
    house.done().await;
}

#[tokio::test]
async fn who_said_that_it_signs_has_to_sign_everywhere() {
    let house = house().await;
    let app = App::published(NOTES);
    let code = house.signed_code().await;
    let tokens = house.tokens(&house.with_word(&app.redeems(&code))).await;
    let device = vec![
        ("client_id", NOTES.into()),
        ("authorization_details", json!([details()]).to_string()),
    ];
    for (path, members) in [
        ("/okap/par", app.pushes(&details())),
        ("/okap/device_authorization", device),
        ("/okap/token", app.redeems(&code)),
        ("/okap/token", app.renews(&tokens.refresh)),
        ("/okap/token", app.polls("okap_dc_x")),
        ("/okap/token", app.hands_on(&tokens.access)),
    ] {
        house.clock.turn(61);
        assert_eq!(house.send(post(path, &members)).await.says(), refused(), "{path}");
        let (id, rest) =
            members.iter().cloned().partition::<Members, _>(|(n, _)| *n == "client_id");
        let as_other = signed(
            &[rest, vec![("client_id", OTHER.into())]].concat(),
            &house.fresh(&key(1)).text(),
        );
        assert_eq!(house.send(post(path, &as_other)).await.says(), refused(), "{path} {id:?}");
        let answer = house.send(post(path, &house.with_word(&members))).await;
        assert_ne!(answer.status, 401, "{path}: {}", answer.text());
    }
    assert_eq!(house.chats(&tokens.access).await, (401, "token_revoked".into()), "replayed code");
    house.done().await;
}

#[tokio::test]
async fn an_assertion_of_who_does_not_sign_is_refused() {
    let house = house().await;
    for app in [App::local(), App::published(OTHER)] {
        house.clock.turn(61);
        let plain = app.pushes(&details());
        let word = house.assertion(&key(1), OTHER).text();
        assert_eq!(house.send(post("/okap/par", &signed(&plain, &word))).await.says(), refused());
        assert_eq!(house.send(post("/okap/par", &plain)).await.status, 201);
    }
    for (name, value) in [
        ("client_assertion_type", ""),
        ("client_assertion", ""),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
    ] {
        let members = but(&house.with_word(&App::published(NOTES).pushes(&details())), name, value);
        let refused = house.send(post("/okap/par", &members)).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{name}={value}");
    }
    house.done().await;
}

#[tokio::test]
async fn v68_two_ways_to_say_who_one_is_are_one_too_many() {
    let house = house().await;
    let app = App::published(NOTES);
    for path in ["/okap/par", "/okap/token", "/okap/device_authorization", "/okap/revoke"] {
        let members = house.with_word(&app.pushes(&details()));
        for header in ["Basic eDp5", "Bearer x", ""] {
            let ask = post(path, &members).header("authorization", header);
            assert_eq!(house.send(ask).await.says(), (400, "invalid_request".into()), "{path}");
        }
    }
    let members = house.with_word(&app.pushes(&details()));
    assert_eq!(house.send(post("/okap/par", &members)).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn an_assertion_without_a_client_id_is_not_overlooked() {
    let house = house().await;
    let granted = house.plain().await;
    let handed = signed(&crate::support::exchange(&granted.token), "x.y.z");
    assert_eq!(house.token(&handed).await.says(), (400, "invalid_request".into()));
    let back = signed(&vec![("token", granted.token.clone())], "x.y.z");
    let refused = house.send(post("/okap/revoke", &back)).await;
    assert_eq!(refused.says(), (400, "invalid_request".into()));
    assert_eq!(house.chats(&granted.token).await.0, 200);
    house.tokens(&crate::support::exchange(&granted.token)).await;
    let back = [("token", &*granted.token)];
    assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
    assert_eq!(house.chats(&granted.token).await, (401, "token_revoked".into()));
    house.done().await;
}

#[tokio::test]
async fn who_signs_or_binds_its_tokens_does_not_ask_without_either() {
    let house = house().await;
    let bound = "https://bound.example/okap.json";
    house.publish(bound, &with(document(bound), json!({"dpop_bound_access_tokens": true})));
    let ask = |id: &str| {
        let body = json!({
            "okap": "1.0", "authorization_details": [details()], "client": {"client_id": id},
        });
        Ask::post("/okap/authorize").json(&body)
    };
    for id in [NOTES, bound] {
        let answer = house.send(ask(id)).await;
        assert_eq!(answer.says(), refused(), "{id}: {}", answer.text());
    }
    assert_eq!(house.send(ask(OTHER)).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn what_one_client_got_no_other_client_uses() {
    let house = house().await;
    let (app, other) = (App::published(OTHER), App::local());
    let first = house.through_browser(&app, &details()).await;
    let second = house.through_browser(&other, &details()).await;
    for (mine, theirs, tokens) in [(&other, &app, &first), (&app, &other, &second)] {
        let code = house.code_for(theirs, &details()).await;
        let grant = (400, "invalid_grant".to_owned());
        let redeemed = but(&theirs.redeems(&code), "client_id", &mine.client_id);
        assert_eq!(house.token(&redeemed).await.says(), grant);
        assert_eq!(house.token(&mine.renews(&tokens.refresh)).await.says(), grant);
        let invalid = (400, "invalid_request".to_owned());
        assert_eq!(house.token(&mine.hands_on(&tokens.access)).await.says(), invalid);
        let nobody = crate::support::exchange(&tokens.access);
        assert_eq!(house.token(&nobody).await.says(), invalid);
        let back = [("token", &*tokens.access), ("client_id", &*mine.client_id)];
        let refused = house.send(Ask::post("/okap/revoke").form(&back)).await;
        assert_eq!(refused.says(), (400, "unauthorized_client".into()));
        // and all of it still works for whom it was made
        house.tokens(&theirs.redeems(&code)).await;
        house.tokens(&theirs.renews(&tokens.refresh)).await;
        house.tokens(&theirs.hands_on(&tokens.access)).await;
        let back = [("token", &*tokens.access), ("client_id", &*theirs.client_id)];
        assert_eq!(house.send(Ask::post("/okap/revoke").form(&back)).await.status, 200);
        assert_eq!(house.chats(&tokens.access).await, (401, "token_revoked".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn a_client_without_a_name_is_no_client() {
    let house = house().await;
    let tokens = house.local().await;
    for members in [
        but(&App::local().renews(&tokens.refresh), "client_id", ""),
        [
            but(&App::local().renews(&tokens.refresh), "client_id", ""),
            vec![("client_id", "".into())],
        ]
        .concat(),
        but(&App::local().redeems("x"), "client_id", ""),
        but(&App::local().polls("x"), "client_id", ""),
    ] {
        assert_eq!(house.token(&members).await.says(), (400, "invalid_request".into()));
    }
    house.tokens(&App::local().renews(&tokens.refresh)).await;
    house.done().await;
}
