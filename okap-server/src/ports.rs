//! What the vault needs of the world outside: time, random bits, signatures checked, and the ways
//! to providers and to clients' documents.
//!
//! The one room that touches the operating system.

mod documents;
pub mod es256;
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
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use okap_engine::token::Seed;
use okap_types::{Secret, Timestamp};

pub use documents::{Documents, FetchError, Fetched, Fetching};
pub use freshness::fresh_for;
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

/// A clock that never steps back while the vault runs: what has expired stays expired. Where the
/// store has a clock of its own it goes by that, and in between by the time that has passed here,
/// which no step of this computer's clock changes.
pub(crate) struct Forward {
    clock: Box<dyn Clock>,
    began: Instant,
    /// What the store's clock showed when this process began, in milliseconds since 1970;
    /// [`UNKNOWN`] where it was not asked.
    store_began: AtomicI64,
    latest: AtomicI64,
    /// By how many milliseconds the conformance hook has turned it; 0 in every vault that is used.
    turned: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

impl Forward {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            began: Instant::now(),
            store_began: AtomicI64::new(UNKNOWN),
            latest: AtomicI64::new(0),
            turned: AtomicI64::new(0),
        }
    }

    /// Turns it forward, at most ten years at once.
    #[cfg(feature = "conformance-hook")]
    pub(crate) fn turn(&self, seconds: u32) {
        let seconds = i64::from(seconds.min(10 * 366 * 86_400));
        self.turned.fetch_add(seconds * 1000, Ordering::AcqRel);
    }

    fn passed(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Goes by the store's clock from now on. The first time it may step back: what this
    /// computer's own showed before does not count.
    pub(crate) fn set(&self, now: Timestamp) {
        let store_began = now.unix_millis().saturating_sub(self.passed());
        if self.store_began.swap(store_began, Ordering::AcqRel) == UNKNOWN {
            self.latest.store(self.turned(now.unix_millis()), Ordering::Release);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = match self.store_began.load(Ordering::Acquire) {
            UNKNOWN => self.clock.now().unix_millis(),
            began => began.saturating_add(self.passed()),
        };
        let now = self.turned(now);
        let latest = self.latest.fetch_max(now, Ordering::AcqRel);
        Timestamp::from_unix_millis(latest.max(now))
    }

    fn turned(&self, millis: i64) -> i64 {
        millis.saturating_add(self.turned.load(Ordering::Acquire))
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

/// A moment behind which a request must not leave: by then it would stand in another minute of the
/// provider's than of its grant's. It is among the extensions of a request that a rate counts.
#[derive(Clone, Copy, Debug)]
pub struct NotAfter(pub tokio::time::Instant);

/// What opens a connection ahead.
pub type Opening<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Carries a request to a provider.
pub trait Upstream: Send + Sync + 'static {
    /// Sends a request as it is.
    ///
    /// # Behavior
    /// - Follows no redirect and adds no header that names the app.
    /// - Dropping the answer's body ends the provider's call.
    /// - Where connecting took until behind [`NotAfter`], nothing is sent: [`SendError::NotSent`].
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;

    /// Opens a connection ahead where none is free, so that the next request leaves at once. What
    /// cannot be opened, [`send`](Self::send) will say.
    fn open<'a>(&'a self, _to: &'a Uri) -> Opening<'a> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrong;

    impl Clock for Wrong {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(5_000_000)
        }
    }

    #[test]
    fn a_node_whose_clock_is_ahead_goes_by_the_stores() {
        let clock = Forward::new(Wrong);
        assert_eq!(clock.now().unix_millis(), 5_000_000);
        clock.set(Timestamp::from_unix_millis(1_000_000));
        let now = clock.now().unix_millis();
        assert!((1_000_000..1_010_000).contains(&now), "{now}");
        // and from then on never back
        clock.set(Timestamp::from_unix_millis(900_000));
        assert!(clock.now().unix_millis() >= now);
        clock.set(Timestamp::from_unix_millis(2_000_000));
        assert!(clock.now().unix_millis() >= 2_000_000);
    }
}
