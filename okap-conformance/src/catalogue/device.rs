//! The device flow.

pub(super) mod page;
pub(super) mod poll;
pub(super) mod request;
