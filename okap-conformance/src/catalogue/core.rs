//! What every vault does.

pub(super) mod details;
pub(super) mod flat;
pub(super) mod grant;
pub(super) mod message;
pub(super) mod metadata;
pub(super) mod outcome;
pub(super) mod own;
pub(super) mod page;
pub(super) mod request;
pub(super) mod revoke;
pub(super) mod token;
pub(super) mod wait;
