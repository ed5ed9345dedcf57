//! Requests whose border two readers could see in two places.

use serde_json::json;

use crate::support::{Ask, House, chat};

#[tokio::test]
async fn v140_a_request_with_two_lengths_is_refused_and_the_line_closed() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let body = chat(json!({})).to_string();
    let n = body.len();
    let call = |length: &str, body: &str| {
        format!(
            "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\n{length}\r\n\r\n{body}",
        )
    };
    let chunked = format!("{n:x}\r\n{body}\r\n0\r\n\r\n");
    for (length, body) in [
        (format!("content-length: {n}\r\ncontent-length: {}", n + 1), &body),
        (format!("content-length: +{n}"), &body),
        (format!("content-length: {n}, {}", n + 1), &body),
        (format!("content-length: 0x{n:x}"), &body),
        ("content-length: -1".into(), &body),
        ("transfer-encoding: chunked, identity".into(), &chunked),
        ("transfer-encoding: xchunked".into(), &chunked),
        (format!("content-length: {n}\r\n x: folded"), &body),
        (format!("content-length : {n}"), &body),
    ] {
        let heard = house.speak(call(&length, body).as_bytes()).await;
        assert!(heard.starts_with("HTTP/1.1 400 ") || heard.is_empty(), "{length}: {heard}");
        assert_eq!(heard.matches("HTTP/1.1 ").count(), usize::from(!heard.is_empty()), "{heard}");
    }
    assert_eq!(house.arrived(), 0);
    let heard = house
        .speak(call("transfer-encoding: chunked\r\nconnection: close", &chunked).as_bytes())
        .await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    let heard = house
        .speak(call(&format!("content-length: {n}\r\nconnection: close"), &body).as_bytes())
        .await;
    assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    house.done().await;
}

#[tokio::test]
async fn what_follows_a_refused_body_is_no_request() {
    let house = House::open().await;
    let token = house.plain().await.token;
    let body = chat(json!({})).to_string();
    let inner = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    // a stranger's request whose body reads like a call
    let outer = format!(
        "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{inner}",
        inner.len()
    );
    let heard = house.speak(outer.as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 401 "), "{heard}");
    assert!(!heard.contains("HTTP/1.1 200 "), "{heard}");
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(Ask::chat(&token, json!({}))).await.status, 200);
    house.done().await;
}
