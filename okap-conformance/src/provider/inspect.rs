//! Looks for what must never leave a vault.

use axum::http::HeaderMap;
use axum::http::header::HeaderValue;
use serde_json::Value;

use super::ledger::{Header, What};
use super::route::Style;

/// A finding and its place.
pub(super) type Finding = (What, String);

/// Headers that carry a credential, for one provider or another.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/// Headers, by how their name begins, that belong to the app, its browser or its network.
const NOT_ALLOWED: [&str; 12] = [
    "cookie",
    "proxy-authorization",
    "x-stainless",
    "x-app",
    "openai-organization",
    "openai-project",
    "origin",
    "referer",
    "x-forwarded-",
    "forwarded",
    "via",
    "x-real-ip",
];

/// Checks the credential: exactly one, in the provider's own header, and it is the master key.
pub(super) fn credential(
    style: Style,
    headers: &HeaderMap,
    query: Option<&str>,
    master: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (wanted, right) = match style {
        Style::OpenAi => ("authorization", format!("Bearer {master}")),
        Style::Anthropic => ("x-api-key", master.to_owned()),
        Style::Google => ("x-goog-api-key", master.to_owned()),
    };
    let mut values = headers.get_all(wanted).iter();
    match values.next() {
        None => findings.push((What::CredentialMissing, format!("header {wanted}"))),
        Some(value) if value.as_bytes() != right.as_bytes() => {
            findings.push((What::CredentialWrong, format!("header {wanted}")));
        }
        Some(_) => {}
    }
    if values.next().is_some() {
        findings.push((What::CredentialSecond, format!("header {wanted}")));
    }
    for other in CREDENTIALS {
        if other != wanted && headers.contains_key(other) {
            findings.push((What::CredentialSecond, format!("header {other}")));
        }
    }
    let pairs = query.unwrap_or_default().split('&');
    if pairs.filter_map(|pair| pair.split('=').next()).any(|name| name == "key") {
        findings.push((What::CredentialSecond, "query".to_owned()));
    }
    findings
}

/// Checks names and values of all headers.
pub(super) fn headers(headers: &HeaderMap, master: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, value) in headers {
        let at = || format!("header {name}");
        if NOT_ALLOWED.iter().any(|begin| name.as_str().starts_with(begin)) {
            findings.push((What::HeaderNotAllowed, at()));
        }
        let value = text(value);
        if mentions_okap(name.as_str()) || mentions_okap(&value) {
            findings.push((What::OkapToken, at()));
        }
        if !CREDENTIALS.contains(&name.as_str()) && value.contains(master) {
            findings.push((What::MasterKeyElsewhere, at()));
        }
    }
    findings
}

/// Checks a path or a query, as sent and percent-decoded.
pub(super) fn url(part: &str, at: &str, master: &str) -> Vec<Finding> {
    text_findings(part, &percent_decoded(part), at, master)
}

/// Checks a body: every string and member name of its JSON, and its bytes.
pub(super) fn body(raw: &[u8], json: &Value, master: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    walk(json, "", &mut |words, at| {
        findings.extend(text_findings(words, words, &format!("body {at}"), master));
    });
    if findings.is_empty() {
        // What the parser dropped (a repeated member) was sent all the same.
        let raw = String::from_utf8_lossy(raw);
        findings = text_findings(&raw, &raw, "body", master);
    }
    findings
}

/// The headers for the books.
pub(super) fn recorded(headers: &HeaderMap, master: &str) -> Vec<Header> {
    let record = |(name, value): (&axum::http::HeaderName, &HeaderValue)| Header {
        name: name.as_str().to_owned(),
        value: redacted(&text(value), master),
    };
    headers.iter().map(record).collect()
}

/// The text without the master key.
pub(super) fn redacted(text: &str, master: &str) -> String {
    if master.is_empty() { text.to_owned() } else { text.replace(master, "<master>") }
}

/// Most bytes of a string that are kept: whoever reads the books copies them.
const KEPT: usize = 64 * 1024;

/// The JSON without the master key, long strings cut short.
pub(super) fn redacted_json(value: Value, master: &str) -> Value {
    match value {
        Value::String(text) => {
            let kept = text.get(..KEPT).unwrap_or(&text);
            Value::String(redacted(kept, master))
        }
        Value::Array(items) => items.into_iter().map(|item| redacted_json(item, master)).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (redacted(&name, master), redacted_json(value, master)))
            .collect(),
        other => other,
    }
}

fn text_findings(sent: &str, decoded: &str, at: &str, master: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if mentions_okap(sent) || mentions_okap(decoded) {
        findings.push((What::OkapToken, at.trim_end().to_owned()));
    }
    if sent.contains(master) || decoded.contains(master) {
        findings.push((What::MasterKeyElsewhere, at.trim_end().to_owned()));
    }
    findings
}

fn mentions_okap(text: &str) -> bool {
    text.to_ascii_lowercase().contains("okap_")
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Visits every string and member name with its JSON pointer.
fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(text, at),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(members) => {
            for (name, item) in members {
                visit(name, at);
                walk(item, &format!("{at}/{name}"), visit);
            }
        }
        _ => {}
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let decoded = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
