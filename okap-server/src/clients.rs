//! Published clients: their documents, fetched once and kept as long as they are fresh.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use okap_types::{ClientDocument, ClientIdUrl, Timestamp, client_document::InvalidDocument};
use tokio::sync::Semaphore;

use crate::ports::{Documents, FetchError};

/// Documents that are kept.
const KEPT: usize = 1000;
/// Documents that are fetched at the same time.
const AT_ONCE: usize = 16;

/// Why a published client is not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// Its document could not be fetched: `invalid_client`.
    #[error("client document: {0}")]
    Unreachable(#[source] FetchError),
    /// Its document does not describe it: `invalid_client`.
    #[error(transparent)]
    Invalid(#[from] InvalidDocument),
    /// Too many documents are being fetched: `temporarily_unavailable`.
    #[error("too many client documents are being fetched, try again in a few seconds")]
    Busy,
}

type Outcome = Result<Arc<ClientDocument>, ClientError>;
type Fetch = BoxFuture<'static, Outcome>;

/// Finds published clients by the address that is their `client_id`.
///
/// # Behavior
/// - A document is kept as long as HTTP says it is fresh, 1000 of them at most; a failure is not
///   kept.
/// - Whoever asks for a document that is being fetched waits for that one fetch. At most 16 are
///   fetched at once.
///
/// ```no_run
/// use okap_server::{Clients, ports::{Clock, HttpsDocuments, SystemClock}};
/// # async fn find() -> Result<(), Box<dyn std::error::Error>> {
/// let clients = Clients::new(HttpsDocuments::builder().build()?);
/// let url = "https://notes.example/okap.json".parse()?;
/// let client = clients.find(&url, SystemClock.now()).await?;
/// println!("{:?}", client.client_name);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Clients {
    inner: Arc<Inner>,
}

struct Inner {
    documents: Box<dyn Documents>,
    permits: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: HashMap<ClientIdUrl, Kept>,
    fetches: HashMap<ClientIdUrl, WeakShared<Fetch>>,
}

struct Kept {
    document: Arc<ClientDocument>,
    until: Timestamp,
}

impl Clients {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new(documents: impl Documents) -> Self {
        let inner = Inner {
            documents: Box::new(documents),
            permits: Semaphore::new(AT_ONCE),
            state: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whether a document is here and fresh, so that finding it fetches nothing.
    pub(crate) fn is_fresh(&self, url: &ClientIdUrl, now: Timestamp) -> bool {
        self.inner.lock().is_fresh(url, now)
    }

    /// Finds a client's document, fetched now or fresh from before.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn find(&self, url: &ClientIdUrl, now: Timestamp) -> Outcome {
        let fetch = {
            let mut state = self.inner.lock();
            match state.kept.get(url) {
                Some(kept) if now < kept.until => return Ok(Arc::clone(&kept.document)),
                _ => self.join(&mut state, url, now),
            }
        };
        fetch.await
    }

    /// The fetch that is under way, or one that begins now.
    fn join(&self, state: &mut State, url: &ClientIdUrl, now: Timestamp) -> Shared<Fetch> {
        if let Some(fetch) = state.fetches.get(url).and_then(WeakShared::upgrade) {
            return fetch;
        }
        let (inner, asked) = (Arc::clone(&self.inner), url.clone());
        let fetch = async move { inner.fetch(asked, now).await }.boxed().shared();
        // those that ended, or that nobody waits for any more
        state.fetches.retain(|_, fetch| fetch.upgrade().is_some());
        if let Some(weak) = fetch.downgrade() {
            state.fetches.insert(url.clone(), weak);
        }
        fetch
    }
}

impl Inner {
    async fn fetch(&self, url: ClientIdUrl, now: Timestamp) -> Outcome {
        let Ok(_permit) = self.permits.try_acquire() else { return Err(ClientError::Busy) };
        let fetched = self.documents.fetch(&url).await.map_err(ClientError::Unreachable)?;
        let document = Arc::new(ClientDocument::parse(&url, &fetched.bytes)?);
        let seconds = i64::try_from(fetched.fresh_for.as_secs()).unwrap_or(i64::MAX);
        if seconds > 0 {
            let kept = Kept { document: Arc::clone(&document), until: now.plus_seconds(seconds) };
            self.lock().keep(url, kept, now);
        }
        Ok(document)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_fresh(&self, url: &ClientIdUrl, now: Timestamp) -> bool {
        self.kept.get(url).is_some_and(|kept| now < kept.until)
    }

    fn keep(&mut self, url: ClientIdUrl, kept: Kept, now: Timestamp) {
        if self.kept.len() >= KEPT {
            self.kept.retain(|_, kept| now < kept.until);
        }
        if self.kept.len() >= KEPT && !self.kept.contains_key(&url) {
            let first = self.kept.iter().min_by_key(|(_, kept)| kept.until);
            if let Some(url) = first.map(|(url, _)| url.clone()) {
                self.kept.remove(&url);
            }
        }
        self.kept.insert(url, kept);
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.inner.lock().kept.len();
        f.debug_struct("Clients").field("kept", &kept).finish_non_exhaustive()
    }
}
