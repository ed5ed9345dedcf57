//! What the vault needs of the world outside: time, random bits, signatures checked, and the ways
//! to providers and to clients' documents.
//!
//! The one room that touches the operating system.

mod documents;
pub mod es256;
#[cfg(feature = "https")]
mod freshness;
#[cfg(feature = "https")]
mod https;
#[cfg(feature = "https")]
mod https_documents;
mod public;

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use okap_engine::token::Seed;
use okap_types::{Secret, Timestamp};

pub use documents::{Documents, FetchError, Fetched, Fetching};
#[cfg(feature = "https")]
pub use https::Https;
#[cfg(feature = "https")]
pub use https_documents::{HttpsDocuments, HttpsDocumentsBuilder};
pub use public::is_public;

use crate::{StoreError, body::Body};

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment in UTC.
    fn now(&self) -> Timestamp;
}

/// The computer's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        time::OffsetDateTime::now_utc().into()
    }
}

/// A clock that never steps back while the vault runs: what has expired stays expired. It goes by
/// the store's own clock, where that has one.
pub(crate) struct Forward {
    clock: Box<dyn Clock>,
    /// By how many milliseconds the store's clock is ahead.
    ahead: AtomicI64,
    latest: AtomicI64,
}

impl Forward {
    pub(crate) fn new(clock: impl Clock) -> Self {
        let (ahead, latest) = (AtomicI64::new(0), AtomicI64::new(0));
        Self { clock: Box::new(clock), ahead, latest }
    }

    /// Goes by another clock from now on.
    pub(crate) fn set(&self, now: Timestamp) {
        let ahead = now.unix_millis().saturating_sub(self.clock.now().unix_millis());
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let now = self.clock.now().unix_millis().saturating_add(ahead);
        let latest = self.latest.fetch_max(now, Ordering::Relaxed);
        Timestamp::from_unix_millis(latest.max(now))
    }
}

/// Gives 256 random bits from the operating system.
///
/// # Errors
/// [`StoreError`] where the system has none to give.
pub(crate) fn seed() -> Result<Seed, StoreError> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(|e| StoreError::new(e.to_string()))?;
    Ok(Seed::new(Secret::new(bits)))
}

/// Why a provider could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection, so nothing was sent and nothing is billed.
    #[error("no connection")]
    NotSent(#[source] crate::BoxError),
    /// The connection broke after the call may have arrived.
    #[error("the connection broke")]
    Broken(#[source] crate::BoxError),
}

/// A future that can be kept in a box.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, SendError>> + Send + 'a>>;

/// Carries a request to a provider.
pub trait Upstream: Send + Sync + 'static {
    /// Sends a request as it is.
    ///
    /// # Behavior
    /// - Follows no redirect and adds no header that names the app.
    /// - Dropping the answer's body ends the provider's call.
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;
}
