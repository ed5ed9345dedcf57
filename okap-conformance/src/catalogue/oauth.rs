//! Pushed requests, the code flow, refresh, and who clients are.

pub(super) mod assertion;
pub(super) mod authorize;
pub(super) mod bind;
pub(super) mod client;
pub(super) mod code;
pub(super) mod details;
pub(super) mod form;
pub(super) mod page;
pub(super) mod push;
pub(super) mod refresh;
pub(super) mod revoke;
