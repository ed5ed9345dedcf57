use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

/// A request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    pub(super) from: IpAddr,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.parse().unwrap(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            from: Ipv4Addr::LOCALHOST.into(),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// A clean chat call.
    pub(crate) fn chat(token: &str, extra: Value) -> Self {
        Self::post("/v1/openai/chat/completions").bearer(token).json(&chat(extra))
    }

    /// A clean Anthropic call.
    pub(crate) fn message(token: &str, extra: Value) -> Self {
        Self::post("/v1/anthropic/v1/messages").bearer(token).json(&messages(extra))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header.as_str() != name);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.json_text(&body.to_string())
    }

    pub(crate) fn json_text(self, body: &str) -> Self {
        self.without("content-type").header("content-type", "application/json").raw(body.as_bytes())
    }

    pub(crate) fn form(self, pairs: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs(pairs).finish();
        self.header("content-type", "application/x-www-form-urlencoded").raw(text.as_bytes())
    }

    pub(crate) fn raw(mut self, body: &[u8]) -> Self {
        self.body = Bytes::copy_from_slice(body);
        self
    }

    pub(crate) fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Comes from another address of this computer.
    pub(crate) fn from(mut self, last: u8) -> Self {
        self.from = Ipv4Addr::new(127, 0, 0, last).into();
        self
    }
}

/// The members of `extra` in, or in place of those of, `body`.
pub(crate) fn with(mut body: Value, extra: Value) -> Value {
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(crate) fn chat(extra: Value) -> Value {
    let body =
        json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello"}]});
    with(body, extra)
}

pub(crate) fn messages(extra: Value) -> Value {
    let body = json!({
        "model": "claude-sonnet-5", "max_tokens": 64,
        "messages": [{"role": "user", "content": "Say hello"}],
    });
    with(body, extra)
}

pub(crate) fn responses(extra: Value) -> Value {
    with(json!({"model": "gpt-4o-mini", "input": "Say hello"}), extra)
}

pub(crate) fn embed(extra: Value) -> Value {
    with(json!({"model": "text-embedding-3-small", "input": "hello"}), extra)
}
