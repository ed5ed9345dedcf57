//! The pages as a browser meets them, over the real store.

mod apps;
mod consent;
mod delegated;
mod device;
mod grants;
mod guard;
mod identity;
mod login;
mod narrow;
mod waiting;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, Response, StatusCode, header},
};
use okap_engine::token::hash;
use okap_server::{
    Config, Control, OkapService, Owner, Peer,
    ports::{Clock, Documents, Fetched, Fetching, SendError, Sending, Upstream},
};
use okap_types::{ClientIdUrl, Secret, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::user::{OWNER, new_owner};

const PASSPHRASE: &str = "correct horse";
const ISSUER: &str = "http://localhost:8787";

/// No provider is ever asked by a page.
struct Nowhere;

impl Upstream for Nowhere {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        Box::pin(async { Err(SendError::NotSent("no provider".into())) })
    }
}

/// Every address has a client's document; what it says is told by the address.
struct Shelf;

impl Documents for Shelf {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let id = url.to_string();
        let mut document = json!({"client_id": id, "redirect_uris": [
            id.replace("okap.json", "cb"), "https://elsewhere.example/cb", "http://127.0.0.1/cb",
            "com.example.notes:/cb",
        ]});
        if !id.contains("nameless") {
            document["client_name"] = json!("Notes");
        }
        let bytes = Bytes::from(document.to_string());
        let fresh_for = std::time::Duration::from_secs(60);
        Box::pin(async move { Ok(Fetched { bytes, fresh_for }) })
    }
}

/// A clock that stands until it is told to go on.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A vault with its pages.
struct Stage {
    router: Router,
    control: Control<StoredVault, ConsentPage>,
    database: Database,
    hand: Hand,
    issuer: Url,
    _directory: TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Self { status: head.status, headers: head.headers, text }
    }

    fn header(&self, name: impl axum::http::header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.header(header::LOCATION)
    }

    /// The value of the first field of that name.
    fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self
            .text
            .split_once(&start)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.text))
            .1;
        rest.split_once('"').unwrap().0.to_owned()
    }

    #[track_caller]
    fn has(&self, text: &str) -> &Self {
        assert!(self.text.contains(text), "{text:?} is not in {}", self.text);
        self
    }

    #[track_caller]
    fn lacks(&self, text: &str) -> &Self {
        assert!(!self.text.contains(text), "{text:?} is in {}", self.text);
        self
    }
}

/// A form to send.
type Fields<'a> = Vec<(&'a str, &'a str)>;

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Stage {
    async fn new() -> Self {
        Self::at(ISSUER).await
    }

    async fn at(issuer: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("vault.db")).await.unwrap();
        let owner = new_owner(&Secret::from(PASSPHRASE)).await.unwrap();
        assert!(database.set_up("{}".to_owned(), owner).await.unwrap());
        let issuer: Url = issuer.parse().unwrap();
        let start: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let hand = Hand(Arc::new(start.unix_millis().into()));
        let vault = StoredVault::without_keys(database.clone());
        let consent = ConsentPage::at(&issuer, "consent");
        let mut config = Config::at(issuer.clone());
        config.device_page = Some(device_page(&issuer));
        let clock = hand.clone();
        let okap =
            OkapService::with_documents(config, vault, consent, Nowhere, clock, Shelf).unwrap();
        let control = okap.control();
        let pages =
            Pages { control: control.clone(), database: database.clone(), issuer: issuer.clone() };
        let router = router(pages).fallback_service(okap);
        Self { router, control, database, hand, issuer, _directory: directory }
    }

    fn later(&self, seconds: i64) {
        self.hand.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Method::GET, path, headers, "")).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        self.send(request(Method::POST, path, headers, &encoded(fields))).await
    }

    async fn login_from(&self, peer: &str, passphrase: &str) -> Answer {
        let mut request =
            request(Method::POST, &self.path("/login"), &[], &encoded(&[("password", passphrase)]));
        request.extensions_mut().insert(Peer(peer.parse::<IpAddr>().unwrap()));
        self.send(request).await
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.path().trim_end_matches('/'))
    }

    async fn browser(&self) -> Browser<'_> {
        let entered = self.login_from("127.0.0.1", PASSPHRASE).await;
        assert_eq!(entered.location(), self.path("/grants"));
        let cookie = entered.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        Browser { stage: self, cookie }
    }

    /// Opens a direct request and gives its id.
    async fn asked(&self, details: Value, client: Value) -> String {
        let body = json!({"okap": "1.0", "authorization_details": details, "client": client});
        let headers = [("content-type", "application/json")];
        let path = self.path("/okap/authorize");
        let answer = self.send(request(Method::POST, &path, &headers, &body.to_string())).await;
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        let page = answer["interaction_uri"].as_str().unwrap_or_else(|| panic!("{answer}"));
        page.rsplit('/').next().unwrap().to_owned()
    }

    /// Pushes a request of an app on this computer and gives its id.
    async fn pushed(&self, details: Value, name: &str, redirect_uri: &str) -> String {
        self.pushed_by("http://localhost", Some(name), details, redirect_uri).await
    }

    async fn pushed_by(
        &self,
        client_id: &str,
        name: Option<&str>,
        details: Value,
        redirect_uri: &str,
    ) -> String {
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let details = details.to_string();
        let mut fields = vec![
            ("client_id", client_id),
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("authorization_details", &details),
            ("state", "a state"),
        ];
        fields.extend(name.map(|name| ("client_name", name)));
        let pushed = self.post("/okap/par", &[], &fields).await;
        let pushed: Value = serde_json::from_str(&pushed.text).unwrap();
        let request_uri = pushed["request_uri"].as_str().unwrap_or_else(|| panic!("{pushed}"));
        let query = encoded(&[("client_id", client_id), ("request_uri", request_uri)]);
        let page = self.get(&format!("/okap/authorize?{query}"), &[]).await;
        page.location().rsplit('/').next().unwrap().to_owned()
    }

    /// Opens a request of another device.
    async fn device(&self, more: &[(&str, &str)]) -> Value {
        let details = usual().to_string();
        let mut fields = vec![("authorization_details", details.as_str())];
        fields.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "client_id") {
            fields.push(("client_id", "http://localhost"));
        }
        let path = self.path("/okap/device_authorization");
        let mut request = request(Method::POST, &path, &[], &encoded(&fields));
        request.extensions_mut().insert(Peer("198.51.100.7".parse().unwrap()));
        let answer = self.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Sends a form to the token endpoint.
    async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.post(&self.path("/okap/token"), &[], fields).await;
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    async fn grants(&self) -> Vec<okap_server::Grant> {
        self.control.grants(&Owner::new(OWNER)).await.unwrap()
    }

    async fn waits(&self, id: &str) -> bool {
        self.control.interaction(id).await.unwrap().outcome == okap_server::Outcome::Waiting
    }
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method.clone()).uri(path);
    if method == Method::POST && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// A browser that is signed in.
