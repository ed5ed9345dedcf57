//! Make any key store an OKAP vault.
//!
//! Bring two things: a [`Vault`] that keeps records and master keys, and a [`Consent`] that
//! says where the user decides. [`OkapService`] is the rest: the protocol, the enforcement and
//! the metering proxy, as a `tower` service for any host.
//!
//! ```
//! use okap_server::{AutoApprove, Config, MemoryVault, OkapService, Owner};
//! use okap_types::{Provider, Secret};
//!
//! let owner = Owner::new("me");
//! let vault = MemoryVault::new().with_key(&owner, Provider::OpenAi, Secret::from("sk-…"));
//! let policy = AutoApprove::for_owner(owner).models(["gpt-4o-mini"])?;
//! let okap = OkapService::new(Config::at("http://127.0.0.1:8787".parse()?), vault, policy)?;
//! // axum: Router::new().fallback_service(okap)
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! - `https`, on by default: the ordinary way to providers and to documents of published apps.
//! - `testkit`: every promise of [`Vault`] as a test, for your own store.
//! - `conformance-hook`: a hook by which `okap-conformance` plays the user of your vault; `hook` says
//!   how to mount it.

#![allow(clippy::result_large_err, reason = "an error here is an answer, ready to send")]

mod allowance;
mod body;
mod clients;
mod config;
mod consent;
mod control;
mod core;
mod direct;
mod holder;
#[cfg(feature = "conformance-hook")]
pub mod hook;
mod memory;
mod oauth;
mod own;
pub mod ports;
mod proof;
mod proxy;
mod remembered;
mod reply;
mod service;
mod stream;
#[cfg(feature = "testkit")]
pub mod testkit;
mod throttle;
mod vault;

pub use body::{Body, BoxError};
pub use clients::{ClientError, Clients};
pub use config::{Config, ResourceServer};
pub use consent::{Asked, AutoApprove, Consent, ConsentPage};
pub use control::{Control, ControlError};
pub use memory::MemoryVault;
pub use okap_engine::{
    flow::{Decided, Decision, Profile, shown},
    narrow::{Approved, as_asked},
    provider::{Auth, Style, Upstream as UpstreamProvider, Upstreams},
    record::{
        Allowed, App, AuditRow, Back, Change, Expect, Grant, Identity, Interaction, Key, Outcome,
        Owner, Versioned,
    },
};
pub use service::{Answering, OkapService, Peer, StartError};
pub use vault::{CommitError, REMEMBERED, StoreError, Vault};
