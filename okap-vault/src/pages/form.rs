//! The fields of a submitted form.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use url::form_urlencoded;

use super::{Site, reply::Refusal, show::visible};

/// Longest form, in bytes.
const LONGEST: usize = 64 * 1024;
/// How long a form may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// The form is not one that our pages make; nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misfit(pub(super) String);

/// A form: each field with all its values, in order.
#[derive(Debug, Default)]
pub(super) struct Form(BTreeMap<String, Vec<String>>);

impl Form {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// A page: 415, 413, 408 or 400.
    pub(super) async fn read(site: &Site, request: Request<Body>) -> Result<Self, Refusal> {
        let refused = |status, text| Refusal::notice(site, status, "That form did not work", text);
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let text = "Forms come here as application/x-www-form-urlencoded.";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let body = tokio::time::timeout(ARRIVES_WITHIN, to_bytes(request.into_body(), LONGEST));
        let Ok(body) = body.await else {
            return Err(refused(StatusCode::REQUEST_TIMEOUT, "It took too long to arrive."));
        };
        let Ok(body) = body else {
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "It is longer than 64 KiB."));
        };
        match std::str::from_utf8(&body) {
            Ok(text) => Ok(Self::parse(text)),
            Err(_) => Err(refused(StatusCode::BAD_REQUEST, "It is not UTF-8.")),
        }
    }

    /// Reads `a=1&b=2`.
    pub(super) fn parse(text: &str) -> Self {
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a field that stands at most once.
    ///
    /// # Errors
    /// [`Misfit`] where it stands more often.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Misfit> {
        match self.many(name) {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(Misfit(format!("The field “{}” stands there twice.", visible(name)))),
        }
    }

    /// All values of a field.
    pub(super) fn many(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a tick box that stands at most once is ticked.
    ///
    /// # Errors
    /// [`Misfit`] for any value but `1`.
    pub(super) fn ticked(&self, name: &str) -> Result<bool, Misfit> {
        match self.one(name)? {
            None => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Misfit(format!("The field “{}” can only be ticked.", visible(name)))),
        }
    }

    /// Takes a value out of the form.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).and_then(|mut values| values.pop())
    }
}
