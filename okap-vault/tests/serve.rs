//! A vault behind its address, in this process and over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "test code"
)]

use std::{
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use okap_engine::narrow::as_asked;
use okap_server::{Decision, REMEMBERED, Vault, shown};
use okap_types::{Provider, Secret};
use okap_vault::{
    config::Settings,
    keys,
    serve::{self, Options, Running, TlsFiles},
    store::StoredVault,
    user,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

async fn vault(home: &TempDir) -> StoredVault {
    StoredVault::open(home.path(), &Secret::from("correct horse battery")).await.unwrap()
}

/// A client that trusts these certificates alone.
fn client(roots: rustls::RootCertStore) -> Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn http() -> Client {
    client(rustls::RootCertStore::empty())
}

/// A provider that notes which key it was called with.
async fn provider() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let answer = async |State(seen): State<Arc<Mutex<Vec<String>>>>, headers: HeaderMap| {
        seen.lock().unwrap().push(headers["authorization"].to_str().unwrap().to_owned());
        Json(json!({
            "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        }))
    };
    let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(seen.clone());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, seen)
}

fn settings(provider: SocketAddr) -> Settings {
    let text = format!("[upstream.openai]\nbase_url = 'http://{provider}/v1'");
    Settings::parse(&text, Path::new("test")).unwrap()
}

/// An app that was allowed what it asked for.
struct App {
    http: Client,
    base_url: String,
    token: String,
    grant: String,
}

impl App {
    async fn allowed(running: &Running) -> Self {
        let http = http();
        let ask = json!({"okap": "1.0", "request": {
            "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
            "limits": {"monthly_spend": 1}, "expires": "2027-06-01",
        }});
        let at = running.url.join("okap/authorize").unwrap();
        let asked: Value = http.post(at).json(&ask).send().await.unwrap().json().await.unwrap();
        let id = asked["interaction_uri"]
            .as_str()
            .unwrap_or_else(|| panic!("{asked}"))
            .rsplit('/')
            .next()
            .unwrap();
        let request = running.control.interaction(id).await.unwrap();
        let latest = running.control.latest_end();
        let approved =
            request.access.iter().map(|asked| Some(as_asked(asked, &[], latest))).collect();
        let (shown, decision) = (shown(&request), Decision::Approve(approved));
        running.control.decide(id, &user::owner(), &shown, &decision).await.unwrap();
        let next = asked["continue"]["uri"].as_str().unwrap();
        let with = asked["continue"]["access_token"].as_str().unwrap();
        let granted: Value =
            http.post(next).bearer_auth(with).send().await.unwrap().json().await.unwrap();
        let text = |name: &str| {
            granted[name].as_str().unwrap_or_else(|| panic!("{name}: {granted}")).to_owned()
        };
        Self {
            http,
            base_url: text("base_url"),
            token: text("access_token"),
            grant: text("grant_id"),
        }
    }

    async fn call(&self) -> (StatusCode, Value) {
        let body = json!({"model": "gpt-4o-mini", "max_completion_tokens": 10, "messages": [{"role": "user", "content": "hi"}]});
        let call = self
            .http
            .post(format!("{}/chat/completions", self.base_url))
            .bearer_auth(&self.token)
            .json(&body);
        let answer = call.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

fn now() -> okap_types::Timestamp {
    time::OffsetDateTime::now_utc().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_or_removed_key_counts_from_the_next_call_on() {
    let (address, seen) = provider().await;
    let home = tempfile::tempdir().unwrap();
    let vault = vault(&home).await;
    let options = Options { settings: settings(address), ..Options::local(vault.clone()) };
    let running = serve::start(options).await.unwrap();
    let app = App::allowed(&running).await;
    assert_eq!(app.call().await.0, StatusCode::SERVICE_UNAVAILABLE, "no key yet");

    // another process does this, on the same file
    let beside =
        StoredVault::open(home.path(), &Secret::from("correct horse battery")).await.unwrap();
    let (database, keyring, owner) = (beside.database(), beside.keyring().unwrap(), user::owner());
    keys::add(database, keyring, &owner, &Provider::OpenAi, &Secret::from("sk-one"), now())
        .await
        .unwrap();
    // as the command line waits before it says so
    tokio::time::sleep(REMEMBERED).await;
    let (status, answer) = app.call().await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    keys::rotate(database, keyring, &owner, &Provider::OpenAi, &Secret::from("sk-two"), now())
        .await
        .unwrap();
    tokio::time::sleep(REMEMBERED).await;
    assert_eq!(app.call().await.0, StatusCode::OK);
    keys::remove(database, &owner, &Provider::OpenAi).await.unwrap();
    tokio::time::sleep(REMEMBERED).await;
    assert_eq!(app.call().await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(*seen.lock().unwrap(), ["Bearer sk-one", "Bearer sk-two"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_revocations_and_money_outlive_a_restart() {
    let (address, _) = provider().await;
    let home = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let start = async || {
        let options =
            Options { settings: settings(address), listen, ..Options::local(vault(&home).await) };
        serve::start(options).await.unwrap()
    };
    let running = start().await;
    let vault = running.control.vault().clone();
    let (database, keyring) = (vault.database(), vault.keyring().unwrap());
    keys::add(database, keyring, &user::owner(), &Provider::OpenAi, &Secret::from("sk-one"), now())
        .await
        .unwrap();
    let (kept, ended) = (App::allowed(&running).await, App::allowed(&running).await);
    assert_eq!((kept.call().await.0, ended.call().await.0), (StatusCode::OK, StatusCode::OK));
    running.control.revoke(&user::owner(), &ended.grant.parse().unwrap()).await.unwrap();
    let used = async |running: &Running| {
        let grants = running.control.grants(&user::owner()).await.unwrap();
        let grant = grants.into_iter().find(|grant| grant.id.as_str() == kept.grant).unwrap();
        running.control.used(&grant).await.unwrap()[0].month
    };
    let before = used(&running).await;
    assert!(before.get() > 0);
    drop(vault);
    running.stop().await.unwrap();

    let running = start().await;
    assert_eq!(used(&running).await, before);
    assert_eq!(kept.call().await.0, StatusCode::OK);
    let (status, answer) = ended.call().await;
    assert_eq!(
        (status, answer["error"]["code"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("token_revoked"))
    );

    let program = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okap-vault"));
        let output = command
            .arg("--data")
            .arg(home.path())
            .arg("--json")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let listed = program("grants list");
    let statuses: Vec<_> = listed["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["active", "revoked"]);
    // what is on lease for calls to come counts as used, until it is given back
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let shown = program(&format!("grants show {}", kept.grant));
    assert_eq!(shown["access"][0]["models"], json!(["gpt-4o-mini"]));
    assert_eq!(shown["access"][0]["limits"]["monthly_spend"], "1.00");
    assert!(shown["access"][0]["used"]["month_usd"].as_str().unwrap().starts_with("0.0000"));
    let usage = program(&format!("usage --grant {}", kept.grant));
    assert_eq!(usage["usage"][0]["calls"], 2);
    assert_eq!(
        (&usage["usage"][0]["input_tokens"], &usage["usage"][0]["output_tokens"]),
        (&json!(10), &json!(4))
    );
    assert_eq!(usage["usage"][0]["cost_usd"], usage["total"]["cost_usd"]);
    assert_eq!(program("usage")["total"]["calls"], 3);
    assert_eq!(program("usage --since 2999-01-01")["total"]["calls"], 0);
    // beside the running server
    assert_eq!(
        program(&format!("grants revoke {}", kept.grant)),
        json!({ "ended_with_it": 0, "revoked": kept.grant })
    );
    assert_eq!(kept.call().await.1["error"]["code"], "token_revoked");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_for_another_host_is_misdirected() {
    let home = tempfile::tempdir().unwrap();
    let running = serve::start(Options::local(vault(&home).await)).await.unwrap();
    let metadata = running.url.join(".well-known/oauth-authorization-server").unwrap();
    let get = async |host: Option<&str>| {
        let request = http().get(metadata.clone());
        let request = host.iter().fold(request, |request, host| request.header("host", *host));
        request.send().await.unwrap().status()
    };
    assert_eq!(get(None).await, StatusCode::OK);
    assert_eq!(
        get(Some(&format!("localhost:{}", running.url.port().unwrap()))).await,
        StatusCode::OK
    );
    assert_eq!(get(Some("evil.example")).await, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(get(Some("localhost:1")).await, StatusCode::MISDIRECTED_REQUEST);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn health_follows_the_store() {
    let home = tempfile::tempdir().unwrap();
    let running = serve::start(Options::local(vault(&home).await)).await.unwrap();
    let health = async || {
        let answer = http()
            .get(running.url.join("healthz").unwrap())
            .header("host", "10.0.0.1")
            .send()
            .await
            .unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    assert_eq!(health().await, (StatusCode::OK, "ok".to_owned()));
    running
        .database
        .sqlite()
        .unwrap()
        .write(|tx| tx.execute_batch("ALTER TABLE meta RENAME TO away"))
        .await
        .unwrap();
    assert_eq!(health().await.0, StatusCode::SERVICE_UNAVAILABLE);
    running
        .database
        .sqlite()
        .unwrap()
        .write(|tx| tx.execute_batch("ALTER TABLE away RENAME TO meta"))
        .await
        .unwrap();
    assert_eq!(health().await.0, StatusCode::OK);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stopped_vault_takes_no_calls_and_closes_its_file() {
    let home = tempfile::tempdir().unwrap();
    let running = serve::start(Options::local(vault(&home).await)).await.unwrap();
    let url = running.url.join("healthz").unwrap();
    http().get(url.clone()).send().await.unwrap();
    running.stop().await.unwrap();
    http().get(url).send().await.unwrap_err();
}

#[tokio::test]
async fn only_the_passphrase_signs_in_and_opens() {
    let home = tempfile::tempdir().unwrap();
    let vault = vault(&home).await;
    let verify = async |word: &str| {
        user::verify_password(vault.database(), &Secret::from(word)).await.unwrap()
    };
    assert!(verify("correct horse battery").await);
    for wrong in ["", "correct horse", "Correct horse battery", "correct horse battery "] {
        assert!(!verify(wrong).await, "{wrong:?}");
        let error = StoredVault::open(home.path(), &Secret::from(wrong)).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(keys::KeyError::WrongPassphrase)), "{error:?}");
    }
    StoredVault::open(home.path(), &Secret::from("correct horse battery")).await.unwrap();
}

#[tokio::test]
async fn a_sealed_key_opens_for_its_owner_and_provider_alone() {
    let home = tempfile::tempdir().unwrap();
    let vault = vault(&home).await;
    let (database, keyring, owner) = (vault.database(), vault.keyring().unwrap(), user::owner());
    keys::add(database, keyring, &owner, &Provider::OpenAi, &Secret::from("sk-one"), now())
        .await
        .unwrap();
    let opened = async |provider| vault.master_key(&user::owner(), &provider).await;
    assert_eq!(opened(Provider::OpenAi).await.unwrap().unwrap().expose(), "sk-one");
    assert!(opened(Provider::Groq).await.unwrap().is_none());
    // whoever can write the file moves the row to a provider of theirs
    database
        .sqlite()
        .unwrap()
        .write(|tx| tx.execute("UPDATE master_keys SET provider = 'groq'", []))
        .await
        .unwrap();
    opened(Provider::Groq).await.unwrap_err();
    assert!(
        StoredVault::without_keys(database.clone())
            .master_key(&owner, &Provider::Groq)
            .await
            .is_err()
    );
}

/// A certificate for this computer, made by openssl where it is installed.
fn certificate(home: &TempDir) -> Option<TlsFiles> {
    let files = TlsFiles { cert: home.path().join("cert.pem"), key: home.path().join("key.pem") };
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=okap test",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:false",
        ])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.cert)
        .output();
    made.is_ok_and(|made| made.status.success()).then_some(files)
}

#[tokio::test]
async fn tls_is_spoken_with_the_given_certificate() {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let home = tempfile::tempdir().unwrap();
    let Some(files) = certificate(&home) else {
        return println!("skipped: openssl is not installed");
    };
    let broken = TlsFiles { cert: files.key.clone(), ..files.clone() };
    let options = Options { tls: Some(broken), ..Options::local(vault(&home).await) };
    let error = serve::start(options).await.unwrap_err().to_string();
    assert!(error.contains("key.pem has no certificate"), "{error}");

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.cert).unwrap()).unwrap();
    let options = Options { tls: Some(files), ..Options::local(vault(&home).await) };
    let running = serve::start(options).await.unwrap();
    assert_eq!(running.url.scheme(), "https");
    let metadata = running.url.join(".well-known/oauth-authorization-server").unwrap();
    let answer: Value =
        client(roots).get(metadata.clone()).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["issuer"], running.url.as_str().trim_end_matches('/'));
    // nothing is said to whom does not trust it, nor in the clear
    http().get(metadata.clone()).send().await.unwrap_err();
    let mut plain = metadata;
    plain.set_scheme("http").unwrap();
    http().get(plain).send().await.unwrap_err();
    running.stop().await.unwrap();
}