struct Browser<'a> {
    stage: &'a Stage,
    cookie: String,
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> Answer {
        self.stage.get(&self.stage.path(path), &[("cookie", &self.cookie)]).await
    }

    /// Sends a form as the page would: with the session's token, and the browser's own headers.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post_bare(path, &all).await
    }

    async fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.stage.issuer.origin().ascii_serialization();
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("origin", &origin),
            ("sec-fetch-site", "same-origin"),
        ];
        self.stage.post(&self.stage.path(path), &headers, fields).await
    }

    async fn csrf(&self) -> String {
        self.get("/grants").await.field("csrf")
    }

    /// Types a code on the page for other devices.
    async fn types(&self, code: &str) -> Answer {
        self.post("/okap/device", &[("user_code", code)]).await
    }

    /// Decides on a request with these fields.
    async fn decide(&self, id: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let path = format!("/consent/{id}");
        let shown = self.get(&path).await.field("shown");
        let mut all = vec![("shown", shown.as_str()), ("action", action)];
        all.extend_from_slice(fields);
        self.post(&path, &all).await
    }
}

/// What most tests ask for: two models, two capabilities, three limits.
fn usual() -> Value {
    json!([{
        "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini", "gpt-4o"],
        "capabilities": ["chat", "embeddings"],
        "limits": {"monthly_spend": "10.00", "requests_per_minute": 60, "tokens_per_request": 4000},
        "expires": "2026-03-01T10:30:00Z", "reason": "Summarise your notes",
    }])
}

/// The form of [`usual`] as the page sends it when nothing is touched.
fn untouched() -> Fields<'static> {
    vec![
        ("include.0", "1"),
        ("model.0", "gpt-4o-mini"),
        ("model.0", "gpt-4o"),
        ("capability.0", "chat"),
        ("capability.0", "embeddings"),
        ("monthly_spend.0", "10.00"),
        ("daily_spend.0", ""),
        ("requests_per_minute.0", "60"),
        ("requests_per_day.0", ""),
        ("tokens_per_request.0", "4000"),
        ("expires.0", "2026-03-01"),
    ]
}

/// [`untouched`] with other values for some fields; `None` takes a field away.
fn touched<'a>(changes: &[(&'a str, Option<&'a str>)]) -> Fields<'a> {
    let kept = untouched().into_iter().filter(|(name, _)| !changes.iter().any(|(n, _)| n == name));
    kept.chain(changes.iter().filter_map(|(name, value)| value.map(|value| (*name, value))))
        .collect()
}

fn notes() -> Value {
    json!({"name": "Notes"})
}

async fn sessions(stage: &Stage) -> Vec<String> {
    let read = |database: &rusqlite::Connection| {
        let mut rows = database.prepare("SELECT hash FROM sessions")?;
        rows.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    };
    stage.database.sqlite().unwrap().read(read).await.unwrap()
}

/// A name for a call that no other row has.
fn another_call() -> okap_engine::record::CallId {
    static CALLS: AtomicU64 = AtomicU64::new(100);
    okap_engine::record::CallId { node: 1, number: CALLS.fetch_add(1, Ordering::Relaxed) }
}
