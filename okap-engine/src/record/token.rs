use okap_types::{GrantId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Record;

/// An access token, by its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// What it is good for.
    pub grant: GrantId,
    /// When it ends.
    pub expires: Timestamp,
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
