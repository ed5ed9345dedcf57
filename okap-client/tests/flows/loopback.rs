//! C15: the listener against callers that are no browser.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use url::Url;

use crate::{
    ask,
    browser::{say, visit},
    pair,
};

/// A flow that waits, and its genuine answer.
async fn waiting() -> (JoinHandle<bool>, Url) {
    let (vault, client) = pair();
    let (sender, receiver) = oneshot::channel();
    let flow = tokio::spawn(async move {
        client.authorize_with(ask(), |url| sender.send(url.clone()).unwrap()).await.is_ok()
    });
    let consent = receiver.await.unwrap();
    (flow, vault.consent(&consent))
}

#[tokio::test]
async fn c15_anything_but_the_one_request_is_turned_away() {
    let (flow, genuine) = waiting().await;
    let host = genuine.authority().to_owned();
    let target = genuine[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
    let long = "a".repeat(20 * 1024);
    for (request, status) in [
        (format!("POST {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "405"),
        (format!("HEAD {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "405"),
        (format!("GET /callback/{target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("GET http://{host}{target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n"), "404"),
        (format!("GET {target} HTTP/1.1\r\nHost: evil.test\r\n\r\n"), "421"),
        (
            format!("GET {target} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", genuine.port().unwrap()),
            "421",
        ),
        (format!("GET {target} HTTP/1.1\r\n\r\n"), "421"),
        (format!("GET {target} HTTP/2\r\nHost: {host}\r\n\r\n"), "400"),
        (format!("GET {target}\r\nHost: {host}\r\n\r\n"), "400"),
        (format!("\r\nGET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "400"),
        (format!("GET {target} HTTP/1.1\r\nX: {long}\r\nHost: {host}\r\n\r\n"), "431"),
        ("\u{1}\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = say(&genuine, &request).await;
        // the system may drop an answer to a request that was not read to its end
        let dropped = status == "431" && answer.is_empty();
        assert!(
            dropped || answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:.80}: {answer}"
        );
        assert!(!flow.is_finished());
    }
    visit(&genuine).await;
    assert!(flow.await.unwrap());
}

#[tokio::test]
async fn silent_connections_do_not_keep_the_browser_out() {
    let (flow, genuine) = waiting().await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(TcpStream::connect(genuine.authority()).await.unwrap());
    }
    let visited = timeout(Duration::from_secs(4), visit(&genuine)).await;
    assert!(visited.unwrap().starts_with("HTTP/1.1 200"));
    assert!(flow.await.unwrap());
}

#[tokio::test]
async fn silent_connection_is_ended() {
    let (flow, genuine) = waiting().await;
    let mut silent = TcpStream::connect(genuine.authority()).await.unwrap();
    silent.write_all(b"GET /callback").await.unwrap();
    tokio::time::pause();
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    tokio::time::resume();
    visit(&genuine).await;
    assert!(flow.await.unwrap());
}

#[tokio::test]
async fn request_in_small_pieces_is_understood() {
    let (flow, genuine) = waiting().await;
    let mut stream = TcpStream::connect(genuine.authority()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let target = &genuine[url::Position::BeforePath..url::Position::AfterQuery];
    let request = format!("GET {target} HTTP/1.1\r\nhost:{}\r\n\r\n", genuine.authority());
    for piece in request.as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(flow.await.unwrap());
}

#[tokio::test]
async fn c15_other_addresses_of_this_computer_are_not_listened_on() {
    let (_flow, genuine) = waiting().await;
    let port = genuine.port().unwrap();
    assert_ne!(port, 0);
    for other in ["127.0.0.2", "::1"] {
        assert!(TcpStream::connect((other, port)).await.is_err(), "{other}");
    }
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());
}
