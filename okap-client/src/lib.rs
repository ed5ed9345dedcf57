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
//! - [`Client`]: one app's door to one vault; cheap to clone.
//! - [`Ask`]: what the app would like, one [`ModelAccess`] or several.
//! - [`Pending`], [`DevicePrompt`], [`Transaction`]: a request that the user has not decided.
//! - [`Access`]: what was granted: token, base URLs, limits, time left.
//! - [`Session`]: access that is kept and renewed; [`TokenStore`]: where.
//! - [`Difference`]: where a grant is less than the ask.
//! - [`Error`]: says what failed; ask its `is_…` methods, never its text. [`Refused`]: says why
//!   the vault let a call not through.
//!
//! # Ways to ask
//! - [`Client::start`] works everywhere: the app shows a link, the user decides, the app waits.
//!   Such access cannot be renewed.
//! - [`Client::authorize_in_browser`] is for an app on the user's own computer: the browser opens
//!   and comes back to the app by itself (PAR, PKCE, `state`, `iss`).
//! - [`Client::start_on_device`] is for where there is no browser: the user enters a code
//!   elsewhere.
//! - [`Client::begin`] is for web apps and apps with a redirect of their own.
//!
//! # Afterwards
//! [`Client::session`] keeps and renews; [`Client::limits`] says what is left;
//! [`Session::with_more`] asks for more, [`Client::narrow`] for less; [`Client::delegate`] gives
//! another program a part; [`Client::revoke`] gives it back.
//!
//! # What is refused
//! A vault under another name than its metadata states, an address that is not the vault's own,
//! redirects, a grant that is wider than the ask, plain `http` to another computer.
//!
//! # Features
//! - `reqwest` (default): an HTTP transport; without it, bring a [`Transport`].
//! - `browser` (default): the two ways to ask that use the authorization code flow.
//! - `dpop` (default): tokens bound to a [`Key`], and apps that sign who they are.
//! - `keyring`: [`KeyringStore`].
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "browser", feature = "dpop", feature = "keyring")),
    allow(rustdoc::broken_intra_doc_links, reason = "they lead to what a feature brings")
)]

mod access;
mod address;
mod app;
mod ask;
#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "browser")]
mod callback;
mod client;
mod clock;
#[cfg(feature = "browser")]
mod code;
mod delegate;
mod device;
mod difference;
mod direct;
mod discovery;
mod error;
mod kept;
#[cfg(feature = "dpop")]
mod key;
#[cfg(not(feature = "dpop"))]
#[path = "key/none.rs"]
mod key;
#[cfg(feature = "browser")]
mod loopback;
mod nonces;
mod own;
mod pending;
#[cfg(feature = "browser")]
mod pkce;
mod received;
mod refused;
mod renew;
mod saved;
mod session;
pub mod store;
#[cfg(feature = "browser")]
mod transaction;
pub mod transport;
mod vault;
mod waiting;
mod wire;

pub use access::Access;
pub use ask::Ask;
pub use client::{Client, ClientBuilder};
pub use device::DevicePrompt;
pub use difference::Difference;
pub use error::Error;
#[cfg(feature = "dpop")]
pub use key::Key;
pub use okap_types::{
    Capability, ClientInfo, Count, GrantId, GrantedAccess, Limits, ModelAccess, ModelId, Models,
    Money, Provider, Secret, Timestamp,
    standing::{
        AccessLimits, CountLeft, GrantAnswer, GrantStatus, LimitsAnswer, LimitsLeft, MoneyLeft,
        PerRequest,
    },
};
pub use pending::Pending;
pub use refused::Refused;
pub use session::Session;
#[cfg(feature = "keyring")]
pub use store::KeyringStore;
pub use store::{FileStore, MemoryStore, StoreError, TokenStore};
#[cfg(feature = "browser")]
pub use transaction::Transaction;
pub use transport::{Transport, TransportError};
