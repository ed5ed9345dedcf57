//! The transport that comes with the crate, over real sockets.

use std::{error::Error as _, net::Ipv4Addr, time::Duration};

use okap_client::{Client, ClientInfo, Provider};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

use crate::{
    Canned, Vault, ask,
    browser::visit,
    vault::{METADATA, TOKEN},
};

pub(crate) async fn vault() -> (Vault, Url) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listen(listener, "http")
}

fn listen(listener: TcpListener, scheme: &str) -> (Vault, Url) {
    let issuer = format!("{scheme}://{}", listener.local_addr().unwrap());
    let vault = Vault::new(&issuer);
    let router = vault.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (vault, issuer.parse().unwrap())
}

pub(crate) fn client(url: Url) -> Client {
    Client::new(url, ClientInfo::new("Notes").unwrap()).unwrap()
}

#[tokio::test]
async fn both_flows_and_revocation_work() {
    let (vault, url) = vault().await;
    let client = client(url.clone());
    let access = client.start(ask()).await.unwrap().wait(Duration::from_secs(5)).await.unwrap();
    assert_eq!(access.base_url(Provider::OpenAi), url.join("v1/openai").ok().as_ref());

    let seen = vault.clone();
    let access = client.authorize_with(ask(), move |url| {
        let back = seen.consent(url);
        tokio::spawn(async move { visit(&back).await });
    });
    let access = access.await.unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    client.revoke(&access).await.unwrap();
    assert_eq!(vault.calls("POST /okap/revoke").len(), 2);
    let agent = &vault.calls("POST /okap/revoke")[0].headers["user-agent"];
    assert!(agent.to_str().unwrap().starts_with("okap-client/"));
}

#[tokio::test]
async fn c23_redirects_are_not_followed() {
    let (vault, url) = vault().await;
    let (other, elsewhere) = self::vault().await;
    let to = elsewhere.join("okap/authorize").unwrap();
    vault.can("/okap/authorize", Canned::json(307, json!({})).header("location", to.as_str()));
    let error = client(url).start(ask()).await.unwrap_err();
    assert!(error.is_vault(), "{error}");
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn endless_answer_is_cut() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ =
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await;
        while stream.write_all(&[b' '; 8192]).await.is_ok() {}
    });
    let error = client(url).start(ask()).await.unwrap_err();
    assert!(error.is_vault() && error.to_string().contains("longer than 262144 bytes"), "{error}");
}

#[tokio::test]
async fn vault_that_is_not_there_is_a_network_error_without_its_query() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = client(url).start(ask()).await.unwrap_err();
    assert!(error.is_network(), "{error}");
    assert!(error.to_string().contains(METADATA));
    assert!(error.source().is_some());
}

#[tokio::test]
async fn https_never_falls_back_to_plain_http() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (vault, url) = listen(listener, "https");
    match Client::new(url, ClientInfo::new("Notes").unwrap()) {
        Ok(client) => assert!(client.start(ask()).await.unwrap_err().is_network()),
        // a computer without certificates
        Err(error) => assert!(error.is_local(), "{error}"),
    }
    assert!(vault.lines().is_empty());
}
