//! What the suite may order, as it stands in a body.

use okap_types::{GrantId, Provider, Secret};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Verb;

/// One verb with what it needs. Members that are not known are left alone: a later suite may say
/// more than this vault understands.
#[derive(Debug, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub(super) enum Order {
    /// Which verbs there are.
    Capabilities,
    /// The user's decision.
    Decide(Decide),
    /// The owner's key for a provider, and where that provider is.
    Seed { provider: Provider, key: Secret<String>, upstream: Option<Url> },
    /// The owner revokes.
    Revoke { grant: GrantId },
    /// Turns the clock forward, at most ten years at once.
    Advance { seconds: u32 },
    /// The audit of a grant.
    Audit { grant: GrantId },
    /// Where everything is kept.
    Dump,
    /// What stands at the address of a client's document, instead of what the network has there.
    Publish { url: String, document: Option<String>, cache_control: Option<String> },
    /// A browser in which the owner is signed in.
    SignIn,
    /// A clean state.
    Reset,
    #[serde(other)]
    Other,
}

/// Which request, and what the user says to it.
#[derive(Debug, Deserialize)]
pub(super) struct Decide {
    /// What the request carries in the app's name or in a reason.
    pub(super) correlation: String,
    pub(super) interaction_url: Option<Url>,
    pub(super) user_code: Option<String>,
    pub(super) decision: Word,
    /// Narrowed objects, in the order of those that were asked for; `null` leaves one out.
    #[serde(default)]
    pub(super) details: Vec<Option<Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Approve,
    Deny,
    Narrow,
    Ignore,
}

impl Order {
    /// The verb, where it is one that the vault's own rig may have.
    pub(super) const fn verb(&self) -> Option<Verb> {
        match self {
            Self::Seed { .. } => Some(Verb::Seed),
            Self::Audit { .. } => Some(Verb::Audit),
            Self::Dump => Some(Verb::Dump),
            Self::SignIn => Some(Verb::SignIn),
            _ => None,
        }
    }

    /// Reads a body of version 1.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if body.get("v") != Some(&Value::from(1)) {
            return Err("v is not 1".to_owned());
        }
        // its words may name a value that came in; no text is a wrong key, so that none names one
        serde_json::from_value(body).map_err(|error| error.to_string())
    }
}
