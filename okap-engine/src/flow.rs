//! From a request to a token and back: open, decide, redeem or fetch, revoke.

mod decide;
mod fetch;
mod open;
mod redeem;
mod revoke;

pub use decide::{DecideError, Decided, Decision, decide, shown};
pub use fetch::{Fetched, fetch};
pub use open::{OpenError, Opened, direct, pushed};
pub use redeem::{Redeem, RedeemError, redeem};
pub use revoke::revoke;

use okap_types::{ErrorCode, Provider, token::AccessToken};
use url::Url;

use crate::record::Grant;

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
/// Longest life of an access token, in seconds: 30 days.
pub const ACCESS_LIFETIME: i64 = 30 * 24 * 3600;

/// A token, freshly minted, and what it is good for.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token; this is the only time it is seen.
    pub token: AccessToken,
    /// Seconds that it lives.
    pub expires_in: u64,
    /// What it allows.
    pub grant: Grant,
}

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
}
