//! A browser of ten lines.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// Visits a loopback address and gives the whole answer.
pub(crate) async fn visit(url: &Url) -> String {
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    say(
        url,
        &format!("GET {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n\r\n", url.authority()),
    )
    .await
}

/// Sends these bytes to the address's host and gives the whole answer.
pub(crate) async fn say(url: &Url, bytes: &str) -> String {
    let mut stream = TcpStream::connect(url.authority()).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // a reset after the answer is an answer
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// The address with one parameter changed, or left out.
pub(crate) fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let mut changed = url.clone();
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(n, _)| n != name).collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(value.map(|v| (name, v)));
    changed
}
