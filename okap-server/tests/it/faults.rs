//! A provider that does everything wrong.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use okap_conformance::provider::{Fault, Rule};
use okap_server::Body;
use okap_types::Provider;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};

use crate::support::{Answer, Ask, House, Plan, chat_with, openai, responses};

fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

impl House {
    /// One call of each kind under a fault.
    async fn under(&self, token: &str, fault: &Fault) -> Vec<Answer> {
        let responses = |stream: bool| {
            Ask::post("/v1/openai/responses")
                .bearer(token)
                .json(&responses(json!({"stream": stream})))
        };
        let mut answers = Vec::new();
        for ask in [
            Ask::chat(token, json!({})),
            Ask::message(token, json!({})),
            responses(false),
            Ask::chat(token, json!({"stream": true})),
            Ask::message(token, json!({"stream": true})),
            responses(true),
        ] {
            self.provider.set_fault(Rule::fault(fault.clone()).times(1));
            answers.push(self.send(ask).await);
        }
        self.quiet().await;
        answers
    }
}

#[tokio::test]
async fn v145_a_redirect_is_not_followed() {
    let house = House::open().await;
    let elsewhere = House::open().await;
    let token = house.wide().await.token;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/v1/chat/completions", elsewhere.provider.url());
        for answer in house.under(&token, &Fault::Redirect { to, status }).await {
            assert_eq!(answer.says(), (502, "upstream_redirect_refused".into()), "{status}");
            assert_eq!(
                (answer.header("location"), answer.header("x-should-retry")),
                (None, Some("false"))
            );
        }
    }
    assert_eq!((house.arrived(), elsewhere.arrived(), house.charged()), (30, 0, 0));
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    elsewhere.done().await;
    house.done().await;
}

#[tokio::test]
async fn a_refused_key_is_the_owners_matter() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for status in [401, 403] {
        for answer in
            house.under(&token, &Fault::Status { status, retry_after: None, echo: true }).await
        {
            assert_eq!(answer.says(), (502, "upstream_credential_error".into()), "{status}");
            assert_eq!(
                (answer.header("www-authenticate"), answer.header("x-should-retry")),
                (None, Some("false"))
            );
            assert!(!answer.text().contains("sk-okap"), "{}", answer.text());
        }
    }
    assert_eq!(house.charged(), 0);
    house.done().await;
}

