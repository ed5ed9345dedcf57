//! Client documents over real TLS, and what a stranger may try with them.

#![cfg(feature = "https")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod addresses;
mod answers;
mod clients;
mod sharing;
mod support;
