//! A whole vault over real HTTP, in front of a provider that keeps its own books.
//!
//! A name that begins with `v` and a number holds that line of the attack catalogue,
//! `spec/attacks.toml`. Every refusal has a twin that differs in one thing and succeeds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something else has failed"
)]

mod assertion;
mod bodies;
mod ceiling;
mod code;
mod consent;
mod content;
mod credential;
mod delegated;
mod device;
mod direct;
mod discovery;
mod dpop;
mod exchange;
mod faults;
mod flat;
mod flood;
mod given_back;
mod google;
mod introspect;
mod media;
mod money;
mod own;
mod parse;
mod policy;
mod published;
mod pushed;
mod race;
mod rates;
mod refresh;
mod routes;
mod scope;
mod secrecy;
mod slow;
mod smuggle;
mod store;
mod stream;
mod support;
