//! Vaults that take proofs too lightly.

pub(super) mod binding;
pub(super) mod claims;
mod forge;
pub(super) mod nonce;
pub(super) mod proof;
