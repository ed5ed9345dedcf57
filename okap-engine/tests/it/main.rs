//! The engine's rules, called one by one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod about;
mod assertion;
mod attenuate;
mod call;
mod chain;
mod client;
mod code;
mod compatible;
mod device;
mod exchange;
mod flow;
mod google;
mod host;
mod jws;
mod lease;
mod ledger;
mod media;
mod media_streams;
mod meter;
mod model;
mod narrow;
mod proof;
mod pushed;
mod refresh;
mod refusal;
mod signer;
mod store;
mod support;
mod worked;
