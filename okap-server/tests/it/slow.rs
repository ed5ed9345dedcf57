//! Requests that come slowly, or never.

use std::time::Duration;

use okap_conformance::provider::Rule;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Ask, House, Plan, chat_with};

async fn impatient() -> House {
    Plan::new().tune(|config| config.request_within = Duration::from_millis(300)).build().await
}

#[tokio::test]
async fn v192_a_body_that_does_not_come_is_408_and_the_line_is_closed() {
    let house = impatient().await;
    let token = house.plain().await.token;
    for (path, kind, first) in [
        ("/v1/openai/chat/completions", "application/json", "{"),
        ("/okap/authorize", "application/json", "{"),
        ("/okap/par", "application/x-www-form-urlencoded", "client_id="),
        ("/okap/token", "application/x-www-form-urlencoded", "code="),
    ] {
        for length in ["content-length: 100", "transfer-encoding: chunked"] {
            let mut stream = house.dial().await;
            let auth = if path.starts_with("/v1") {
                format!("authorization: Bearer {token}\r\n")
            } else {
                String::new()
            };
            let first = if length.starts_with('t') {
                format!("{:x}\r\n{first}\r\n", first.len())
            } else {
                first.to_owned()
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\n{auth}content-type: {kind}\r\n{length}\r\n\r\n{first}"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let heard = house.hear(&mut stream).await;
            assert!(heard.starts_with("HTTP/1.1 408 "), "{path}: {heard}");
            assert!(heard.to_lowercase().contains("connection: close"), "{heard}");
        }
    }
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v192_drops_that_keep_coming_do_not_keep_the_line_open() {
    let house = impatient().await;
    let token = house.plain().await.token;
    let mut stream = house.dial().await;
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n",
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let (mut read, mut write) = stream.into_split();
    let drip = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    });
    let mut heard = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_buf(&mut read, &mut heard).await;
    assert!(String::from_utf8_lossy(&heard).starts_with("HTTP/1.1 408 "));
    assert!(begun.elapsed() < Duration::from_secs(3));
    drip.abort();
    house.done().await;
}

#[tokio::test]
async fn v192_so_many_streams_of_one_app_and_no_more() {
    let house = Plan::new().tune(|config| config.calls_at_once = 3).build().await;
    let granted = house.grant(chat_with(json!({"requests_per_day": 5}))).await;
    house.provider.set_fault(Rule {
        words: Some(2_000),
        chunk_delay_ms: Some(10),
        ..Rule::default()
    });
    let ask = || Ask::chat(&granted.token, json!({"stream": true}));
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(house.flow(ask()).await);
    }
    for _ in 0..10 {
        let refused = house.send(ask()).await;
        assert_eq!(
            (refused.says(), refused.header("retry-after")),
            ((429, "rate_limit_exceeded".into()), Some("1"))
        );
    }
    assert_eq!(house.arrived(), 3);
    open.clear();
    house.quiet().await;
    // the refused ones burnt nothing
    house.provider.clear_faults();
    assert_eq!((house.send(ask()).await.status, house.send(ask()).await.status), (200, 200));
    assert_eq!(house.send(ask()).await.status, 429);
    house.done().await;
}

#[tokio::test]
async fn a_request_that_breaks_off_reaches_nobody() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let mut stream = house.dial().await;
    let head = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = house.hear(&mut stream).await;
    house.quiet().await;
    assert_eq!((house.arrived(), house.control().vault().holds()), (0, 0));
    house.done().await;
}
