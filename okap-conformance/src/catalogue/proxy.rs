//! Calling models through the vault.

pub(super) mod forward;
pub(super) mod key;
pub(super) mod refuse;
