use std::{error::Error, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use okap_types::ClientIdUrl;

/// A document as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its text, at most [`ClientDocument::LONGEST`](okap_types::ClientDocument::LONGEST) bytes.
    pub bytes: Bytes,
    /// How long it may be used without being fetched again; zero: this once.
    pub fresh_for: Duration,
}

/// Why a document could not be fetched.
///
/// The text may go to a stranger. What it must not learn of the vault's network is in the source.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct FetchError {
    text: String,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl FetchError {
    /// An error with a sentence: lower-case, no full stop.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    /// Adds what is for the log only.
    #[must_use]
    pub fn because(self, source: impl Into<crate::BoxError>) -> Self {
        Self { source: Some(source.into().into()), ..self }
    }
}

/// A future that can be kept in a box.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

/// Fetches the documents that published clients are described by.
///
/// The address is a stranger's choice, so the way there must not lead into the vault's own
/// network.
pub trait Documents: Send + Sync + 'static {
    /// Fetches the document at an address.
    ///
    /// # Behavior
    /// - Follows no redirect; takes status 200 and JSON only, at most 5120 bytes, at most 5 s.
    /// - Connects to public addresses only, judged by what is really connected to.
    /// - Keeps nothing: the caller does, as long as the answer says.
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a>;
}
