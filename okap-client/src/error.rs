use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use okap_types::ParseError;

use crate::{StoreError, TransportError};

/// Says why access was not obtained, renewed or kept.
///
/// Opaque, so that it can grow: ask the `is_…` methods. Its text names the thing that failed and
/// carries the vault's own explanation, cleaned; it never holds a token, code or verifier. The
/// cause is in [`source`](StdError::source). Cheap to clone.
///
/// ```
/// fn advice(error: &okap_client::Error) -> &'static str {
///     match error {
///         e if e.is_temporary() => "try again in a minute",
///         e if e.is_reauthorize() || e.is_expired() => "ask the user for access again",
///         e if e.is_denied() => "the user said no",
///         _ => "report this",
///     }
/// }
/// # let _ = advice;
/// ```
#[derive(Clone, Debug)]
pub struct Error(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    text: String,
    code: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Denied,
    Expired,
    /// The grant, code or refresh token is dead.
    Reauthorize,
    Timeout,
    Network,
    InvalidRequest,
    Vault,
    /// The vault failed or is busy; also `is_vault`.
    Unavailable,
    Untrusted,
    Wider,
    /// A key was asked for, and the token is not bound to it.
    Unbound,
    Local,
    Store,
}

impl Error {
    /// Whether the user, or the vault in the user's name, said no.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.0.kind == Kind::Denied
    }

    /// Whether the request ended before the user decided, or access came to its end; ask again.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.0.kind == Kind::Expired
    }

    /// Whether access cannot be renewed: the user took it back, or its refresh token is worth
    /// nothing any more. Only the user can give new access.
    #[must_use]
    pub fn is_reauthorize(&self) -> bool {
        self.0.kind == Kind::Reauthorize
    }

    /// Whether the time that the app gave the user is over. A [`Pending`](crate::Pending) may be
    /// waited for again.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// Whether the vault could not be reached, or did not answer in time.
    #[must_use]
    pub fn is_network(&self) -> bool {
        self.0.kind == Kind::Network
    }

    /// Whether the app asked for something impossible; the same call will fail again.
    #[must_use]
    pub fn is_invalid_request(&self) -> bool {
        self.0.kind == Kind::InvalidRequest
    }

    /// Whether the vault failed, is busy, or gave an answer that is not OKAP.
    #[must_use]
    pub fn is_vault(&self) -> bool {
        matches!(self.0.kind, Kind::Vault | Kind::Unavailable)
    }

    /// Whether the same call may succeed a little later: the vault was out of reach, failed, or is
    /// busy. The client does not repeat calls by itself, the waits and renewals apart.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.0.kind, Kind::Network | Kind::Unavailable)
    }

    /// Whether an answer failed a safety check and was thrown away, its token included: another
    /// issuer, a foreign address, a missing protection, a grant wider than the ask.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        matches!(self.0.kind, Kind::Untrusted | Kind::Wider | Kind::Unbound)
    }

    /// Whether the vault granted more than was asked for.
    #[must_use]
    pub fn is_wider(&self) -> bool {
        self.0.kind == Kind::Wider
    }

    /// Whether a token bound to a key was asked for and the vault gave one that anybody can use
    /// who finds it.
    #[must_use]
    pub fn is_unbound(&self) -> bool {
        self.0.kind == Kind::Unbound
    }

    /// Whether the app's own [`TokenStore`](crate::TokenStore) could not be read or written.
    #[must_use]
    pub fn is_store(&self) -> bool {
        self.0.kind == Kind::Store
    }

    /// Whether this computer failed: no port to listen on, no browser, no certificate store.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.kind == Kind::Local
    }

    /// The protocol's word for it, such as `access_denied`, where there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, text: text.into(), code: None, source: None }))
    }

    pub(crate) fn untrusted(text: impl Into<String>) -> Self {
        Self::new(Kind::Untrusted, text)
    }

    pub(crate) fn ask(error: ParseError) -> Self {
        Self::new(Kind::InvalidRequest, "the ask is not valid")
            .with_code(error.code().as_str())
            .with_source(error)
    }

    pub(crate) fn network(call: &str, source: TransportError) -> Self {
        Self::new(Kind::Network, format!("{call} failed")).with_source(source)
    }

    pub(crate) fn silence(call: &str, after: Duration) -> Self {
        let text = format!("{call} was not answered within {} s", after.as_secs());
        Self::new(Kind::Network, text)
    }

    pub(crate) fn store(what: &str, source: StoreError) -> Self {
        Self::new(Kind::Store, format!("access could not be {what}")).with_source(source)
    }

    pub(crate) fn local(what: &str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Local, what).with_source(source)
    }

    /// An answer that cannot be read. The parser's words may quote a token, so they are cleaned.
    pub(crate) fn unreadable(call: &str, why: &ParseError) -> Self {
        Self::new(Kind::Vault, format!("the answer to {call} cannot be read"))
            .with_source(Unreadable(foreign(&why.to_string())))
    }

    /// What an error code of the vault means to the app.
    pub(crate) fn coded(code: &str, status: u16, text: String) -> Self {
        let kind = match (code, status) {
            ("access_denied", _) => Kind::Denied,
            ("expired_token" | "token_expired", _) => Kind::Expired,
            ("invalid_grant" | "token_revoked", _) => Kind::Reauthorize,
            ("temporarily_unavailable" | "server_error" | "slow_down", _) => Kind::Unavailable,
            (_, 408 | 429 | 500..) => Kind::Unavailable,
            _ => Kind::InvalidRequest,
        };
        Self::new(kind, text).with_code(code)
    }

    pub(crate) fn with_code(self, code: &str) -> Self {
        self.with(|inner| inner.code = Some(code.to_owned()))
    }

    fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.source = Some(Arc::new(source)))
    }

    /// Changes an error in the making, which nobody else holds yet.
    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

#[derive(Debug)]
struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Unreadable {}

/// Most characters kept of a text that the vault wrote.
const MOST: usize = 300;

/// From this length on an unbroken run of base64url characters is taken for a secret: a code, a
/// verifier, a state or a token has 43 at least.
const SECRET: usize = 40;

/// Cleans a text from outside for an error: short, no control characters that could steer a
/// terminal, nothing that looks like a secret.
pub(crate) fn foreign(text: &str) -> String {
    let token = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut clean = String::new();
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        if token(c) {
            run.push(c);
            continue;
        }
        clean.push_str(if run.len() >= SECRET { "…" } else { &run });
        run.clear();
        clean.push(if c.is_control() { ' ' } else { c });
    }
    clean.trim().chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::foreign;

    #[test]
    fn foreign_text_keeps_words_and_loses_secrets() {
        let token = format!("okap_at_{}", "a".repeat(49));
        assert_eq!(foreign(&format!("token {token:?} is over")), "token \"…\" is over");
        assert_eq!(foreign("model gpt-4o-mini is not known"), "model gpt-4o-mini is not known");
        assert_eq!(foreign("\u{1b}[2Jgone\n"), "[2Jgone");
        assert_eq!(foreign(&"word ".repeat(100)).chars().count(), 300);
    }
}
