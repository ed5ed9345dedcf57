use std::net::Ipv4Addr;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use serde_json::Value;

/// A request as it is sent: these headers in this order, this body, and `host`, `content-length`
/// where they are not among them.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) source: Option<Ipv4Addr>,
}

impl Call {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            source: None,
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// `POST`.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// `Authorization: Basic`.
    #[must_use]
    pub fn basic(self, name: &str, secret: &str) -> Self {
        let both = Base64::encode_string(format!("{name}:{secret}").as_bytes());
        self.header("authorization", format!("Basic {both}"))
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A body that is a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let form =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(form)
    }

    /// A body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// From another loopback address than the rest of the test ([`Http::from`](super::Http::from)).
    #[must_use]
    pub const fn from(mut self, source: Ipv4Addr) -> Self {
        self.source = Some(source);
        self
    }

    pub(crate) fn names(&self, header: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }
}
