use okap_types::{GrantId, Secret, Timestamp, token::RefreshToken};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Allowed, Grant, Record};

/// How long a used refresh token is remembered, so that its reuse is noticed.
const REMEMBERED: i64 = 30 * 24 * 3600;

/// An access token, by its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// What it is good for.
    pub grant: GrantId,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// What it allows, where that is less than its grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowed: Option<Vec<Allowed>>,
    /// The thumbprint of the key that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Access {
    /// What it allows.
    #[must_use]
    pub fn allows<'a>(&'a self, grant: &'a Grant) -> &'a [Allowed] {
        self.narrowed.as_deref().unwrap_or(&grant.access)
    }
}

impl Record for Access {
    const KIND: &'static str = "access";
    fn forget_after(&self) -> Option<Timestamp> {
        // kept a while so that an app learns "expired" rather than "unknown"
        Some(self.expires.plus_seconds(30 * 24 * 3600))
    }
}

/// An authorization code, by its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Code {
    /// What it is redeemed for.
    pub grant: GrantId,
    /// Who may redeem it.
    pub client_id: String,
    /// Must be named again.
    pub redirect_uri: String,
    /// PKCE challenge, S256.
    pub challenge: String,
    /// The thumbprint of the key that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether it has been redeemed.
    pub used: bool,
}

impl Record for Code {
    const KIND: &'static str = "code";
    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.expires.plus_seconds(600))
    }
}

/// A refresh token, by its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refresh {
    /// What it renews.
    pub grant: GrantId,
    /// Who may use it.
    pub client_id: String,
    /// The thumbprint of the key that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When it ends; its successors end then, too.
    pub expires: Timestamp,
    /// Its use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated: Option<Rotated>,
}

/// The use of a refresh token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rotated {
    /// When.
    pub at: Timestamp,
    /// With the used token itself this gives its successor, and without it nothing.
    pub salt: String,
}

impl Rotated {
    /// The successor of a used token: the store, which knows no token, cannot tell it.
    #[must_use]
    pub fn successor(&self, used: &RefreshToken) -> RefreshToken {
        let digest = Sha256::new().chain_update(&self.salt).chain_update(used.expose()).finalize();
        RefreshToken::from_random(&Secret::new(digest.into()))
    }
}

impl Record for Refresh {
    const KIND: &'static str = "refresh";
    fn forget_after(&self) -> Option<Timestamp> {
        let used = self.rotated.as_ref().map(|r| r.at.plus_seconds(REMEMBERED));
        Some(used.map_or(self.expires, |until| until.min(self.expires)))
    }
}

/// A device code, by its hash; gone with the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// What the user decides.
    pub interaction: String,
    /// Who may fetch the outcome.
    pub client_id: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Seconds to leave between two polls; grows with every poll that comes too soon.
    pub interval: i64,
    /// The last poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<Timestamp>,
}

impl Record for Device {
    const KIND: &'static str = "device";
    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.expires.plus_seconds(600))
    }
}
