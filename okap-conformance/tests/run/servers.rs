//! Servers that are no vaults, each on a port of its own.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// One where nobody listens any more.
pub(crate) async fn dead() -> SocketAddr {
    listen().await.1
}

/// Answers every request in the same way.
pub(crate) async fn constant<R: IntoResponse + Clone + Send + Sync + 'static>(
    answer: R,
) -> SocketAddr {
    serve(Router::new().fallback(async move || answer.clone())).await
}

pub(crate) fn json_of(status: u16, body: &Value) -> (StatusCode, HeaderMap, String) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(header::CACHE_CONTROL, "no-store".parse().unwrap());
    headers.insert(header::WWW_AUTHENTICATE, "Bearer realm=\"okap\"".parse().unwrap());
    headers.insert(header::RETRY_AFTER, "1".parse().unwrap());
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string())
}

/// Says back what it is told.
pub(crate) async fn echo() -> SocketAddr {
    serve(Router::new().fallback(async |headers: HeaderMap, body: Bytes| {
        let kind = headers.get(header::CONTENT_TYPE).cloned();
        let kind = kind.unwrap_or_else(|| "application/json".parse().unwrap());
        ([(header::CONTENT_TYPE, kind)], body)
    }))
    .await
}

/// A driver that says that everything has been done.
pub(crate) async fn obliging() -> SocketAddr {
    let answer = Json(json!({
        "verbs": ["decide", "seed", "reset", "revoke", "advance", "audit", "dump"],
        "decided": true,
        "redirect": "http://127.0.0.1:51004/callback?code=x&state=y&iss=z",
        "rows": [],
    }));
    constant(answer).await
}

async fn serve(router: Router) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Does this with every connection, once a request has begun to come; the number counts them.
pub(crate) async fn raw<F>(answer: impl Fn(TcpStream, usize) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, number));
        }
    });
    address
}

/// Takes requests and never says a word.
pub(crate) async fn hang(mut stream: TcpStream) -> io::Result<()> {
    let mut heard = [0; 1024];
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}

/// Goes away in the midst of a header.
pub(crate) async fn reset(mut stream: TcpStream) -> io::Result<()> {
    begun(&mut stream).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-ty").await?;
    // what is unread when a socket closes makes it a reset
    stream.set_zero_linger()
}

/// Begins well and has no end.
pub(crate) async fn endless(mut stream: TcpStream) -> io::Result<()> {
    begun(&mut stream).await?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(&[b' '; 64 * 1024]).await?;
    }
}

/// Says a byte a second.
pub(crate) async fn slow(mut stream: TcpStream) -> io::Result<()> {
    begun(&mut stream).await?;
    for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".chunks(1) {
        stream.write_all(byte).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// A short answer, and the end.
pub(crate) async fn say(mut stream: TcpStream, status: &str) -> io::Result<()> {
    begun(&mut stream).await?;
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
         connection: close\r\n\r\n{{}}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    hang(stream).await
}

/// Passes everything on to another port, and what comes of it back.
pub(crate) async fn pass(mut stream: TcpStream, to: SocketAddr) -> io::Result<()> {
    let mut other = TcpStream::connect(to).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut other).await.map(drop)
}

async fn begun(stream: &mut TcpStream) -> io::Result<()> {
    stream.read(&mut [0; 1024]).await.map(drop)
}
