//! What goes up in place of the call, and what comes down of the answer.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use memchr::memmem;
use okap_engine::{
    provider::{Auth, Operation, Style, Upstream},
    refusal::Refusal,
};
use okap_types::{Provider, Secret};

use super::Running;
use crate::{Consent, Vault, body::Body, reply::Reply};

/// Headers of the app that go up; no other does.
static UP: [HeaderName; 4] = [
    header::ACCEPT,
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("openai-beta"),
];

/// Headers of the provider that come down; no other does.
static DOWN: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    HeaderName::from_static("retry-after-ms"),
    HeaderName::from_static("x-should-retry"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("openai-processing-ms"),
];

/// What of the app's headers goes up.
pub(super) fn goes_up(headers: &HeaderMap) -> HeaderMap {
    // room for what the vault adds
    let mut up = HeaderMap::with_capacity(8);
    for name in &UP {
        // a token that strayed here stays
        let clean = |value: &&HeaderValue| memmem::find(value.as_bytes(), b"okap_").is_none();
        for value in headers.get_all(name).iter().filter(clean) {
            up.append(name, value.clone());
        }
    }
    up
}

/// A new request to the provider: nothing of the app's is in it but what goes up.
pub(super) fn fresh_request<V: Vault, C: Consent>(
    (upstream, address): (&Upstream, Uri),
    running: &Running<V, C>,
    up: HeaderMap,
    key: Option<&Secret<String>>,
) -> Result<Request<Bytes>, Refusal> {
    let broken =
        || Refusal::Upstream(running.provider.clone(), "its address or key cannot be used".into());
    let operation = &running.call.operation;
    let body = Bytes::from(running.call.forward_to(&running.provider, running.admitted.ceiling));
    let mut request =
        Request::builder().method(Method::POST).uri(address).body(body).map_err(|_| broken())?;
    *request.headers_mut() = up;
    let fresh = request.headers_mut();
    let kind = HeaderValue::from_str(&running.call.content_type()).map_err(|_| broken())?;
    fresh.insert(header::CONTENT_TYPE, kind);
    fresh.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fresh.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("okap/", env!("CARGO_PKG_VERSION"))),
    );
    if upstream.style == Style::Anthropic && !fresh.contains_key("anthropic-version") {
        fresh.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    let secret = |text: String| {
        let mut value = HeaderValue::from_str(&text).map_err(|_| broken())?;
        value.set_sensitive(true);
        Ok::<_, Refusal>(value)
    };
    match (upstream.auth_for(operation), key) {
        (Auth::Bearer, Some(key)) => {
            fresh.insert(header::AUTHORIZATION, secret(format!("Bearer {}", key.expose()))?);
        }
        (Auth::Header(name), Some(key)) => {
            fresh.insert(HeaderName::from_static(name), secret(key.expose().to_owned())?);
        }
        (Auth::None, _) | (_, None) => {}
    }
    Ok(request)
}

/// Where the routes of providers are, once they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Addresses(RwLock<HashMap<(Provider, &'static str), Uri>>);

impl Addresses {
    /// The address of an operation; `None` where it cannot be one.
    pub(super) fn of(
        &self,
        provider: &Provider,
        upstream: &Upstream,
        operation: &Operation,
    ) -> Option<Uri> {
        // these have the model in their path
        if matches!(operation, Operation::Google { .. }) {
            return upstream.address(operation).as_str().parse().ok();
        }
        let name = (provider.clone(), operation.as_str());
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if known.is_some() {
            return known;
        }
        let address: Uri = upstream.address(operation).as_str().parse().ok()?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Some(known.entry(name).or_insert(address).clone())
    }
}

/// An answer that is passed on.
pub(super) fn passed(
    head: &http::response::Parts,
    key: Option<&Secret<String>>,
    body: Body,
) -> Reply {
    let mut reply = http::Response::new(body);
    *reply.status_mut() = head.status;
    let headers = reply.headers_mut();
    headers.reserve(8);
    for name in &DOWN {
        if let Some(value) = head.headers.get(name).filter(|v| !holds(v.as_bytes(), key)) {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// Whether an answer echoes the master key.
pub(super) fn holds(bytes: &[u8], key: Option<&Secret<String>>) -> bool {
    let Some(key) = key else { return false };
    let key = key.expose().as_bytes();
    // the end of a key is unlike any text, and short enough to look for
    let Some((_, end)) = key.split_last_chunk::<8>() else { return false };
    memmem::find(bytes, end).is_some() && memmem::find(bytes, key).is_some()
}
