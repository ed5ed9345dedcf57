//! What a mutant is, and the seams of an honest vault where a lie can be put in.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use okap_server::Config;
use serde_json::Value;

/// One thing that a vault may do wrong.
pub(crate) struct Mutant {
    /// `profile.number`, after the list in the design; never used again.
    pub(crate) id: &'static str,
    /// What it does wrong.
    pub(crate) what: &'static str,
    /// Exactly the tests that fail on it.
    pub(crate) killed_by: &'static [&'static str],
    /// How it is done.
    pub(crate) lie: Lie,
}

/// What is changed at which seam; `None` leaves the seam honest.
#[derive(Clone, Copy)]
pub(crate) struct Lie {
    /// The bytes of requests as they come in, below HTTP.
    pub(crate) wire: Option<fn(&mut [u8])>,
    /// A request as it comes in, before the vault sees it.
    pub(crate) request: Option<fn(&Scene<'_>, &mut Request<Bytes>)>,
    /// An answer as it goes out; of a stream the head alone, with an empty body.
    pub(crate) response: Option<fn(&Scene<'_>, &mut Response<Bytes>)>,
    /// A record as it is read from the store; its kind is the part of the key before the slash.
    pub(crate) read: Option<fn(&Scene<'_>, &str, &mut Value)>,
    /// A record as it is written.
    pub(crate) commit: Option<fn(&Scene<'_>, &str, &mut Value)>,
    /// A request to the provider.
    pub(crate) upstream: Option<fn(&Scene<'_>, &mut Request<Bytes>)>,
    /// The provider's answer; of a stream the head alone, with an empty body.
    pub(crate) answer: Option<fn(&Scene<'_>, &mut Response<Bytes>)>,
    /// The body of the provider's answer, as it comes.
    pub(crate) stream: Option<fn(okap_server::Body) -> okap_server::Body>,
    /// What the provider seems to say at the end of a stream that the app has left.
    pub(crate) left: Option<&'static str>,
    /// Sends a call again after an answer with such a status.
    pub(crate) again: Option<fn(u16) -> bool>,
    /// Follows redirects of the provider with these headers of the request; `None` refuses them.
    pub(crate) redirect: Option<fn(&HeaderMap) -> HeaderMap>,
    /// The document of a client, as it was fetched.
    pub(crate) document: Option<fn(&Memory, &mut String)>,
    /// For how many seconds a document is kept, by its site's `Cache-Control` and by the rules.
    pub(crate) fresh: Option<fn(&str, u64) -> u64>,
    /// The code that a person types, and where they seem to come from.
    pub(crate) typed: Option<fn(&mut String, &mut String)>,
    /// The rows of the audit that the owner reads.
    pub(crate) audit: Option<fn(&mut Vec<Value>)>,
    /// Where the browser is led after a decision.
    pub(crate) landing: Option<fn(&mut String)>,
    /// What the clock shows, in milliseconds since 1970, of what it should show.
    pub(crate) clock: Option<fn(i64) -> i64>,
    /// How the vault is set up.
    pub(crate) config: Option<fn(&mut Config)>,
}

impl Lie {
    /// No lie at all.
    pub(crate) const NONE: Self = Self {
        wire: None,
        request: None,
        response: None,
        read: None,
        commit: None,
        upstream: None,
        answer: None,
        stream: None,
        left: None,
        again: None,
        redirect: None,
        document: None,
        fresh: None,
        typed: None,
        audit: None,
        landing: None,
        clock: None,
        config: None,
    };
}

/// Where a lie is told: in the course of which request, and what the liar remembers.
pub(crate) struct Scene<'a> {
    /// Which request it is, of all that came; 0 outside of one.
    pub(crate) number: u64,
    /// Path of the request that is being answered; empty outside of one.
    pub(crate) path: &'a str,
    /// What stands behind its path.
    pub(crate) query: &'a str,
    /// Headers of that request, as they came.
    pub(crate) headers: &'a HeaderMap,
    /// Its body, as it came.
    pub(crate) body: &'a [u8],
    /// What earlier lies have kept; shared by all seams of a vault.
    pub(crate) memory: &'a Memory,
}

impl Scene<'_> {
    /// Whether a call to a model is being answered.
    pub(crate) fn is_call(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// The token of the request that is being answered.
    pub(crate) fn token(&self) -> &str {
        let header = self.headers.get("authorization").and_then(|value| value.to_str().ok());
        header.and_then(|value| value.split_once(' ')).map_or("", |(_, token)| token)
    }
}

/// What a liar remembers, by name.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, Value>>);

impl Memory {
    pub(crate) fn keep(&self, name: &str, value: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }

    /// Adds to a number; how much it is then.
    pub(crate) fn count(&self, name: &str, more: i64) -> i64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = kept.get(name).and_then(Value::as_i64).unwrap_or(0) + more;
        kept.insert(name.to_owned(), count.into());
        count
    }

    pub(crate) fn kept(&self, name: &str) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// Changes the JSON of a body, where it is JSON.
pub(crate) fn edit(body: &mut Bytes, change: impl FnOnce(&mut Value)) {
    if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        change(&mut json);
        *body = json.to_string().into();
    }
}

/// Changes each granted object of a grant's record.
pub(crate) fn each_access(grant: &mut Value, change: impl FnMut(&mut Value)) {
    if let Some(access) = grant.get_mut("access").and_then(Value::as_array_mut) {
        access.iter_mut().for_each(change);
    }
}

/// Puts one text in the place of another, everywhere in a body.
pub(crate) fn replace(body: &mut Bytes, from: &str, to: &str) {
    *body = String::from_utf8_lossy(body).replace(from, to).into();
}
