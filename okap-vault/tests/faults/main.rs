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
mod budget;
mod chance;
mod checks;
mod disk;
mod kill;
mod nodes;
mod rates;
#[path = "../postgres/server.rs"]
mod server;
mod shim;
mod soak;
mod stage;
