use okap_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FAST, OLDEST};
use crate::{
    jwk::Thumbprint,
    record::{Change, Record, insert},
    token::hash,
};

/// Says that a proof has been used; kept for as long as the proof could come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// From then on the proof is too old in any case.
    pub until: Timestamp,
}

impl Record for Used {
    const KIND: &'static str = "proof";

    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.until)
    }
}

/// The change that succeeds once for a key and a `jti`.
pub(super) fn once(key: &Thumbprint, jti: &str, iat: i64) -> Change {
    // one second for the fraction cut off, and as much again as clocks of two nodes may differ
    let until = Timestamp::from_unix_millis(0).plus_seconds(iat).plus_seconds(OLDEST + FAST + 1);
    insert(&hash(&format!("{key} {jti}")), &Used { until })
}
