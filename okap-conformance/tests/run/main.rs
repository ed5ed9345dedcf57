//! The command, against the vault of this project and against servers that are no vaults.
//!
//! `okap-vault` is built of this crate and others, so that no test here can ask cargo for it: the
//! program is taken from beside the command, where `cargo test --workspace` puts both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod certificate;
mod command;
#[cfg(unix)]
mod ended;
mod https;
mod nothing;
mod reports;
mod servers;
mod vault;
mod verbs;
