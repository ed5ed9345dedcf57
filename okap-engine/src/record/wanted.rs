use okap_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// A node needs more of an account than is free, and asks the others to give back what they have on
/// lease and do not use; under the account's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Who asks.
    pub node: u64,
    /// When.
    pub at: Timestamp,
}

impl Record for Wanted {
    const KIND: &'static str = "wanted";
    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.at.plus_seconds(60))
    }
}
