use okap_types::{GrantId, ModelAccess, Shape, Timestamp};
use serde::{Deserialize, Serialize};

use super::{App, Record};

/// A request that waits for a decision, until it is forgotten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// Names it in the page's address; random, 256 bits.
    pub id: String,
    /// How it came.
    pub shape: Shape,
    /// Who asks.
    pub app: App,
    /// What is asked.
    pub access: Vec<ModelAccess>,
    /// Shown on both sides for the user to compare.
    pub user_code: String,
    /// How the outcome goes back.
    pub back: Back,
    /// The address that it was asked from, as the vault saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When it was asked.
    pub created: Timestamp,
    /// When it is forgotten.
    pub expires: Timestamp,
    /// What the user said.
    pub outcome: Outcome,
}

/// How an outcome goes back to the app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// The browser carries a code to the app's address.
    Redirect {
        /// `client_id` as pushed.
        client_id: String,
        /// Where to.
        redirect_uri: String,
        /// Given back unchanged.
        state: Option<String>,
        /// PKCE challenge, S256.
        challenge: String,
        /// The thumbprint of the key that the code shall be bound to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// The app fetches it.
    Fetch,
    /// The app polls with a device code.
    Device,
}

/// What became of an interaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nobody has decided.
    Waiting,
    /// The user allowed.
    Granted(GrantId),
    /// The user said no.
    Denied,
}

impl Record for Interaction {
    const KIND: &'static str = "interaction";
    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.expires.plus_seconds(60))
    }
}

/// Leads from a secret, by its hash, to an interaction: a pushed request, a continuation token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pointer {
    /// The interaction.
    pub interaction: String,
    /// When it ends.
    pub expires: Timestamp,
}

macro_rules! pointer {
    ($(#[$doc:meta])* $Name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(pub Pointer);

        impl Record for $Name {
            const KIND: &'static str = $kind;
            fn forget_after(&self) -> Option<Timestamp> {
                Some(self.0.expires)
            }
        }
    };
}

pointer! {
    /// A pushed request, by the hash of its `request_uri`; used once.
    Pushed, "pushed"
}
pointer! {
    /// A continuation token, by its hash; gone with the final answer.
    Continuation, "continuation"
}
pointer! {
    /// A flat request, by a fingerprint of its body and source: the same request sent again
    /// picks up the decision.
    Repeated, "repeated"
}
pointer! {
    /// A user code, by its hash: what a person types leads to the request of another device.
    UserCoded, "user-code"
}
