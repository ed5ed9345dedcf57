//! The program as a process, under load, while it is killed and its disk, its database and its
//! clock fail. A provider with its own books says what was really spent. See docs/faults.md.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "test code"
)]

mod app;
mod budget;
mod chance;
mod checks;
mod disk;
#[path = "../support/http.rs"]
mod http;
mod kill;
mod nodes;
mod rates;
#[allow(dead_code, reason = "other tests start one with TLS")]
#[path = "../postgres/server.rs"]
mod server;
mod shim;
mod soak;
mod stage;
