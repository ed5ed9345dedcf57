//! What every vault does.

pub(super) mod grant;
pub(super) mod metadata;
pub(super) mod request;
pub(super) mod token;
