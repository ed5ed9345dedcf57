//! A request as it comes in: entered into the books, and searched.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use http_body_util::BodyExt;
use serde_json::Value;

use super::books::{Books, OpenCall, now_ms};
use super::ledger::{Call, State};
use super::route::{Route, Style};
use super::{form, inspect};

/// Most bytes of a body that are kept as they were sent.
const KEPT: usize = 64 * 1024;

/// A request with its place in the books.
pub(super) struct Visit {
    pub(super) route: Option<Route>,
    pub(super) style: Style,
    pub(super) head: Parts,
    pub(super) json: Value,
    pub(super) call: OpenCall,
}

impl Visit {
    /// Enters the request into the books, and looks for what must not be in it.
    pub(super) async fn receive(request: Request, books: &Arc<Books>, master: &str) -> Self {
        let (head, body) = request.into_parts();
        let (path, query) = (head.uri.path(), head.uri.query());
        let call = books.open(entry(&head, master));
        let mut findings = inspect::headers(&head.headers, master);
        findings.extend(inspect::url(path, "path", master));
        findings.extend(inspect::url(query.unwrap_or_default(), "query", master));
        report(&call, findings, master);

        let raw = arrived(body).await;
        let parsed = match form::boundary(&head.headers) {
            Some(boundary) => form::read(&raw, &boundary),
            None => serde_json::from_slice(&raw).ok(),
        };
        let json = parsed.unwrap_or_else(|| match String::from_utf8_lossy(&raw) {
            text if text.is_empty() => Value::Null,
            text => Value::String(text.into_owned()),
        });
        report(&call, inspect::body(&raw, &json, master), master);
        let sent = String::from_utf8_lossy(raw.get(..KEPT).unwrap_or(&raw));
        call.body(inspect::redacted_json(json.clone(), master), inspect::redacted(&sent, master));

        let route = Route::of(&head.method, path, query);
        let style = Style::of(path, &head.headers);
        Self { route, style, head, json, call }
    }

    /// Checks the credential, and tells whether it is the one right one.
    pub(super) fn is_authorized(&self, master: &str) -> bool {
        let (headers, query) = (&self.head.headers, self.head.uri.query());
        let findings = inspect::credential(self.style, headers, query, master);
        let right = findings.is_empty();
        report(&self.call, findings, master);
        right
    }
}

fn entry(head: &Parts, master: &str) -> Call {
    let query = head.uri.query();
    Call {
        seq: 0,
        at_ms: now_ms(),
        ended_ms: None,
        method: head.method.to_string(),
        path: inspect::redacted(head.uri.path(), master),
        query: query.map(|query| inspect::redacted(query, master)),
        headers: inspect::recorded(&head.headers, master),
        body: Value::Null,
        sent: String::new(),
        model: None,
        streamed: false,
        prompt_tokens: 0,
        completion_tokens: 0,
        billed_pico: 0,
        status: None,
        state: State::Started,
    }
}

fn report(call: &OpenCall, findings: Vec<inspect::Finding>, master: &str) {
    for (what, at) in findings {
        call.violation(what, inspect::redacted(&at, master));
    }
}

/// The body, or as much of it as arrives.
async fn arrived(mut body: Body) -> Vec<u8> {
    let mut raw = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref() {
            raw.extend_from_slice(data);
        }
    }
    raw
}
