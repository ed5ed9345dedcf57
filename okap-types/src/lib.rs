//! The words of OKAP, the Open Key Access Protocol, as Rust types.
//!
//! An app asks a vault for access to a provider's models; the vault's user lowers any of
//! it and allows or denies. This crate holds what both sides write on the wire: requests
//! ([`request`]), what is asked and granted ([`access`]), answers ([`response`]), the OAuth
//! messages ([`oauth`]) and the values inside them. It does no IO.
//!
//! Bytes come in through one door, [`strict`]: bounded in size and depth, and a member
//! that stands twice in an object is an error.
//!
//! ```
//! use okap_types::{GrantRequest, Money};
//!
//! let body = br#"{"okap":"1.0","request":{"provider":"openai","models":["gpt-4o-mini"],
//!     "limits":{"monthly_spend":10.00}}}"#;
//! let asked = GrantRequest::parse_authorize(body)?;
//! let first = asked.access.first().ok_or("nothing asked")?;
//! assert_eq!(first.limits.monthly_spend, Some(Money::usd(10)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![doc(test(attr(deny(warnings))))]

pub mod access;
pub mod client_document;
pub mod error;
pub mod expiry;
pub mod form;
pub mod limits;
pub mod model;
pub mod money;
pub mod name;
pub mod oauth;
mod object;
pub mod request;
pub mod response;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod standing;
pub mod strict;
pub mod text;
pub mod token;
pub mod user_code;
pub mod version;

pub use access::{AccessType, GrantedAccess, ModelAccess};
pub use client_document::{ClientDocument, ClientIdUrl};
pub use error::{ErrorBody, ErrorCode, ParseError};
pub use expiry::Timestamp;
pub use limits::{Count, Limits};
pub use model::{ModelId, Models};
pub use money::Money;
pub use name::{Capability, GrantId, Provider};
pub use request::{ClientInfo, GrantRequest, Shape};
pub use secret::Secret;
pub use text::{AppName, Reason};
pub use user_code::UserCode;
pub use version::Version;
