//! Ask a user's vault for access to AI models, in ten lines.
//!
//! An app says what it needs; the user lowers any of it in the vault and allows or denies; the
//! app gets a scoped token and a `base_url`, and uses the provider's own SDK with them. It never
//! sees the user's key. This is OKAP, the Open Key Access Protocol, from the app's side.
//!
//! ```no_run
//! # #[cfg(feature = "reqwest")]
//! # async fn notes() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use okap_client::{Client, ClientInfo, Limits, ModelAccess, Money, Provider};
//!
//! let okap = Client::new("https://vault.example.com".parse()?, ClientInfo::new("Notes")?)?;
//! let ask = ModelAccess::new(Provider::OpenAi)
//!     .models(["gpt-4o-mini"])
//!     .limits(Limits::monthly(Money::usd(10)))
//!     .reason("Summarise your notes");
//! let pending = okap.start(ask).await?;
//! if let Some(url) = pending.consent_url() {
//!     println!("allow it here: {url}");
//! }
//! let access = pending.wait(Duration::from_secs(300)).await?;
//! let base_url = access.base_url(Provider::OpenAi).ok_or("openai was not granted")?;
//! // give `base_url` and `access.token().expose()` to the provider's SDK
//! # let _ = base_url; Ok(())
//! # }
//! ```
//!
//! # Words
//! - [`Client`]: one app's door to one vault; cheap to clone, keeps nothing between calls.
//! - [`Ask`]: what the app would like, one [`ModelAccess`] or several.
//! - [`Pending`]: a request that the user has not decided.
//! - [`Access`]: what was granted: token, base URLs, limits, time left.
//! - [`Difference`]: where that is less than the ask.
//! - [`Error`]: says what failed; ask its `is_…` methods, never its text.
//!
//! # Two ways to ask
//! - [`Client::start`] works everywhere, also where the browser is on another device: the app
//!   shows a link, the user decides, the app waits.
//! - [`Client::authorize_in_browser`] is for an app on the user's own computer: the browser opens
//!   and comes back to the app by itself (PAR, PKCE, `state`, `iss`).
//!
//! # What is refused
//! A vault under another name than its metadata states, an address that is not the vault's own,
//! redirects, a grant that is wider than the ask, plain `http` to another computer.
#![forbid(unsafe_code)]

mod access;
mod ask;
mod browser;
mod client;
mod code;
mod difference;
mod discovery;
mod error;
mod loopback;
mod pending;
mod pkce;
pub mod transport;
mod vault;
mod wire;

pub use access::Access;
pub use ask::Ask;
pub use client::{Client, ClientBuilder};
pub use difference::Difference;
pub use error::Error;
pub use okap_types::{
    Capability, ClientInfo, Count, GrantId, GrantedAccess, Limits, ModelAccess, ModelId, Models,
    Money, Provider, Secret, Timestamp,
};
pub use pending::Pending;
pub use transport::{Transport, TransportError};
