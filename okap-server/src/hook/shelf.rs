//! The way to documents of clients, with those on it that the suite has put there.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use okap_types::{ClientDocument, ClientIdUrl};

use crate::ports::{Documents, FetchError, Fetched, Fetching};

/// The ordinary way, and what is found before it is taken.
#[derive(Clone)]
pub(super) struct Shelf(Arc<Parts>);

struct Parts {
    usual: Box<dyn Documents>,
    /// By address: the text and how many seconds it is fresh; `None` for a site that is down.
    put: RwLock<HashMap<String, Option<(Bytes, u32)>>>,
}

impl Shelf {
    pub(super) fn over(usual: impl Documents) -> Self {
        Self(Arc::new(Parts { usual: Box::new(usual), put: RwLock::default() }))
    }

    pub(super) fn put(&self, url: String, document: Option<String>, fresh: u32) {
        let document = document.map(|text| (Bytes::from(text), fresh));
        self.0.put.write().unwrap_or_else(PoisonError::into_inner).insert(url, document);
    }
}

impl Documents for Shelf {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let put = self.0.put.read().unwrap_or_else(PoisonError::into_inner);
        let found = match put.get(url.as_str()) {
            None => return self.0.usual.fetch(url),
            Some(Some((bytes, _))) if bytes.len() > ClientDocument::LONGEST => {
                Err(FetchError::new("the document is too long"))
            }
            Some(Some((bytes, fresh))) => Ok(Fetched {
                bytes: bytes.clone(),
                fresh_for: Duration::from_secs(u64::from(*fresh)),
            }),
            Some(None) => Err(FetchError::new("the site does not answer")),
        };
        Box::pin(async move { found })
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}
