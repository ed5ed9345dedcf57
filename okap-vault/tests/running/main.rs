//! The program itself, as a process: an unchanged SDK calls through it, our own asks it for access
//! in every way, and it is killed under load.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod async_openai;
#[path = "../support/http.rs"]
mod http;
mod kill;
mod okap_client;
mod stack;
