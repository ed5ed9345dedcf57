//! An app, a provider, and the nodes of a vault between them.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use okap_engine::narrow::as_asked;
use okap_server::{Decision, shown};
use okap_vault::{
    config::Settings,
    serve::{self, Options, Running},
    store::StoredVault,
    user,
};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::http;

/// A provider that notes which key it was called with.
pub(crate) async fn provider() -> (Settings, Arc<Mutex<Vec<String>>>) {
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
    let text =
        format!("[upstream.openai]\nbase_url = 'http://{}/v1'", listener.local_addr().unwrap());
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (Settings::parse(&text, Path::new("test")).unwrap(), seen)
}

/// One node of a vault, reached at its own address under the name that all nodes share.
pub(crate) struct Node {
    pub(crate) running: Running,
    at: SocketAddr,
    http: Client,
}

impl Node {
    pub(crate) async fn start(vault: StoredVault, settings: Settings, issuer: &Url) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let issuer = Some(issuer.clone());
        let options = Options { settings, listen: at, issuer, ..Options::local(vault) };
        let running = serve::start(options).await.unwrap();
        let http = http::plain().redirect(reqwest::redirect::Policy::none());
        Self { running, at, http: http.build().unwrap() }
    }

    /// What goes to the vault's address comes to this node, as behind a load balancer.
    pub(crate) fn post(&self, address: &str) -> RequestBuilder {
        self.routed(address, |url| self.http.post(url))
    }

    pub(crate) fn get(&self, address: &str) -> RequestBuilder {
        self.routed(address, |url| self.http.get(url))
    }

    fn routed(&self, address: &str, request: impl FnOnce(Url) -> RequestBuilder) -> RequestBuilder {
        let mut url = self.running.url.join(address).unwrap();
        let host = url.authority().to_owned();
        url.set_ip_host(self.at.ip()).unwrap();
        url.set_port(Some(self.at.port())).unwrap();
        request(url).header("host", host)
    }

    /// An app asks for access; the id of its request, and where and with what it goes on.
    pub(crate) async fn ask(&self) -> (String, String, String) {
        let ask = json!({"okap": "1.0", "request": {
            "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"],
            "limits": {"monthly_spend": 1}, "expires": "2027-06-01",
        }});
        let answer = self.post("okap/authorize").json(&ask).send().await.unwrap();
        let asked: Value = answer.json().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{asked}")).to_owned();
        let page = text(&asked["interaction_uri"]);
        let id = page.rsplit('/').next().unwrap().to_owned();
        let next = &asked["continue"];
        (id, text(&next["uri"]), text(&next["access_token"]))
    }

    /// The owner allows what was asked for.
    pub(crate) async fn allow(&self, id: &str) {
        let control = &self.running.control;
        let request = control.interaction(id).await.unwrap();
        let latest = control.latest_end();
        let approved = request.access.iter().map(|asked| Some(as_asked(asked, &[], latest)));
        let decision = Decision::Approve(approved.collect());
        control.decide(id, &user::owner(), &shown(&request), &decision).await.unwrap();
    }

    /// The app fetches what it was given.
    pub(crate) async fn fetch(&self, uri: &str, with: &str) -> Access {
        let answer = self.post(uri).bearer_auth(with).send().await.unwrap();
        let granted: Value = answer.json().await.unwrap();
        let text = |name: &str| {
            granted[name].as_str().unwrap_or_else(|| panic!("{name}: {granted}")).to_owned()
        };
        Access { token: text("access_token"), grant: text("grant_id") }
    }

    pub(crate) async fn granted(&self) -> Access {
        let (id, uri, with) = self.ask().await;
        self.allow(&id).await;
        self.fetch(&uri, &with).await
    }

    pub(crate) async fn call(&self, access: &Access) -> StatusCode {
        let body = json!({
            "model": "gpt-4o-mini", "max_completion_tokens": 10,
            "messages": [{"role": "user", "content": "hi"}],
        });
        let call = self.post("v1/openai/chat/completions").bearer_auth(&access.token);
        call.json(&body).send().await.unwrap().status()
    }
}

/// What an app was given.
pub(crate) struct Access {
    pub(crate) token: String,
    pub(crate) grant: String,
}
