//! From a request to a token and back: open, decide, redeem, fetch or poll, refresh, exchange,
//! revoke.

mod decide;
mod device;
mod exchange;
mod fetch;
mod issue;
mod open;
mod redeem;
mod refresh;
mod revoke;

pub use decide::{DecideError, Decided, Decision, decide, shown};
pub use device::{Poll, device, poll, user_code_name};
pub use exchange::{DEEPEST, Exchange, exchange};
pub use fetch::{Fetched, fetch};
pub use issue::Issued;
pub use open::{Opened, asked, check_resource, direct, pushed};
pub use redeem::{Redeem, redeem};
pub use refresh::{Renew, refresh};
pub use revoke::revoke;

use okap_types::{ErrorCode, Provider};
use url::Url;

use crate::{narrow::TooWide, record::Change};

/// What a vault says of itself.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The vault's identity and the start of all its addresses; no trailing slash on the wire.
    pub issuer: Url,
    /// Providers that can be asked for.
    pub providers: Vec<Provider>,
    /// Longest life of a grant, in seconds; 1 day to 10 years.
    pub longest_grant: i64,
}

impl Profile {
    /// A vault at an address: grants live at most a year.
    #[must_use]
    pub fn new(issuer: Url) -> Self {
        Self { issuer, providers: Provider::KNOWN.to_vec(), longest_grant: 366 * 24 * 3600 }
    }

    /// The issuer as clients compare it.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        self.issuer.as_str().trim_end_matches('/').to_owned()
    }
}

/// Seconds that a request waits for its decision.
pub const INTERACTION_LIFETIME: i64 = 600;
/// Seconds that a pushed request lives.
pub const PUSHED_LIFETIME: i64 = 90;
/// Seconds that a code lives.
pub const CODE_LIFETIME: i64 = 60;
/// Seconds to leave between two polls with a device code, at first.
pub const DEVICE_INTERVAL: i64 = 5;
/// Life of an access token that can be renewed, in seconds: 1 hour.
pub const ACCESS_LIFETIME: i64 = 3600;
/// Longest life of an access token that cannot be renewed, in seconds: 30 days.
pub const LONG_ACCESS_LIFETIME: i64 = 30 * 24 * 3600;

/// A flow error with its wire code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct FlowError {
    /// The code on the wire.
    pub code: ErrorCode,
    /// The sentence.
    pub description: String,
}

impl FlowError {
    pub(crate) fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    fn grant(description: &str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }
}

impl From<TooWide> for FlowError {
    fn from(wide: TooWide) -> Self {
        Self::new(ErrorCode::InvalidAuthorizationDetails, wide.to_string())
    }
}

/// A refusal, and what has to be committed all the same: a replay that kills a grant, a poll that
/// came too soon.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What to answer.
    pub error: FlowError,
    /// What to commit before it is given.
    pub changes: Vec<Change>,
}

impl<E: Into<FlowError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), changes: Vec::new() }
    }
}
