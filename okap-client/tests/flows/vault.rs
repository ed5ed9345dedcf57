//! A vault for tests: honest by itself, dishonest where a test twists its answers.

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
use base64ct::{Base64UrlUnpadded, Encoding};
use http::StatusCode;
use http_body_util::BodyExt;
use okap_client::{Transport, TransportError, transport::Sending};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;
use url::Url;

pub(crate) const TOKEN: &str = "okap_at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcrc321";
pub(crate) const CONTINUATION: &str = "okap_ct_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBcrc321";
const CODE: &str = "okap_ac_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCcrc321";

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
        InProcess(self.router())
    }

    /// What the browser gets after the user allowed: where to go back to.
    pub(crate) fn consent(&self, url: &Url) -> Url {
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], "http://localhost");
        let pushed = self.0.pushed.lock().unwrap()[&query["request_uri"]].clone();
        let mut back: Url = pushed["redirect_uri"].parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", CODE)
            .append_pair("state", &pushed["state"])
            .append_pair("iss", &self.0.issuer);
        back
    }

    fn own(&self, path: &str) -> String {
        format!("{}{path}", self.0.issuer.trim_end_matches('/'))
    }

    fn granted(&self) -> Value {
        let asked = self.0.asked.lock().unwrap();
        let one = |asked: &Value| {
            let or = |name: &str, other: Value| asked.get(name).cloned().unwrap_or(other);
            json!({
                "type": "ai_model_access", "provider": asked["provider"],
                "models": or("models", json!(["gpt-4o-mini"])),
                "capabilities": or("capabilities", json!(["chat"])),
                "limits": or("limits", json!({})), "expires": or("expires", json!("2099-01-01")),
                "base_url": self.own(&format!("/v1/{}", asked["provider"].as_str().unwrap())),
                "currency": "USD", "window": "utc_calendar", "added_in_1_1": {"a": [1]},
            })
        };
        asked.as_array().unwrap().iter().map(one).collect()
    }

    fn token(&self) -> Value {
        json!({
            "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600,
            "authorization_details": self.granted(), "grant_id": "g_1",
        })
    }

    async fn answer(&self, line: &str, call: &Call) -> (u16, Value) {
        match line {
            "POST /okap/authorize" => {
                let body = call.json();
                assert_eq!(body["okap"], "1.0");
                *self.0.asked.lock().unwrap() = body["authorization_details"].clone();
                (202, self.pending())
            }
            "POST /okap/continue" => {
                assert_eq!(call.headers["authorization"], format!("Bearer {CONTINUATION}"));
                let wait = call
                    .headers
                    .get("prefer")
                    .map_or("0", |p| p.to_str().unwrap().strip_prefix("wait=").unwrap());
                let end = Instant::now() + Duration::from_secs(wait.parse().unwrap());
                let decided = *self.0.decided.lock().unwrap();
                match decided.filter(|at| *at <= end) {
                    None => {
                        sleep_until(end).await;
                        (202, self.pending())
                    }
                    Some(at) => {
                        sleep_until(at).await;
                        let mut granted = self.token();
                        granted["okap"] = json!("1.0");
                        granted["status"] = json!("granted");
                        granted["token"] = granted["access_token"].clone();
                        (200, granted)
                    }
                }
            }
            "POST /okap/par" => {
                let form = call.form();
                *self.0.asked.lock().unwrap() =
                    serde_json::from_str(&form["authorization_details"]).unwrap();
                let name = format!(
                    "urn:ietf:params:oauth:request_uri:{}&=",
                    self.0.pushed.lock().unwrap().len()
                );
                self.0.pushed.lock().unwrap().insert(name.clone(), form);
                (201, json!({"request_uri": name, "expires_in": 90}))
            }
            "POST /okap/token" => {
                let form = call.form();
                let pushed = self.0.pushed.lock().unwrap().values().next().unwrap().clone();
                let challenge =
                    Base64UrlUnpadded::encode_string(&Sha256::digest(&form["code_verifier"]));
                let honest = form["grant_type"] == "authorization_code"
                    && form["code"] == CODE
                    && form["client_id"] == pushed["client_id"]
                    && form["redirect_uri"] == pushed["redirect_uri"]
                    && challenge == pushed["code_challenge"];
                match honest {
                    true => (200, self.token()),
                    false => (400, json!({"error": "invalid_grant"})),
                }
            }
            "POST /okap/revoke" => (200, json!(null)),
            line if line.starts_with("GET /.well-known/oauth-authorization-server") => (
                200,
                json!({
                    "issuer": self.0.issuer,
                    "authorization_endpoint": self.own("/okap/authorize"),
                    "token_endpoint": self.own("/okap/token"),
                    "pushed_authorization_request_endpoint": self.own("/okap/par"),
                    "revocation_endpoint": self.own("/okap/revoke"),
                    "okap_direct_endpoint": self.own("/okap/authorize"),
                    "code_challenge_methods_supported": ["S256"],
                    "authorization_response_iss_parameter_supported": true,
                }),
            ),
            _ => (404, json!({"error": "not_found", "error_description": "no such path"})),
        }
    }

    fn pending(&self) -> Value {
        json!({
            "okap": "1.0", "status": "pending", "interaction_uri": self.own("/ask/1"),
            "user_code": "BCDF-GHJK", "expires_in": 600, "interval": 5,
            "continue": {"uri": self.own("/okap/continue"), "access_token": CONTINUATION},
        })
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
            let (status, mut body) = vault.answer(&root, &call).await;
            if let Some(twist) = vault.0.twists.lock().unwrap().get(parts.uri.path()) {
                twist(&mut body);
            }
            Canned::json(status, body)
        }
    };
    let mut response = Response::builder().status(StatusCode::from_u16(canned.status).unwrap());
    for (name, value) in canned.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(canned.body)).unwrap()
}

/// Reaches the vault without sockets, so that time can be paused.
struct InProcess(Router);

impl Transport for InProcess {
    fn send(&self, request: http::Request<Vec<u8>>) -> Sending<'_> {
        let router = self.0.clone();
        Box::pin(async move {
            let response =
                router.oneshot(request.map(Body::from)).await.map_err(TransportError::new)?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(TransportError::new)?;
            Ok(http::Response::from_parts(parts, body.to_bytes().into()))
        })
    }
}

pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
