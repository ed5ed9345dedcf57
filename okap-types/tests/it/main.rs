//! What okap-types promises to those who send it bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod answers;
mod cases;
mod client_document;
mod forms;
mod laws;
mod names;
mod requests;
mod secrets;
mod strict;
mod tokens;
mod user_codes;
mod values;
mod vectors;
mod wire;
