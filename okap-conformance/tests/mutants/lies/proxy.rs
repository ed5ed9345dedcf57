//! Lies of a vault that forwards calls.

pub(super) mod answer;
pub(super) mod body;
pub(super) mod credential;
pub(super) mod forward;
pub(super) mod header;
pub(super) mod member;
pub(super) mod route;
pub(super) mod stream;
