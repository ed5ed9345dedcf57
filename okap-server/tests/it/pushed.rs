//! The pushed request: who may ask, how, and where the answer may go.

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Answer, Ask, House, Plan, VERIFIER, challenge};

/// The members of a request that is accepted.
pub(crate) fn form() -> Vec<(&'static str, String)> {
    let details =
        json!([{"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini"]}]);
    vec![
        ("client_id", "http://localhost".into()),
        ("client_name", "Notes".into()),
        ("response_type", "code".into()),
        ("redirect_uri", "http://127.0.0.1:51004/cb".into()),
        ("code_challenge", challenge(VERIFIER)),
        ("code_challenge_method", "S256".into()),
        ("authorization_details", details.to_string()),
        ("state", "s-1".into()),
    ]
}

/// The accepted request with one member changed; an empty value leaves it out.
pub(crate) fn changed(name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut form = form();
    form.retain(|(other, _)| *other != name);
    if !value.is_empty() {
        form.push((name, value.to_owned()));
    }
    form
}

pub(crate) fn push(form: &[(&str, String)]) -> Ask {
    let pairs: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Ask::post("/okap/par").form(&pairs)
}

impl House {
    /// Pushes as a fresh app each time, so that only the request itself matters.
    pub(crate) async fn pushes(&self, name: &'static str, value: &str) -> Answer {
        self.clock.turn(61);
        let mut form = changed(name, value);
        if name != "client_name" {
            form.retain(|(other, _)| *other != "client_name");
            form.push(("client_name", format!("app {}", self.clock_ms())));
        }
        self.send(push(&form)).await
    }

    fn clock_ms(&self) -> i64 {
        okap_server::ports::Clock::now(&self.clock).unix_millis()
    }
}

