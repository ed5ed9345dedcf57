//! The way to documents of clients, with those on it that the suite has put there.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use okap_types::{ClientDocument, ClientIdUrl};

use crate::ports::{Documents, FetchError, Fetched, Fetching, fresh_for};

/// The ordinary way, and what is found before it is taken.
#[derive(Clone)]
pub(super) struct Shelf(Arc<Parts>);

struct Parts {
    usual: Box<dyn Documents>,
    /// By address; `None` for a site that is down.
    put: RwLock<HashMap<String, Option<Fetched>>>,
}

impl Shelf {
    pub(super) fn over(usual: impl Documents) -> Self {
        Self(Arc::new(Parts { usual: Box::new(usual), put: RwLock::default() }))
    }

    /// Puts a document there, kept as long as these words of the site's allow.
    pub(super) fn put(
        &self,
        url: String,
        document: Option<String>,
        cache_control: Option<&str>,
    ) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        if let Some(said) = cache_control {
            let said = HeaderValue::from_str(said).map_err(|error| error.to_string())?;
            headers.insert(header::CACHE_CONTROL, said);
        }
        let fresh_for = fresh_for(&headers);
        let found = document.map(|text| Fetched { bytes: Bytes::from(text), fresh_for });
        self.0.put.write().unwrap_or_else(PoisonError::into_inner).insert(url, found);
        Ok(())
    }
}

impl Documents for Shelf {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let put = self.0.put.read().unwrap_or_else(PoisonError::into_inner);
        let found = match put.get(url.as_str()) {
            None => return self.0.usual.fetch(url),
            Some(Some(found)) if found.bytes.len() > ClientDocument::LONGEST => {
                Err(FetchError::new("the document is too long"))
            }
            Some(Some(found)) => Ok(found.clone()),
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
