//! Who may reach the vault's own pages, keys at rest, audit.

pub(super) mod family;
pub(super) mod keep;
pub(super) mod page;
