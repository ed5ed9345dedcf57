//! Lies of a vault about limits.

pub(super) mod money;
pub(super) mod rate;
