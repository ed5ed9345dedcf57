//! The rules of OKAP, without IO: no clock, no entropy, no sockets, no files.
//!
//! Time and random bits are arguments; records come in as values and changes go out as values
//! ([`step::Step`]). The host reads, asks the engine, commits, and answers. That makes every
//! rule a function that a test can call, and lets a vault live where there is no socket, such
//! as in a browser extension.
//!
//! The walk of a request for access is in [`flow`], that of a call in [`provider`] (what does it
//! say), [`admit`] (may it go), [`ledger`] and [`price`] (what does it cost).

pub mod about;
pub mod address;
pub mod admit;
pub mod assertion;
pub mod client;
pub mod flow;
pub mod jwk;
pub mod jws;
pub mod ledger;
pub mod narrow;
pub mod pico;
pub mod price;
pub mod proof;
pub mod provider;
pub mod record;
pub mod refusal;
pub mod step;
pub mod token;
