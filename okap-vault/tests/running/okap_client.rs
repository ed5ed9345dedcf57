//! `okap-client` through all its flows, at a vault that runs as a process of its own.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use okap_client::{Access, Client, ClientInfo, Limits, ModelAccess, Money, Provider, Refused};
use okap_conformance::provider::Config;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

use crate::stack::Stack;

const BOTH: [&str; 2] = ["gpt-4o-mini", "gpt-4o"];

fn ask(models: &[&str]) -> ModelAccess {
    ModelAccess::new(Provider::OpenAi).models(models).limits(Limits::monthly(Money::usd(1)))
}

fn app(stack: &Stack) -> Client {
    Client::new(stack.url.clone(), ClientInfo::new("Test").unwrap()).unwrap()
}

fn app_with_keys(stack: &Stack) -> Client {
    let info = ClientInfo::new("Test with keys").unwrap();
    Client::builder(stack.url.clone(), info).bind_tokens().build().unwrap()
}

/// One exchange of HTTP/1.1, as plain as it gets: status, headers, body.
async fn exchange(
    method: &str,
    url: &Url,
    headers: &HeaderMap,
    body: &str,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let target = url.query().map_or(url.path().into(), |q| format!("{}?{q}", url.path()));
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name: http::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    (status, headers, answer[end + 4..].to_vec())
}

/// The owner's browser: follows the app's link, allows all, and goes back to the app.
async fn allow(stack: &Stack, link: Url) {
    let (status, headers, _) = exchange("GET", &link, &HeaderMap::new(), "").await;
    assert_eq!(status, 303);
    let page: Url = headers["location"].to_str().unwrap().parse().unwrap();
    let id = page.path_segments().unwrap().next_back().unwrap();
    let back = stack.allow(id).await.redirect.unwrap();
    assert_eq!(exchange("GET", &back, &HeaderMap::new(), "").await.0, 200);
}

async fn in_browser(stack: &Stack, client: &Client, ask: ModelAccess) -> Access {
    let (show, shown) = tokio::sync::oneshot::channel();
    let flow = client.authorize_with(ask, |url| show.send(url.clone()).unwrap());
    let user = async { allow(stack, shown.await.unwrap()).await };
    tokio::join!(flow, user).0.unwrap()
}

/// A chat call with what an access gives; the refusal, where it is one.
async fn chat(access: &Access, model: &str) -> Result<(), Refused> {
    let base_url = access.base_url(Provider::OpenAi).unwrap();
    let url: Url = format!("{base_url}/chat/completions").parse().unwrap();
    let mut headers = access.headers(&Method::POST, &url).unwrap();
    headers.insert("content-type", "application/json".parse().unwrap());
    let call = json!({"model": model, "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}]});
    let (status, headers, body) = exchange("POST", &url, &headers, &call.to_string()).await;
    match status.is_success() {
        true => Ok(()),
        false => Err(Refused::read(status, &headers, &body).expect("the vault's own refusal")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_flow_is_renewed_narrowed_handed_on_and_given_back() {
    let stack = Stack::start(Config::default()).await;
    let client = app(&stack);
    let access = in_browser(&stack, &client, ask(&BOTH)).await;
    assert!(access.is_renewable() && !access.is_bound() && access.differences().is_empty());
    chat(&access, "gpt-4o").await.unwrap();

    let renewed = client.refresh(&access).await.unwrap();
    assert_ne!(renewed.token().expose(), access.token().expose());
    assert_eq!(renewed.grant_id(), access.grant_id());
    chat(&renewed, "gpt-4o").await.unwrap();

    let less = client.narrow(&renewed, ask(&BOTH[..1])).await.unwrap();
    assert!(chat(&less, "gpt-4o").await.unwrap_err().is_model_not_allowed());
    chat(&less, "gpt-4o-mini").await.unwrap();

    let child = client.delegate(&less, ask(&BOTH[..1]), "Researcher", None).await.unwrap();
    assert_ne!(child.grant_id(), access.grant_id());
    chat(&child, "gpt-4o-mini").await.unwrap();
    let wider = client.delegate(&less, ask(&BOTH), "Researcher", None).await.unwrap_err();
    assert_eq!(wider.code(), Some("invalid_authorization_details"));

    let left = client.limits(&renewed).await.unwrap();
    let month = left.limits[0].limits.monthly_spend.as_ref().unwrap();
    assert!(month.used > Money::ZERO && month.remaining < Money::usd(1));
    let listed = stack.command(&["grants", "list"], "");
    assert!(listed.contains("Test"), "{listed}");

    client.revoke(&renewed).await.unwrap();
    for (access, model) in [(&renewed, "gpt-4o"), (&child, "gpt-4o-mini")] {
        assert!(chat(access, model).await.unwrap_err().is_revoked());
    }
    assert!(client.refresh(&less).await.unwrap_err().is_reauthorize());
    let ledger = stack.ledger();
    assert!(ledger.violations.is_empty(), "{:?}", ledger.violations);
    assert_eq!(ledger.totals.calls, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_is_worth_nothing_without_its_key() {
    let stack = Stack::start(Config::default()).await;
    let client = app_with_keys(&stack);
    let access = in_browser(&stack, &client, ask(&BOTH)).await;
    assert!(access.is_bound());
    chat(&access, "gpt-4o").await.unwrap();
    client.limits(&access).await.unwrap();
    let renewed = client.refresh(&access).await.unwrap();
    chat(&renewed, "gpt-4o").await.unwrap();

    let base_url = renewed.base_url(Provider::OpenAi).unwrap();
    let url: Url = format!("{base_url}/models").parse().unwrap();
    let mut stolen = HeaderMap::new();
    let bearer = format!("Bearer {}", renewed.token().expose());
    stolen.insert("authorization", bearer.parse().unwrap());
    let (status, headers, body) = exchange("GET", &url, &stolen, "").await;
    assert!(Refused::read(status, &headers, &body).unwrap().is_invalid_token());
    let own = renewed.headers(&Method::GET, &url).unwrap();
    assert_eq!(exchange("GET", &url, &own, "").await.0, 200);
    assert_eq!(exchange("GET", &url, &own, "").await.0, 401, "a proof counts once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_waits_for_the_code_to_be_typed() {
    let stack = Stack::start(Config::default()).await;
    let client = app(&stack);
    let prompt = client.start_on_device(ask(&BOTH[..1])).await.unwrap();
    assert!(prompt.to_string().contains(prompt.user_code()));
    let control = stack.control().await;
    let typed = prompt.user_code().to_lowercase().replace('-', " ");
    let asked = control.typed(&typed, "127.0.0.1").await.unwrap();
    stack.allow(&asked.id).await;
    let access = prompt.wait(Duration::from_secs(30)).await.unwrap();
    chat(&access, "gpt-4o-mini").await.unwrap();
    assert!(chat(&access, "gpt-4o").await.unwrap_err().is_model_not_allowed());
    chat(&client.refresh(&access).await.unwrap(), "gpt-4o-mini").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_a_killed_vault() {
    let mut stack = Stack::start(Config::default()).await;
    let client = app(&stack);
    let access = in_browser(&stack, &client, ask(&BOTH)).await;
    let session = client.session(access.clone()).await.unwrap();
    stack.kill();
    stack.restart();
    let renewed = session.renew(&access).await.unwrap();
    chat(&renewed, "gpt-4o").await.unwrap();
    chat(&session.access().await.unwrap(), "gpt-4o").await.unwrap();
}
