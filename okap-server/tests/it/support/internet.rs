use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use okap_server::ports::{Documents, FetchError, Fetched, Fetching};
use okap_types::ClientIdUrl;
use serde_json::Value;

use super::House;

/// The internet, as far as documents of clients are on it; it counts who looks.
#[derive(Clone, Default)]
pub(crate) struct Internet(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    sites: HashMap<String, String>,
    visits: Vec<String>,
}

/// How long a document may be kept.
pub(crate) const FRESH: Duration = Duration::from_secs(300);

impl Internet {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, url: &str, text: &str) {
        self.state().sites.insert(url.to_owned(), text.to_owned());
    }

    fn take(&self, url: &str) {
        self.state().sites.remove(url);
    }

    /// How often an address was looked at.
    pub(crate) fn visits(&self, url: &str) -> usize {
        self.state().visits.iter().filter(|visit| *visit == url).count()
    }

    /// How often anything was looked at.
    pub(crate) fn all_visits(&self) -> usize {
        self.state().visits.len()
    }
}

impl Documents for Internet {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        let mut state = self.state();
        state.visits.push(url.as_str().to_owned());
        let found = state.sites.get(url.as_str()).cloned();
        let found = found.ok_or_else(|| FetchError::new("nothing answers there"));
        let found = found.map(|text| Fetched { bytes: text.into(), fresh_for: FRESH });
        Box::pin(async move { found })
    }
}

impl House {
    /// Puts a document onto the internet, in place of what was there.
    pub(crate) fn publish(&self, url: &str, document: &Value) {
        self.internet.put(url, &document.to_string());
    }

    /// Takes a site off the internet.
    pub(crate) fn unplug(&self, url: &str) {
        self.internet.take(url);
    }
}
