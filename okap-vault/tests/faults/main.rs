//! The program as a process, under load, while it is killed and its disk, its database and its
//! clock fail. A provider with its own books says what was really spent.
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
mod checks;
mod kill;
mod nodes;
#[path = "../postgres/server.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod server;
mod shim;
mod stage;
