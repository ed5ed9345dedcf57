//! Access that an app hands on to another program.

pub(super) mod chain;
pub(super) mod exchange;
pub(super) mod spend;
