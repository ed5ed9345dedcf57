//! The engine's rules, called one by one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod call;
mod flow;
mod ledger;
mod meter;
mod narrow;
mod refusal;
mod support;
