//! Tokens that are bound to a key.

pub(super) mod binding;
pub(super) mod claims;
pub(super) mod exchange;
pub(super) mod nonce;
pub(super) mod proof;
