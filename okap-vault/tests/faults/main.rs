//! The program as a process, under load, while it is killed and its disk, its database and its
//! clock fail. A provider with its own books says what was really spent. See docs/faults.md.
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
mod chance;
#[allow(dead_code, reason = "the runs to come use more of it")]
mod checks;
mod kill;
mod rates;
#[path = "../postgres/server.rs"]
#[allow(dead_code, reason = "the runs to come use more of it")]
mod server;
#[allow(dead_code, reason = "the runs to come use more of it")]
mod shim;
#[allow(dead_code, reason = "the runs to come use more of it")]
mod stage;
