//! The vault on PostgreSQL: the promises of every store, and those that only it can make.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod app;
mod audit;
mod conformance;
mod contract;
mod faults;
#[path = "../support/http.rs"]
mod http;
mod nodes;
mod server;
mod tls;
mod transfer;
mod upkeep;
