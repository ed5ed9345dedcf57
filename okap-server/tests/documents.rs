//! Client documents over real TLS, and what a stranger may try with them.

#![cfg(feature = "https")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use okap_server::{
    ClientError, Clients,
    ports::{Documents, FetchError, Fetched, Fetching, HttpsDocuments, HttpsDocumentsBuilder},
};
use okap_types::{ClientIdUrl, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

const HOST: &str = "notes.example";

/// A web server of an app, which answers every request with the same bytes.
struct Server {
    port: u16,
    certificate: Vec<u8>,
    accepted: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    async fn start() -> Self {
        let names = vec![HOST.to_owned(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let certificate = made.cert.der().to_vec();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone().into()], key)
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            certificate,
            accepted: Arc::default(),
            heads: Arc::default(),
            answer: Arc::default(),
        };
        let (accepted, heads) = (Arc::clone(&server.accepted), Arc::clone(&server.heads));
        let answer = Arc::clone(&server.answer);
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                let (tls, heads, answer) = (tls.clone(), Arc::clone(&heads), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(mut stream) = tls.accept(tcp).await else { return };
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    heads.lock().unwrap().push(String::from_utf8(head).unwrap());
                    let parts = answer.lock().unwrap().clone();
                    for part in parts {
                        if stream.write_all(&part).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        server
    }

    /// Says what is answered from now on, part by part with a pause between them.
    fn answers(&self, parts: &[&[u8]]) {
        *self.answer.lock().unwrap() = parts.iter().map(|p| p.to_vec()).collect();
    }

    fn answers_with(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.answers(&[text.as_bytes()]);
    }

    fn answers_document(&self, body: &str) {
        self.answers_with("200 OK", "content-type: application/json\r\n", body);
    }

    fn url(&self) -> ClientIdUrl {
        self.url_at(HOST)
    }

    fn url_at(&self, host: &str) -> ClientIdUrl {
        format!("https://{host}:{}/okap.json", self.port).parse().unwrap()
    }

    /// Everything is as for the world outside, but for the authority.
    fn trusted(&self) -> HttpsDocumentsBuilder {
        HttpsDocuments::builder().danger_trust(&self.certificate).deadline(Duration::from_secs(2))
    }

    fn reached(&self) -> HttpsDocumentsBuilder {
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST)];
        self.trusted().resolve(HOST, here).danger_allow_private_addresses()
    }

    async fn fetch(&self) -> Result<Fetched, FetchError> {
        self.reached().build().unwrap().fetch(&self.url()).await
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn document(url: &ClientIdUrl) -> String {
    format!(r#"{{"client_id":"{url}","redirect_uris":["https://{HOST}/cb"]}}"#)
}

/// An error and everything under it.
fn told(error: &dyn Error) -> String {
    let source = error.source().map(told).unwrap_or_default();
    format!("{error}\n{source}")
}

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

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
async fn v5_a_host_at_an_address_that_is_not_public_is_not_connected_to() {
    let server = Server::start().await;
    server.answers_document("{}");
    assert!(server.fetch().await.is_ok());
    assert_eq!(server.accepted(), 1);
    for text in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00::1",
        "fd00:ec2::254",
        "fe80::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ] {
        let address: IpAddr = text.parse().unwrap();
        let guarded = server.trusted().resolve(HOST, [address]).build().unwrap();
        let error = guarded.fetch(&server.url()).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection to it at a public address", "{text}");
        assert!(told(&error).contains("is not a public address"), "{}", told(&error));
    }
    assert_eq!(server.accepted(), 1, "and nobody knocked");
}

#[tokio::test]
async fn v5_one_private_address_among_public_ones_spoils_the_host() {
    let server = Server::start().await;
    server.answers_document("{}");
    let private = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    for addresses in [[private, public], [public, private]] {
        let guarded = server.trusted().resolve(HOST, addresses).build().unwrap();
        let error = guarded.fetch(&server.url()).await.unwrap_err();
        assert!(told(&error).contains("127.0.0.1 is not a public address"), "{}", told(&error));
    }
    assert_eq!(server.accepted(), 0);
    assert!(server.fetch().await.is_ok());
}

#[tokio::test]
async fn v5_an_address_in_place_of_a_name_is_judged_too() {
    let server = Server::start().await;
    server.answers_document("{}");
    let guarded = server.trusted().build().unwrap();
    for host in ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"]
    {
        let error = guarded.fetch(&server.url_at(host)).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection to it at a public address", "{host}");
        assert!(told(&error).contains("is not a public address"), "{host}: {}", told(&error));
    }
    assert_eq!(server.accepted(), 0);
    let open = server.trusted().danger_allow_private_addresses().build().unwrap();
    assert!(open.fetch(&server.url_at("127.0.0.1")).await.is_ok());
}

#[tokio::test]
async fn v5_a_name_that_the_system_knows_as_this_computer_is_not_connected_to() {
    let server = Server::start().await;
    server.answers_document("{}");
    let guarded = server.trusted().build().unwrap();
    let error = guarded.fetch(&server.url_at("localhost")).await.unwrap_err();
    assert!(told(&error).contains("is not a public address"), "{}", told(&error));
    assert_eq!(server.accepted(), 0);
    let open = server.trusted().danger_allow_private_addresses().build().unwrap();
    assert!(open.fetch(&server.url_at("localhost")).await.is_ok());
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_private_host_from_none() {
    let server = Server::start().await;
    let guarded = server.trusted().resolve(HOST, [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let private = guarded.build().unwrap().fetch(&server.url()).await.unwrap_err();
    let nowhere = server.trusted().resolve(HOST, []).build().unwrap();
    let nowhere = nowhere.fetch(&server.url()).await.unwrap_err();
    assert_eq!(private.to_string(), nowhere.to_string());
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

#[tokio::test]
async fn a_client_is_found_through_its_document() {
    let server = Server::start().await;
    server.answers_document(&document(&server.url()));
    let clients = Clients::new(server.reached().build().unwrap());
    let client = clients.find(&server.url(), noon()).await.unwrap();
    assert!(client.allows(&format!("https://{HOST}/cb")));
    clients.find(&server.url(), noon().plus_seconds(299)).await.unwrap();
    assert_eq!(server.accepted(), 1, "kept while it is fresh");
    clients.find(&server.url(), noon().plus_seconds(300)).await.unwrap();
    assert_eq!(server.accepted(), 2, "and no longer");
}

#[tokio::test]
async fn v10_v11_a_document_with_a_secret_or_a_private_key_is_no_client() {
    let server = Server::start().await;
    let url = server.url();
    let clients = Clients::new(server.reached().build().unwrap());
    let key = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA""#;
    for member in [
        r#""client_secret":"x""#.to_owned(),
        r#""token_endpoint_auth_method":"client_secret_basic""#.to_owned(),
        format!(r#""jwks":{{"keys":[{key},"d":"AQ"}}]}}"#),
    ] {
        server.answers_document(&format!(r#"{{"client_id":"{url}",{member}}}"#));
        let error = clients.find(&url, noon()).await.unwrap_err();
        assert!(matches!(error, ClientError::Invalid(_)), "{error}");
    }
    let member = format!(r#""jwks":{{"keys":[{key}}}]}}"#);
    server.answers_document(&format!(r#"{{"client_id":"{url}",{member}}}"#));
    clients.find(&url, noon()).await.unwrap();
}

#[tokio::test]
async fn v12_a_failure_is_not_kept() {
    let server = Server::start().await;
    let url = server.url();
    let clients = Clients::new(server.reached().build().unwrap());
    let keep = "content-type: application/json\r\ncache-control: max-age=3600\r\n";
    server.answers_with("503 Down", keep, "{}");
    let error = clients.find(&url, noon()).await.unwrap_err();
    assert_eq!(error.to_string(), "client document: its status is 503");
    server.answers_with("200 OK", keep, r#"{"client_id":"https://other.example/okap.json"}"#);
    let error = clients.find(&url, noon()).await.unwrap_err();
    assert!(matches!(error, ClientError::Invalid(_)), "{error}");
    server.answers_with("200 OK", keep, &document(&url));
    clients.find(&url, noon()).await.unwrap();
}

/// Answers at once or when it is let, and counts.
struct Counted {
    fetched: Arc<AtomicUsize>,
    fresh_for: Duration,
    wait: Arc<tokio::sync::Semaphore>,
}

impl Documents for Counted {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        Box::pin(async move {
            self.fetched.fetch_add(1, Ordering::SeqCst);
            self.wait.acquire().await.unwrap().forget();
            if url.as_str().ends_with("missing") {
                return Err(FetchError::new("its status is 404"));
            }
            Ok(Fetched { bytes: Bytes::from(document(url)), fresh_for: self.fresh_for })
        })
    }
}

fn counted(
    fresh_for: u64,
    permits: usize,
) -> (Clients, Arc<AtomicUsize>, Arc<tokio::sync::Semaphore>) {
    let fetched = Arc::new(AtomicUsize::new(0));
    let wait = Arc::new(tokio::sync::Semaphore::new(permits));
    let documents = Counted {
        fetched: Arc::clone(&fetched),
        fresh_for: Duration::from_secs(fresh_for),
        wait: Arc::clone(&wait),
    };
    (Clients::new(documents), fetched, wait)
}

fn client(name: &str) -> ClientIdUrl {
    format!("https://{HOST}/{name}").parse().unwrap()
}

/// Lets every other task come as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_fetched_each_time() {
    let (clients, fetched, _) = counted(0, 10);
    for expected in 1..=3 {
        clients.find(&client("a"), noon()).await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn whoever_asks_for_the_same_document_waits_for_one_fetch() {
    let (clients, fetched, wait) = counted(60, 0);
    let ask = |name: &'static str| {
        let clients = clients.clone();
        tokio::spawn(async move { clients.find(&client(name), noon()).await })
    };
    let (first, others) = (ask("a"), [ask("a"), ask("a"), ask("a")]);
    let missing = [ask("missing"), ask("missing")];
    settle().await;
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    // who began it may go away
    first.abort();
    wait.add_permits(2);
    for other in others {
        other.await.unwrap().unwrap();
    }
    for missing in missing {
        assert!(matches!(missing.await.unwrap(), Err(ClientError::Unreachable(_))));
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    wait.add_permits(1);
    assert!(clients.find(&client("missing"), noon()).await.is_err());
    assert_eq!(fetched.load(Ordering::SeqCst), 3, "a failure is shared, not kept");
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_ends_and_can_begin_again() {
    let (clients, fetched, wait) = counted(60, 0);
    let asking = clients.clone();
    let gone = tokio::spawn(async move { asking.find(&client("a"), noon()).await });
    settle().await;
    gone.abort();
    assert!(gone.await.is_err());
    wait.add_permits(1);
    clients.find(&client("a"), noon()).await.unwrap();
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn at_most_16_documents_are_fetched_at_once() {
    let (clients, _, wait) = counted(60, 0);
    let asked: Vec<_> = (0..16)
        .map(|n| {
            let clients = clients.clone();
            tokio::spawn(async move { clients.find(&client(&n.to_string()), noon()).await })
        })
        .collect();
    settle().await;
    let error = clients.find(&client("more"), noon()).await.unwrap_err();
    assert!(matches!(error, ClientError::Busy), "{error}");
    wait.add_permits(17);
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    clients.find(&client("more"), noon()).await.unwrap();
}

#[tokio::test]
async fn at_most_1000_documents_are_kept_and_the_first_to_end_goes() {
    let (clients, fetched, wait) = counted(60, 0);
    wait.add_permits(2000);
    for n in 0..1001 {
        clients.find(&client(&n.to_string()), noon().plus_seconds(n / 100)).await.unwrap();
    }
    assert_eq!(format!("{clients:?}"), "Clients { kept: 1000, .. }");
    assert_eq!(fetched.load(Ordering::SeqCst), 1001);
    for n in 100..1001 {
        clients.find(&client(&n.to_string()), noon()).await.unwrap();
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 1001, "the youngest are there");
}
