//! Where the bench's vault finds the documents of clients: nowhere but on this shelf.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use okap_server::ports::{Documents, FetchError, Fetched, Fetching};
use okap_types::ClientIdUrl;

use super::seams::Seams;

/// By address: the text and how many seconds it is fresh. Clones share it.
#[derive(Clone)]
pub(crate) struct Shelf {
    put: Arc<Mutex<BTreeMap<String, (String, u32)>>>,
    seams: Arc<Seams>,
}

impl Shelf {
    pub(crate) fn new(seams: Arc<Seams>) -> Self {
        Self { put: Arc::default(), seams }
    }

    pub(crate) fn put(&self, url: &str, document: Option<&str>, fresh: u32) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        match document {
            Some(text) => put.insert(url.to_owned(), (text.to_owned(), fresh)),
            None => put.remove(url),
        };
    }
}

impl Documents for Shelf {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let found = put.get(url.as_str()).cloned();
        Box::pin(async move {
            let (mut text, fresh) =
                found.ok_or_else(|| FetchError::new("the site does not answer"))?;
            self.seams.document(&mut text);
            if text.len() > okap_types::ClientDocument::LONGEST {
                return Err(FetchError::new("the document is too long"));
            }
            Ok(Fetched { bytes: text.into(), fresh_for: Duration::from_secs(u64::from(fresh)) })
        })
    }
}
