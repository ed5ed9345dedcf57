//! The engine's rules, called one by one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod assertion;
mod call;
mod flow;
mod jws;
mod ledger;
mod meter;
mod narrow;
mod proof;
mod refusal;
mod signer;
mod support;
