//! Tests an OKAP vault from the outside.
//!
//! The crate shares no code with the vault, the client or the engine, so that it cannot share
//! their bugs. It owns the [`provider`] behind the vault, and so judges what reached that, not what
//! the vault says.
//!
//! ```text
//! Target ─▶ Stage (vault, provider, driver) ─▶ runner ─▶ Test(&Case) ─▶ Outcome ─▶ Event ─▶ reports
//! ```
//!
//! A test is an async function that reads like the sentence it verifies and ends with a
//! [`Witness`](outcome::Witness) or a [`Stop`](outcome::Stop); `ADDING.md` says how to write one.

pub mod baseline;
pub mod canary;
pub mod case;
pub mod catalogue;
pub mod certificate;
mod cli;
pub mod digest;
pub mod driver;
pub mod event;
pub mod http;
pub mod launch;
pub mod mutant;
pub mod outcome;
pub mod profile;
pub mod provider;
pub mod redact;
pub mod report;
pub mod requirement;
pub mod runner;
pub mod seed;
pub mod stage;
pub mod target;
pub mod transcript;
pub mod verdict;

pub use cli::command;
