//! The books as a reader sees them, in Rust and as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// All that reached the provider.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Sums over all calls.
    pub totals: Totals,
    /// Every request in the order of arrival, refused ones too.
    pub calls: Vec<Call>,
    /// What a vault must never do, and did.
    pub violations: Vec<Violation>,
}

impl Ledger {
    /// The part of the books that is about calls with this text in their body: what one of many
    /// tests at this provider has caused. Only `calls`, `violations` and the sums are kept;
    /// `max_concurrent` is that of all.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.calls.retain(|call| mentions(&call.body, text));
        self.violations.retain(|found| self.calls.iter().any(|call| call.seq == found.seq));
        let sum = |of: fn(&Call) -> u64| self.calls.iter().map(of).fold(0, u64::saturating_add);
        self.totals = Totals {
            calls: sum(|_| 1),
            prompt_tokens: sum(|call| call.prompt_tokens),
            completion_tokens: sum(|call| call.completion_tokens),
            billed_pico: sum(|call| call.billed_pico),
            open: sum(|call| u64::from(call.state == State::Started)),
            max_concurrent: self.totals.max_concurrent,
        };
        self
    }

    /// The latest call.
    #[must_use]
    pub fn last(&self) -> Option<&Call> {
        self.calls.last()
    }
}

/// Sums over all calls in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests that arrived, refused ones too.
    pub calls: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// The bill in pico-USD (10⁻¹² USD).
    pub billed_pico: u64,
    /// Calls whose answer has not ended.
    pub open: u64,
    /// The most calls that were ever open together.
    pub max_concurrent: u64,
}

/// One request, and what became of it. No field holds the master key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Number of the call, from 1, never given twice.
    pub seq: u64,
    /// Milliseconds since 1970 at which its head arrived.
    pub at_ms: u64,
    /// Milliseconds since 1970 at which it ended.
    pub ended_ms: Option<u64>,
    /// Method, in capitals.
    pub method: String,
    /// Path as sent, not decoded.
    pub path: String,
    /// Query without the question mark, as sent.
    pub query: Option<String>,
    /// Headers; the master key reads `<master>`.
    pub headers: Vec<Header>,
    /// Body as JSON; what is not JSON is kept as a string.
    pub body: Value,
    /// The body as it was sent, up to 64 KiB; the master key reads `<master>`.
    #[serde(default)]
    pub sent: String,
    /// The model asked for.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// Prompt tokens; `billed_pico` tells whether they cost something.
    pub prompt_tokens: u64,
    /// Completion tokens generated until now.
    pub completion_tokens: u64,
    /// Bill in pico-USD until now.
    pub billed_pico: u64,
    /// Status of the answer, once it began.
    pub status: Option<u16>,
    /// What became of the call.
    pub state: State,
}

impl Call {
    /// The first header of this name (in small letters).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name == name);
        found.map(|header| header.value.as_str())
    }
}

/// A header as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name, in small letters.
    pub name: String,
    /// Value; the master key reads `<master>`.
    pub value: String,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being answered.
    Started,
    /// It was answered in full; a refusal is an answer.
    Finished,
    /// The client went away first. What was generated until then is billed.
    Cancelled,
    /// A fault broke the answer off. What was generated until then is billed.
    Cut,
}

/// Something that must never reach a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The call in which it was seen.
    pub seq: u64,
    /// What it is.
    pub what: What,
    /// Where it was: `header cookie`, `path`, `query`, `body /messages/0/content`.
    pub at: String,
}

/// Kinds of [`Violation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// No credential where the provider wants it.
    CredentialMissing,
    /// A credential that is not the master key.
    CredentialWrong,
    /// A second credential besides the wanted one.
    CredentialSecond,
    /// The master key outside the credential header.
    MasterKeyElsewhere,
    /// The text `okap_`.
    OkapToken,
    /// A header that belongs to the app, its browser or its network.
    HeaderNotAllowed,
    /// A Responses call that does not say `"store": false`.
    StoreNotFalse,
}

/// Whether a text stands in a string or member name of a body.
pub(super) fn mentions(body: &Value, text: &str) -> bool {
    match body {
        Value::String(said) => said.contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        Value::Object(members) => {
            members.iter().any(|(name, item)| name.contains(text) || mentions(item, text))
        }
        _ => false,
    }
}