#[tokio::test]
async fn v3_a_client_id_that_is_no_local_app_is_refused() {
    let house = House::open().await;
    for id in [
        "http://app.example/c.json",
        "https://app.example/c.json",
        "http://localhost/",
        "http://LOCALHOST",
    ] {
        assert_eq!(
            house.pushes("client_id", id).await.says(),
            (401, "invalid_client".into()),
            "{id}"
        );
    }
    assert_eq!(house.pushes("client_id", "http://localhost").await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v15_a_request_uri_has_no_place_in_a_pushed_request() {
    let house = House::open().await;
    for name in ["request_uri", "request"] {
        let refused = house.pushes(name, "urn:ietf:params:oauth:request_uri:x").await;
        assert_eq!(refused.says(), (400, "invalid_request".into()));
    }
    assert_eq!(house.pushes("state", "s").await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v16_a_request_is_pushed_by_post_alone() {
    let house = House::open().await;
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"] {
        let refused = house.send(Ask::new(method, "/okap/par")).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{method}");
    }
    assert_eq!(house.send(push(&form())).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v17_a_body_of_a_megabyte_is_refused_before_it_is_read() {
    let house = House::open().await;
    for path in ["/okap/par", "/okap/token", "/okap/revoke", "/okap/authorize", "/okap/request"] {
        let kind = match path {
            "/okap/authorize" | "/okap/request" => "application/json",
            _ => "application/x-www-form-urlencoded",
        };
        let mut stream = house.dial().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 1048576\r\n\r\nclient_id=",
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // the rest never comes; the answer does
        let heard = house.hear(&mut stream).await;
        assert!(heard.starts_with("HTTP/1.1 413 "), "{path}: {heard}");
        assert!(heard.to_lowercase().contains("connection: close"), "{heard}");
    }
    let padded = changed("pad", &"x".repeat(60_000));
    assert_eq!(house.send(push(&padded)).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v19_pkce_is_asked_for_and_only_s256() {
    let house = House::open().await;
    for (name, value) in [
        ("code_challenge", ""),
        ("code_challenge_method", ""),
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
    ] {
        let refused = house.pushes(name, value).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{name}={value}");
    }
    assert_eq!(house.pushes("code_challenge_method", "S256").await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v20_a_challenge_has_its_one_length_and_alphabet() {
    let house = House::open().await;
    let good = challenge(VERIFIER);
    for bad in [
        &good[..42],
        &format!("{good}{good}{good}"),
        &good.replacen(&good[..1], "+", 1),
        &good.replacen(&good[..1], "=", 1),
    ] {
        assert_eq!(
            house.pushes("code_challenge", bad).await.says(),
            (400, "invalid_request".into()),
            "{bad}"
        );
    }
    assert_eq!(house.pushes("code_challenge", &good).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v21_v31_v32_v34_v36_an_answer_goes_back_to_a_loopback_address_alone() {
    let house = House::open().await;
    for bad in [
        "https://app.example/cb",
        "http://app.example/cb",
        "http://10.0.0.1:51004/cb",
        "http://0.0.0.0:51004/cb",
        "http://localhost:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.1:51004/cb",
        "http://2130706433:51004/cb",
        "http://0x7f.1:51004/cb",
        "http://[::]:51004/cb",
        "http://[::ffff:127.0.0.1]:51004/cb",
        "http://127.0.0.1/cb",
        "https://127.0.0.1:51004/cb",
        "http://good@127.0.0.1:51004/cb",
        "http://127.0.0.1:51004@evil.example/cb",
        "http://a@b@127.0.0.1:51004/cb",
        "http://127.0.0.1:51004\\@evil.example/cb",
        "http://evil.example\\@127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/cb#x",
        "http://127.0.0.1:51004/a/../cb",
        "http://127.0.0.1.:51004/cb",
        "http://127.0.0.1:51004.evil.example/cb",
        "HTTP://127.0.0.1:51004/cb",
        "http:/127.0.0.1:51004/cb",
        " http://127.0.0.1:51004/cb",
        "http://127.0.0.1:51004/c\nb",
        "http://127.0.0.1:*/cb",
        "http://127.0.0.1:99999/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "okap:cb",
        "myapp:cb",
        "com.example.app:/cb",
        "http://１２７.0.0.1:51004/cb",
        "",
    ] {
        let refused = house.pushes("redirect_uri", bad).await;
        assert_eq!(refused.says(), (400, "invalid_request".into()), "{bad}");
    }
    for good in [
        "http://127.0.0.1:51004/cb",
        "http://[::1]:51004/cb",
        "http://127.0.0.1:51004",
        "http://127.0.0.1:9/CB?x=1",
    ] {
        assert_eq!(house.pushes("redirect_uri", good).await.status, 201, "{good}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_parameter_that_stands_twice_is_refused() {
    let house = House::open().await;
    for (name, _) in form() {
        let mut twice = form();
        twice.push((name, "again".into()));
        assert_eq!(
            house.send(push(&twice)).await.says(),
            (400, "invalid_request".into()),
            "{name}"
        );
    }
    let known_to_nobody = [changed("x", "1"), vec![("x", "2".into())]].concat();
    assert_eq!(house.send(push(&known_to_nobody)).await.status, 400);
    assert_eq!(house.send(push(&changed("x", "1"))).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v84_no_token_ever_comes_through_the_front_door() {
    let house = House::open().await;
    for kind in ["token", "code token", "id_token", "none"] {
        let refused = house.pushes("response_type", kind).await;
        assert_eq!(refused.says(), (400, "unsupported_response_type".into()), "{kind}");
    }
    assert_eq!(house.pushes("response_type", "code").await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn a_state_is_bounded() {
    let house = House::open().await;
    assert_eq!(
        house.pushes("state", &"s".repeat(513)).await.says(),
        (400, "invalid_request".into())
    );
    assert_eq!(house.pushes("state", &"s".repeat(512)).await.status, 201);
    house.done().await;
}

#[tokio::test]
async fn v24_a_request_uri_cannot_be_guessed() {
    let house = Plan::new().build().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..300 {
        let pushed = house.pushes("state", "s").await.json();
        let uri = pushed["request_uri"].as_str().unwrap().to_owned();
        let random = uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap();
        assert_eq!(random.len(), 43);
        // no counter and no clock: no two begin alike
        assert!(seen.insert(random[..8].to_owned()), "{uri}");
        assert!(seen.insert(random[35..].to_owned()), "{uri}");
        assert_eq!(pushed["expires_in"], 90);
    }
    house.done().await;
}

#[tokio::test]
async fn v30_one_source_cannot_fill_the_store() {
    let house = House::open().await;
    let mut refused = 0;
    for n in 0..300 {
        let answer = house.send(push(&changed("client_name", &format!("app {n}")))).await;
        if answer.status != 201 {
            assert_eq!(answer.says(), (429, "too_many_requests".into()));
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            refused += 1;
        }
    }
    assert!(refused >= 240, "{refused}");
    assert!(house.control().vault().count("interaction").await <= 60);
    // another source, and the same one a minute later, are heard
    assert_eq!(house.send(push(&changed("client_name", "other")).from(2)).await.status, 201);
    house.clock.turn(61);
    assert_eq!(house.send(push(&changed("client_name", "later"))).await.status, 201);
    house.done().await;
}