#[tokio::test]
async fn what_the_provider_breaks_is_502() {
    let house =
        Plan::new().tune(|config| config.answer_within = Duration::from_secs(3)).build().await;
    let token = house.wide().await.token;
    for status in [500, 503, 529] {
        for answer in house.under(&token, &Fault::status(status)).await {
            assert_eq!(answer.says(), (502, "upstream_error".into()), "{status}");
        }
    }
    assert_eq!(house.charged(), 0);
    // a gateway that gave up may have left a call running behind it: its bound stays charged
    for status in [502, 504] {
        let before = house.charged();
        for answer in house.under(&token, &Fault::status(status)).await {
            assert_eq!(answer.says(), (502, "upstream_error".into()), "{status}");
        }
        assert!(house.charged() > before, "{status}");
    }
    for answer in house.under(&token, &Fault::Html).await {
        assert_eq!(answer.says(), (502, "upstream_error".into()));
    }
    for fault in [
        Fault::TruncatedJson,
        Fault::Gzip,
        Fault::Cut { after: 1 },
        Fault::Huge { bytes: 65 * 1024 * 1024 },
    ] {
        let answers = house.under(&token, &fault).await;
        for answer in &answers[..3] {
            assert_eq!(answer.says(), (502, "upstream_error".into()), "{fault:?}");
        }
        for answer in &answers[3..] {
            let refused = answer.status == 502 && answer.code() == "upstream_error";
            let broken = answer.status == 200 && !answer.whole;
            assert!(refused || broken, "{fault:?}: {} {}", answer.status, answer.text());
        }
    }
    for answer in &house.under(&token, &Fault::EndEarly { after: 2 }).await[..3] {
        // means streams alone
        assert_eq!(answer.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn a_provider_that_hangs_is_504() {
    let house =
        Plan::new().tune(|config| config.answer_within = Duration::from_millis(200)).build().await;
    let token = house.wide().await.token;
    for answer in house.under(&token, &Fault::Hang).await {
        assert_eq!(answer.says(), (504, "upstream_timeout".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn a_providers_own_complaint_passes_unchanged() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for status in [400, 404, 409, 422] {
        for answer in house.under(&token, &Fault::status(status)).await {
            assert_eq!(answer.status, status);
            assert!(
                answer.text().contains("refused") && answer.json()["okap"].is_null(),
                "{}",
                answer.text()
            );
        }
    }
    let answers = house
        .under(&token, &Fault::Status { status: 429, retry_after: Some(7), echo: false })
        .await;
    for answer in &answers {
        assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    }
    assert_eq!(answers[0].header("retry-after-ms"), Some("7000"));
    assert_eq!(answers[1].header("x-should-retry"), Some("true"));
    assert_eq!(house.charged(), 0);
    house.done().await;
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_never_comes_down() {
    let house = House::open().await;
    let token = house.wide().await.token;
    for answer in
        house.under(&token, &Fault::Status { status: 400, retry_after: None, echo: true }).await
    {
        assert_eq!(answer.says(), (502, "upstream_error".into()));
    }
    let answers = house.under(&token, &Fault::EchoCredential).await;
    for answer in &answers[..3] {
        assert_eq!(answer.says(), (502, "upstream_error".into()), "{}", answer.text());
    }
    for answer in &answers[3..] {
        // in a stream the key comes in two pieces: the second does not go out
        assert!(!answer.whole, "{}", answer.text());
        let key = house.provider.master_key();
        assert!(!answer.text().contains(&key[key.len() / 2..]), "{}", answer.text());
        assert_eq!(answer.header("x-received-credential"), None);
    }
    house.done().await;
}

#[tokio::test]
async fn a_key_in_a_header_or_an_event_or_behind_gzip_never_comes_down() {
    let key = "sk-okapconf-canary-of-this-test-0123456789";
    let bend = move |answer: http::Response<Body>| {
        let (mut head, body_of) = answer.into_parts();
        let value = |text: String| http::HeaderValue::from_str(&text).unwrap();
        match head.headers.get("x-request-id").and_then(|v| v.to_str().ok()) {
            // the first call's headers, the second's event, the third's compressed error
            Some("req_1") => {
                for name in ["x-request-id", "request-id", "retry-after", "openai-processing-ms"] {
                    head.headers.insert(name, value(format!("req-{key}")));
                }
                http::Response::from_parts(head, body_of)
            }
            Some("req_2") => {
                let event = format!(
                    "data: {{\"error\":{{\"message\":\"bad key {key}\"}}}}\n\ndata: [DONE]\n\n"
                );
                http::Response::from_parts(head, body(event))
            }
            _ => {
                head.status = http::StatusCode::BAD_REQUEST;
                head.headers.insert("content-encoding", value("gzip".into()));
                http::Response::from_parts(head, body("\u{1f}…"))
            }
        }
    };
    let house =
        Plan::new().fake(|fake| key.clone_into(&mut fake.master_key)).bend(bend).build().await;
    let token = house.plain().await.token;
    let first = house.send(Ask::chat(&token, json!({}))).await;
    assert_eq!((first.status, first.header("x-request-id")), (200, None));
    let second = house.send(Ask::chat(&token, json!({"stream": true}))).await;
    assert!(!second.whole, "{}", second.text());
    let third = house.send(Ask::chat(&token, json!({}))).await;
    assert_eq!(third.says(), (502, "upstream_error".into()));
    house.done().await;
}

#[tokio::test]
async fn v148_the_key_goes_over_tls_or_to_this_computer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let n = stream.read(&mut heard).await.unwrap_or(0);
        heard.truncate(n);
        heard
    });
    for url in [
        format!("https://{address}"),
        "http://192.0.2.1".into(),
        "http://localhost.evil.test".into(),
        "http://127.0.0.1.evil.test".into(),
        "http://127.0.0.2:9".into(),
    ] {
        let plan = Plan::new().tune(move |config| {
            *config = config.clone().upstream(Provider::OpenAi, openai(&url));
            config.answer_within = Duration::from_secs(5);
        });
        let house = plan.build().await;
        let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
        let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
        assert_eq!(refused.says(), (502, "upstream_error".into()));
        house.quiet().await;
        assert_eq!(house.used(&granted).await, 0);
        house.done().await;
    }
    let heard = heard.await.unwrap();
    // a TLS hello and no word of HTTP
    assert_eq!(heard.first(), Some(&22));
    assert!(!String::from_utf8_lossy(&heard).contains("sk-okapconf"));
}

#[tokio::test]
async fn each_provider_gets_its_own_key() {
    let (house, other) = (House::open().await, House::open().await);
    let url = other.provider.url();
    // the key of the first at the address of the second
    let plan = Plan::new().tune(move |config| {
        *config = config.clone().upstream(Provider::Anthropic, crate::support::anthropic(&url))
    });
    let third = plan.build().await;
    let token = third.wide().await.token;
    assert_eq!(third.send(Ask::chat(&token, json!({}))).await.status, 200);
    assert_eq!(
        third.send(Ask::message(&token, json!({}))).await.says(),
        (502, "upstream_credential_error".into())
    );
    assert!(other.provider.ledger().violations.iter().all(|v| v.at == "header x-api-key"));
    other.provider.reset();
    third.done().await;
    other.done().await;
    house.done().await;
}

#[tokio::test]
async fn a_provider_does_not_speak_in_the_vaults_name() {
    let bend = |answer: http::Response<Body>| {
        let (head, body_of) = answer.into_parts();
        let error = match head.headers.get("x-request-id").and_then(|v| v.to_str().ok()) {
            Some("req_1") => json!({"error": {"message": "bad prompt"}}),
            Some("req_2") => json!({"error": {}, "okap": {"code": "token_revoked"}}),
            _ => return http::Response::from_parts(head, body_of),
        };
        http::Response::from_parts(head, body(error.to_string()))
    };
    let house = Plan::new().bend(bend).build().await;
    let refuses = Rule { fault: Some(Fault::status(400)), times: Some(2), ..Rule::default() };
    house.provider.set_fault(refuses);
    let token = house.plain().await.token;
    let own = house.send(Ask::chat(&token, json!({}))).await;
    assert_eq!((own.status, &own.json()["error"]["message"]), (400, &json!("bad prompt")));
    let false_words = house.send(Ask::chat(&token, json!({}))).await;
    assert_eq!(false_words.says(), (502, "upstream_error".into()));
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    house.done().await;
}
