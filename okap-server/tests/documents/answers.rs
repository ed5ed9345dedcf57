//! What is taken for a document, of all that a server may answer.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use okap_server::ports::{Documents, Fetched, HttpsDocuments};

use crate::support::{HOST, Server};

#[tokio::test]
async fn a_document_is_fetched_over_tls_and_says_how_long_it_is_fresh() {
    let server = Server::start().await;
    server.answers_document("{}");
    let fetched = server.fetch().await.unwrap();
    assert_eq!(fetched, Fetched { bytes: "{}".into(), fresh_for: Duration::from_secs(300) });
    let headers = "content-type: application/json\r\ncache-control: max-age=7\r\n";
    server.answers_with("200 OK", headers, "{}");
    assert_eq!(server.fetch().await.unwrap().fresh_for, Duration::from_secs(7));
    let heads = server.heads.lock().unwrap();
    let head = heads[0].to_ascii_lowercase();
    assert!(head.starts_with("get /okap.json http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\naccept: application/json\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nhost: {HOST}:{}\r\n", server.port)), "{head}");
    assert_eq!(server.accepted(), 2, "one connection for one document");
}

#[tokio::test]
async fn v7_a_redirect_is_not_followed() {
    let (server, inside) = (Server::start().await, Server::start().await);
    inside.answers_document("{}");
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!(
            "content-type: application/json\r\nlocation: https://127.0.0.1:{}/okap.json\r\n",
            inside.port
        );
        server.answers_with(status, &location, "{}");
        let error = server.fetch().await.unwrap_err();
        assert_eq!(error.to_string(), "it redirects, which is not followed");
    }
    assert_eq!(inside.accepted(), 0);
    server.answers_document("{}");
    assert!(server.fetch().await.is_ok());
}

#[tokio::test]
async fn v8_a_document_is_at_most_5120_bytes() {
    let server = Server::start().await;
    let body = |length: usize| " ".repeat(length);
    server.answers_document(&body(5120));
    assert_eq!(server.fetch().await.unwrap().bytes.len(), 5120);
    server.answers_document(&body(5121));
    let error = server.fetch().await.unwrap_err();
    assert_eq!(error.to_string(), "it is larger than 5120 bytes");
    // a length that is not said beforehand
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    server.answers(&[&head[..], body(5120).as_bytes()]);
    assert!(server.fetch().await.is_ok());
    server.answers(&[&head[..], body(5120).as_bytes(), b" "]);
    assert_eq!(server.fetch().await.unwrap_err().to_string(), "it is larger than 5120 bytes");
    // and a head that does not end
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}\r\n", body(20_000).replace(' ', "x"));
    server.answers(&[endless.as_bytes(), b"\r\n"]);
    assert!(server.fetch().await.is_err());
}

#[tokio::test]
async fn v8_a_document_that_drips_is_given_up() {
    let server = Server::start().await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n";
    // a part takes 100 ms: 4 s in all
    let drip: Vec<&[u8]> = [&head[..]].into_iter().chain([&b" "[..]; 40]).collect();
    let hasty = server.reached().deadline(Duration::from_secs(1)).build().unwrap();
    server.answers(&drip);
    let started = std::time::Instant::now();
    let error = hasty.fetch(&server.url()).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer within 1s");
    assert!(started.elapsed() < Duration::from_secs(3));
    // the head may drip as well
    server.answers(&[&b"H"[..]; 40]);
    assert_eq!(hasty.fetch(&server.url()).await.unwrap_err().to_string(), error.to_string());
    // the same bytes, not so slowly
    server.answers(&[&head[..], &[b' '; 39], b" "]);
    assert!(server.fetch().await.is_ok());
}

#[tokio::test]
async fn v8_an_answer_that_breaks_off_is_no_document() {
    let server = Server::start().await;
    server.answers(&[
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{}",
    ]);
    assert_eq!(server.fetch().await.unwrap_err().to_string(), "its answer broke off");
    server.answers_document("{}");
    assert!(server.fetch().await.is_ok());
}

#[test]
fn a_deadline_can_only_be_shortened() {
    let text = format!("{:?}", HttpsDocuments::builder().deadline(Duration::from_secs(60)));
    assert!(text.contains("deadline: 5s"), "{text}");
    let text = format!("{:?}", HttpsDocuments::builder().deadline(Duration::from_secs(1)));
    assert!(text.contains("deadline: 1s"), "{text}");
}

#[tokio::test]
async fn only_status_200_and_json_are_a_document() {
    let server = Server::start().await;
    let json = "content-type: application/json\r\n";
    for status in ["201 Created", "204 No Content", "404 Not Found", "500 Oops", "206 Partial"] {
        server.answers_with(status, json, "");
        let error = server.fetch().await.unwrap_err().to_string();
        assert_eq!(error, format!("its status is {}", &status[..3]));
    }
    for fine in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json ;x=y",
        "application/cimd+json",
    ] {
        server.answers_with("200 OK", &format!("content-type: {fine}\r\n"), "{}");
        assert!(server.fetch().await.is_ok(), "{fine}");
    }
    for wrong in [
        "",
        "content-type: text/html\r\n",
        "content-type: text/json\r\n",
        "content-type: application/jsonp\r\n",
        "content-type: application/+json\r\n",
        "content-type: application/x; a=application/json\r\n",
        "content-type: application/json\r\ncontent-type: text/html\r\n",
    ] {
        server.answers_with("200 OK", wrong, "{}");
        let error = server.fetch().await.unwrap_err().to_string();
        assert_eq!(error, "its content type is not JSON", "{wrong}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_refused() {
    let server = Server::start().await;
    server.answers_document("{}");
    assert!(server.fetch().await.is_ok());
    let here = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let other_name = server.reached().resolve("other.example", here).build().unwrap();
    assert!(other_name.fetch(&server.url_at("other.example")).await.is_err());
    let other_authority = HttpsDocuments::builder()
        .resolve(HOST, here)
        .danger_allow_private_addresses()
        .build()
        .unwrap();
    assert!(other_authority.fetch(&server.url()).await.is_err());
    assert_eq!(server.heads.lock().unwrap().len(), 1, "no request was sent to either");
    assert!(HttpsDocuments::builder().danger_trust(b"no certificate").build().is_err());
}
