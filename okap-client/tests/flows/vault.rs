//! A vault for tests: honest by itself, dishonest where a test twists its answers.

mod answer;
mod proof;

#[cfg(feature = "dpop")]
pub(crate) use proof::{digest, open, thumbprint};

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::StatusCode;
use http_body_util::BodyExt;
use okap_client::{Transport, TransportError, transport::Sending};
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt;
use url::Url;

pub(crate) const TOKEN: &str = "okap_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcrc321";
pub(crate) const CONTINUATION: &str = "okap_ct_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBcrc321";
pub(crate) const CODE: &str = "okap_ac_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCcrc321";

/// One answer to give instead of the honest one.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What came in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) line: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Call {
    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Twist = Box<dyn Fn(&mut Value) + Send>;

#[derive(Clone)]
pub(crate) struct Vault(Arc<Inner>);

struct Inner {
    issuer: String,
    calls: Mutex<Vec<Call>>,
    canned: Mutex<HashMap<&'static str, VecDeque<Canned>>>,
    twists: Mutex<HashMap<&'static str, Twist>>,
    decided: Mutex<Option<Instant>>,
    pushed: Mutex<HashMap<String, HashMap<String, String>>>,
    asked: Mutex<Value>,
    tokens: Mutex<answer::Tokens>,
    proofs: Mutex<proof::Proofs>,
    lost: Mutex<HashMap<&'static str, VecDeque<Lost>>>,
}

/// What becomes of an answer that the vault gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The connection breaks.
    Broken,
    /// Nothing comes, and the connection stays.
    Silent,
}

impl Vault {
    pub(crate) fn new(issuer: &str) -> Self {
        Self(Arc::new(Inner {
            issuer: issuer.to_owned(),
            calls: Mutex::default(),
            canned: Mutex::default(),
            twists: Mutex::default(),
            decided: Mutex::new(Some(Instant::now())),
            pushed: Mutex::default(),
            asked: Mutex::default(),
            tokens: Mutex::default(),
            proofs: Mutex::default(),
            lost: Mutex::default(),
        }))
    }

    /// Changes every honest answer at a path.
    pub(crate) fn twist(&self, path: &'static str, twist: impl Fn(&mut Value) + Send + 'static) {
        self.0.twists.lock().unwrap().insert(path, Box::new(twist));
    }

    /// Gives another answer at a path, once.
    pub(crate) fn can(&self, path: &'static str, answer: Canned) {
        self.0.canned.lock().unwrap().entry(path).or_default().push_back(answer);
    }

    /// When the user allows what the app asks directly; at once, if nothing is said.
    pub(crate) fn decide_after(&self, wait: Option<Duration>) {
        *self.0.decided.lock().unwrap() = wait.map(|w| Instant::now() + w);
    }

    pub(crate) fn calls(&self, line: &str) -> Vec<Call> {
        self.0.calls.lock().unwrap().iter().filter(|c| c.line == line).cloned().collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().iter().map(|c| c.line.clone()).collect()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    pub(crate) fn transport(&self) -> impl Transport + 'static {
        InProcess(self.clone())
    }

    /// Loses an answer at a path, once: the vault has done what it was asked to.
    pub(crate) fn lose(&self, path: &'static str, how: Lost) {
        self.0.lost.lock().unwrap().entry(path).or_default().push_back(how);
    }

    /// What the browser gets after the user allowed: where to go back to.
    #[cfg(feature = "browser")]
    pub(crate) fn consent(&self, url: &Url) -> Url {
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let pushed = self.0.pushed.lock().unwrap()[&query["request_uri"]].clone();
        assert_eq!(query["client_id"], pushed["client_id"]);
        let mut back: Url = pushed["redirect_uri"].parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", CODE)
            .append_pair("state", &pushed["state"])
            .append_pair("iss", &self.0.issuer);
        back
    }

    pub(crate) fn own(&self, path: &str) -> String {
        format!("{}{path}", self.0.issuer.trim_end_matches('/'))
    }
}

async fn handle(State(vault): State<Vault>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let line = format!("{} {}", parts.method, parts.uri.path());
    let body = body.collect().await.unwrap().to_bytes();
    let call = Call {
        line: line.clone(),
        headers: parts.headers,
        body: String::from_utf8(body.into()).unwrap(),
        at: Instant::now(),
    };
    vault.0.calls.lock().unwrap().push(call.clone());
    let canned =
        vault.0.canned.lock().unwrap().get_mut(parts.uri.path()).and_then(VecDeque::pop_front);
    let canned = match canned {
        Some(canned) => canned,
        None => {
            // a path below the issuer's own means the same as at the root
            let root = match vault.0.issuer.parse::<Url>().unwrap().path().trim_end_matches('/') {
                "" => line,
                path => line.replace(&format!(" {path}/"), " /"),
            };
            let (status, mut body) = match vault.refused(&root, &call) {
                Some(refused) => refused,
                None => vault.answer(&root, &call).await,
            };
            if let Some(twist) = vault.0.twists.lock().unwrap().get(parts.uri.path()) {
                twist(&mut body);
            }
            Canned::json(status, body)
        }
    };
    let canned = match vault.nonce() {
        Some(nonce) if call.headers.contains_key("dpop") => canned.header("dpop-nonce", &nonce),
        _ => canned,
    };
    let mut response = Response::builder().status(StatusCode::from_u16(canned.status).unwrap());
    for (name, value) in canned.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(canned.body)).unwrap()
}

/// Reaches the vault without sockets, so that time can be paused.
struct InProcess(Vault);

impl Transport for InProcess {
    fn send(&self, request: http::Request<Vec<u8>>) -> Sending<'_> {
        let vault = self.0.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let answer = vault.router().oneshot(request.map(Body::from)).await;
            let lost =
                vault.0.lost.lock().unwrap().get_mut(path.as_str()).and_then(VecDeque::pop_front);
            match lost {
                Some(Lost::Broken) => return Err(TransportError::new("connection reset")),
                Some(Lost::Silent) => std::future::pending().await,
                None => {}
            }
            let (parts, body) = answer.map_err(TransportError::new)?.into_parts();
            let body = body.collect().await.map_err(TransportError::new)?;
            Ok(http::Response::from_parts(parts, body.to_bytes().into()))
        })
    }
}

pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
