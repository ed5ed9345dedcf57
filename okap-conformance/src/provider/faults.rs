//! What the provider can be told to do wrong, and for which calls.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Manner;
use super::ledger::mentions;

/// What an answer has wrong.
///
/// A call that is answered with a status, a redirect or an HTML page is not billed; one that
/// reports no tokens ([`Fault::ZeroUsage`]) is billed nothing; all others are billed as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The provider's own error with this status.
    Status {
        /// 400 to 599.
        status: u16,
        /// Seconds of `retry-after`; a 429 has 1 by default.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Whether the message repeats the credential that arrived.
        #[serde(default)]
        echo: bool,
    },
    /// A redirect.
    Redirect {
        /// The `location`.
        to: String,
        /// 301, 302, 303, 307 or 308.
        #[serde(default = "found")]
        status: u16,
    },
    /// This status and this JSON instead of an answer. Nothing is billed.
    Says {
        /// 200 to 599.
        status: u16,
        /// The body.
        body: Value,
    },
    /// No answer, ever. The prompt is billed.
    Hang,
    /// Breaks the connection after this many pieces of a stream, or in the middle of a body.
    Cut {
        /// Pieces that are sent.
        #[serde(default = "three")]
        after: usize,
    },
    /// Ends a stream after this many pieces, as if it were complete.
    EndEarly {
        /// Pieces that are sent.
        #[serde(default = "three")]
        after: usize,
    },
    /// Ends a stream after this many pieces with the provider's error event.
    ErrorEvent {
        /// Pieces that are sent before it.
        #[serde(default = "three")]
        after: usize,
    },
    /// Status 200 with a page of HTML.
    Html,
    /// Half of a body, complete by its length.
    TruncatedJson,
    /// A body with this many bytes of padding.
    Huge {
        /// Bytes of padding.
        #[serde(default = "huge")]
        bytes: u64,
    },
    /// No usage is reported.
    NoUsage,
    /// A usage of 0 tokens is reported, and 0 is billed.
    ZeroUsage,
    /// The body is gzip, whatever was asked for.
    Gzip,
    /// The answer repeats the credential that arrived, in its text and in a header.
    EchoCredential,
}

impl Fault {
    /// The provider's own error with this status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, echo: false }
    }

    /// A redirect with status 302.
    #[must_use]
    pub fn redirect(to: impl Into<String>) -> Self {
        Self::Redirect { to: to.into(), status: found() }
    }

    /// Whether the call costs something.
    pub(super) fn is_billed(&self) -> bool {
        !matches!(
            self,
            Self::Status { .. }
                | Self::Redirect { .. }
                | Self::Says { .. }
                | Self::Html
                | Self::ZeroUsage
        )
    }
}

fn found() -> u16 {
    302
}

fn three() -> usize {
    3
}

fn huge() -> u64 {
    64 * 1024 * 1024
}

/// Calls, and how they are answered. What a rule leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Only models whose name begins so.
    pub model_prefix: Option<String>,
    /// Only calls whose body has this text in it, so that tests at one provider are kept apart.
    pub containing: Option<String>,
    /// Only the next calls, this many; without it, all.
    pub times: Option<u64>,
    /// What the answer has wrong.
    pub fault: Option<Fault>,
    /// Words of an answer.
    pub words: Option<u64>,
    /// Milliseconds before the answer begins.
    pub delay_ms: Option<u64>,
    /// Milliseconds before each word.
    pub chunk_delay_ms: Option<u64>,
    /// Sends the body one byte at a time.
    pub one_byte: Option<bool>,
    /// Sends an event that is not ASCII one byte at a time, others whole.
    pub within: Option<bool>,
    /// Ends the lines of a stream with CR LF.
    pub crlf: Option<bool>,
}

impl Rule {
    /// A rule with this fault, for every call.
    #[must_use]
    pub fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// Only for models whose name begins so.
    #[must_use]
    pub fn on(mut self, model_prefix: impl Into<String>) -> Self {
        self.model_prefix = Some(model_prefix.into());
        self
    }

    /// Only for calls whose body has this text in it.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.containing = Some(text.into());
        self
    }

    /// Only for the next calls, this many.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    fn matches(&self, model: &str, body: &Value) -> bool {
        self.times != Some(0)
            && self.model_prefix.as_deref().is_none_or(|prefix| model.starts_with(prefix))
            && self.containing.as_deref().is_none_or(|text| mentions(body, text))
    }

    fn apply(&self, manner: &mut Manner) {
        manner.words = self.words.unwrap_or(manner.words);
        manner.delay = self.delay_ms.map_or(manner.delay, Duration::from_millis);
        manner.chunk_delay = self.chunk_delay_ms.map_or(manner.chunk_delay, Duration::from_millis);
        manner.one_byte = self.one_byte.unwrap_or(manner.one_byte);
        manner.within = self.within.unwrap_or(manner.within);
        manner.crlf = self.crlf.unwrap_or(manner.crlf);
    }
}

/// The rules in force.
#[derive(Default)]
pub(super) struct Rules {
    rules: Mutex<Vec<Rule>>,
}

impl Rules {
    pub(super) fn add(&self, rule: Rule) {
        self.lock().push(rule);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    pub(super) fn list(&self) -> Vec<Rule> {
        self.lock().clone()
    }

    /// Applies every rule that matches a call for `model`, and counts it.
    pub(super) fn take(
        &self,
        model: &str,
        body: &Value,
        mut manner: Manner,
    ) -> (Manner, Option<Fault>) {
        let mut rules = self.lock();
        let mut fault = None;
        for rule in rules.iter_mut().filter(|rule| rule.matches(model, body)) {
            rule.times = rule.times.map(|times| times.saturating_sub(1));
            rule.apply(&mut manner);
            fault = rule.fault.clone().or(fault);
        }
        rules.retain(|rule| rule.times != Some(0));
        (manner, fault)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
