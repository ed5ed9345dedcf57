use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::Secret;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::token::Seed;

/// What the nonces of DPoP proofs are made of: one record a vault, so that all its nodes make the
/// same. Whoever knows it can make nonces, and nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nonces {
    bits: String,
}

impl Nonces {
    /// Fresh ones.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self { bits: seed.name("nonces") }
    }

    /// The bits; `None` where the record is damaged.
    #[must_use]
    pub fn bits(&self) -> Option<Secret<[u8; 32]>> {
        let bits = Base64UrlUnpadded::decode_vec(&self.bits).ok()?;
        Some(Secret::new(bits.try_into().ok()?))
    }
}

impl Record for Nonces {
    const KIND: &'static str = "nonces";
}
