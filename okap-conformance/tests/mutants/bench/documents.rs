//! Where the bench's vault finds the documents of clients: nowhere but on this shelf.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use okap_server::ports::{Documents, FetchError, Fetched, Fetching};
use okap_types::ClientIdUrl;

use super::seams::Seams;

/// By address: the text and what the site says in `Cache-Control`. Clones share it.
#[derive(Clone)]
pub(crate) struct Shelf {
    put: Arc<Mutex<BTreeMap<String, (String, String)>>>,
    seams: Arc<Seams>,
}

impl Shelf {
    pub(crate) fn new(seams: Arc<Seams>) -> Self {
        Self { put: Arc::default(), seams }
    }

    pub(crate) fn put(&self, url: &str, document: Option<&str>, cache_control: Option<&str>) {
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        match document {
            Some(text) => {
                let said = cache_control.unwrap_or_default().to_owned();
                put.insert(url.to_owned(), (text.to_owned(), said))
            }
            None => put.remove(url),
        };
    }
}

impl Documents for Shelf {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let found = put.get(url.as_str()).cloned();
        Box::pin(async move {
            let (mut text, said) =
                found.ok_or_else(|| FetchError::new("the site does not answer"))?;
            self.seams.document(&mut text);
            if text.len() > okap_types::ClientDocument::LONGEST {
                return Err(FetchError::new("the document is too long"));
            }
            Ok(Fetched { bytes: text.into(), fresh_for: self.seams.fresh(&said) })
        })
    }
}
