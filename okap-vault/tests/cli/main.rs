//! The program as its user meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod disk;
mod grants;
mod help;
mod introspection;
mod keys;
mod secrecy;
mod serve;
mod support;
mod unlock;
