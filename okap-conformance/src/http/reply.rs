use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::Call;
use crate::outcome::Stop;

/// Most characters of a body in a line of a report.
const SHOWN: usize = 300;

/// An answer, read to its end.
#[derive(Clone)]
pub struct Reply {
    /// The number of the exchange in the transcript.
    pub exchange: usize,
    /// Method and address that it answers.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// In order, names in small letters.
    pub headers: Vec<(String, String)>,
    /// As received.
    pub body: Bytes,
    /// When which part of the body came.
    pub arrivals: Vec<Arrival>,
    /// Why the body is not whole; `None` where it is.
    pub broken: Option<String>,
    json: Value,
}

/// A piece of a body.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// How long after the call began.
    pub after: Duration,
    /// How many bytes.
    pub bytes: usize,
}

impl Reply {
    pub(super) fn new(
        exchange: usize,
        call: &Call,
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        arrivals: Vec<Arrival>,
        broken: Option<String>,
    ) -> Self {
        let asked = format!("{} {}", call.method, call.url);
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Self { exchange, asked, status, headers, body: body.into(), arrivals, broken, json }
    }

    /// The first header of this name, in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` where it is none.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The member at a JSON pointer; `null` where there is none.
    #[must_use]
    pub fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The string at a JSON pointer; empty where there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// Fails where the status is another.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn has_status(&self, requirement: &str, status: u16) -> Result<(), Stop> {
        match self.status == status {
            true => Ok(()),
            false => Err(Stop::failed_in(requirement, format!("status {status}"), self)),
        }
    }

    /// Fails where this is not a refusal with this status and code, in whichever of the shapes of
    /// the specification.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn is_refused(&self, requirement: &str, status: u16, code: &str) -> Result<(), Stop> {
        match self.status == status && self.code() == code {
            true => Ok(()),
            false => Err(Stop::failed_in(requirement, format!("{status} {code}"), self)),
        }
    }

    /// Fails where a cache may keep this.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn is_not_kept(&self, requirement: &str) -> Result<(), Stop> {
        let kept = self.header("cache-control").is_none_or(|value| !value.contains("no-store"));
        self.ensure(requirement, !kept, "cache-control: no-store")
    }

    /// Fails where an SDK is not told that to try again is of no use.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn is_final(&self, requirement: &str) -> Result<(), Stop> {
        let again = self.header("x-should-retry") != Some("false");
        self.ensure(requirement, !again, "x-should-retry: false")
    }

    /// The code of a refusal: `error` of OAuth and direct answers, `error.code` of proxied ones of
    /// OpenAI style, `okap.code` of others; empty where there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        let places = ["/error", "/error/code", "/okap/code", "/error/okap/code"];
        let codes = places.into_iter().map(|place| self.text(place));
        codes.into_iter().find(|code| !code.is_empty()).unwrap_or_default()
    }

    /// Fails where something about the answer is not so.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn ensure(
        &self,
        requirement: &str,
        holds: bool,
        expected: impl Into<String>,
    ) -> Result<(), Stop> {
        if holds { Ok(()) } else { Err(Stop::failed_in(requirement, expected, self)) }
    }

    /// Status, type and the beginning of the body, for a report.
    #[must_use]
    pub fn summary(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(SHOWN).collect();
        let more = if shown.len() < body.len() { "…" } else { "" };
        let broken = self.broken.as_ref().map(|why| format!(" (broken off: {why})"));
        format!("{} {shown}{more}{}", self.status, broken.unwrap_or_default()).trim().to_owned()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.asked, self.summary())
    }
}
