use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use okap_types::Secret;

use super::{Storing, TokenStore};

/// Keeps access while the app runs.
///
/// ```
/// # async fn keep() -> Result<(), okap_client::StoreError> {
/// use okap_client::{MemoryStore, TokenStore};
/// let store = MemoryStore::new();
/// store.save("https://vault.example.com", &"text".into()).await?;
/// assert!(store.load("https://vault.example.com/").await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Secret<String>>>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Secret<String>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, issuer: &'a str) -> Storing<'a, Option<Secret<String>>> {
        Box::pin(async move { Ok(self.with(|kept| kept.get(issuer).cloned())) })
    }

    fn save<'a>(&'a self, issuer: &'a str, access: &'a Secret<String>) -> Storing<'a, ()> {
        Box::pin(async move {
            self.with(|kept| kept.insert(issuer.to_owned(), access.clone()));
            Ok(())
        })
    }

    fn remove<'a>(&'a self, issuer: &'a str) -> Storing<'a, ()> {
        Box::pin(async move {
            self.with(|kept| kept.remove(issuer));
            Ok(())
        })
    }
}
