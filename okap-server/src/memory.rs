//! A vault that forgets at exit: the reference for what the trait means.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use okap_engine::record::{AuditRow, CallId, Change, Expect, Key, Owner, Versioned};
use okap_types::{Provider, Secret};

use crate::{CommitError, StoreError, Vault};

/// Keeps everything in memory; for tests, demos and as reference semantics.
#[derive(Debug, Default)]
pub struct MemoryVault {
    inner: Mutex<Inner>,
    keys: HashMap<(String, Provider), Secret<String>>,
}

#[derive(Debug, Default)]
struct Inner {
    generation: u64,
    calls: HashSet<CallId>,
    records: BTreeMap<Key, Versioned>,
    audit: Vec<AuditRow>,
    writes: u64,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an owner's key for a provider.
    #[must_use]
    pub fn with_key(mut self, owner: &Owner, provider: Provider, key: Secret<String>) -> Self {
        self.keys.insert((owner.as_str().to_owned(), provider), key);
        self
    }

    /// The audit so far.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditRow> {
        self.lock().audit.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for MemoryVault {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let inner = self.lock();
        Ok(keys.iter().map(|key| inner.records.get(key).cloned()).collect())
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let inner = self.lock();
        let listed = inner
            .records
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.as_str().starts_with(prefix.as_str()))
            .filter(|(key, _)| after.is_none_or(|after| *key > after));
        Ok(listed.take(most).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let mut inner = self.lock();
        let as_expected = changes.iter().all(|change| match change {
            Change::Put { key, expect: Expect::Absent, .. } => !inner.records.contains_key(key),
            Change::Put { key, expect: Expect::Version(version), .. } => {
                inner.records.get(key).is_some_and(|found| found.version == *version)
            }
            Change::Append(_) => true,
        });
        if !as_expected {
            return Err(CommitError::Conflict);
        }
        inner.generation += u64::from(changes.iter().any(Change::is_heard));
        for change in changes {
            match change {
                Change::Put { key, bytes: Some(bytes), .. } => {
                    inner.writes += 1;
                    let version = inner.writes;
                    inner.records.insert(key, Versioned { version, bytes });
                }
                Change::Put { key, bytes: None, .. } => {
                    inner.records.remove(&key);
                }
                Change::Append(row) => {
                    if inner.calls.insert(row.id) {
                        inner.audit.push(Arc::unwrap_or_clone(row));
                    }
                }
            }
        }
        Ok(())
    }

    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        Ok(self.keys.get(&(owner.as_str().to_owned(), provider.clone())).cloned())
    }
    async fn generation(&self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.lock().generation))
    }
}
