//! A vault that forgets at exit: the reference for what the trait means.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use okap_engine::record::{AuditRow, CallId, Change, Expect, Key, Owner, Versioned};
use okap_types::{Provider, Secret};
use serde::{Deserialize, Serialize};

use crate::{CommitError, StoreError, Vault};

/// Keeps everything in memory; for tests, demos and as reference semantics.
#[derive(Debug, Default)]
pub struct MemoryVault {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    generation: u64,
    calls: HashSet<CallId>,
    records: BTreeMap<Key, Versioned>,
    audit: Vec<AuditRow>,
    writes: u64,
    keys: HashMap<(String, Provider), Secret<String>>,
}

/// What stands in a file: all but the keys.
#[derive(Serialize, Deserialize)]
struct Written {
    generation: u64,
    writes: u64,
    /// Key, version and text of each record.
    records: Vec<(String, u64, String)>,
    audit: Vec<AuditRow>,
}

impl MemoryVault {
    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an owner's key for a provider.
    #[must_use]
    pub fn with_key(self, owner: &Owner, provider: Provider, key: Secret<String>) -> Self {
        self.keep_key(owner, provider, key);
        self
    }

    /// Adds an owner's key for a provider to a vault that is being used, or replaces it; a node that
    /// remembers the earlier one goes by that for [`REMEMBERED`](crate::REMEMBERED) at most.
    pub fn keep_key(&self, owner: &Owner, provider: Provider, key: Secret<String>) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.keys.insert((owner.as_str().to_owned(), provider), key);
    }

    /// Everything that is kept, as JSON; master keys are left out.
    ///
    /// # Errors
    /// [`StoreError`] where a record is no text: none of those that a vault writes by itself.
    pub fn written_out(&self) -> Result<Vec<u8>, StoreError> {
        let inner = self.lock();
        let records = inner.records.iter().map(|(key, found)| {
            let text = String::from_utf8(found.bytes.clone()).map_err(StoreError::new)?;
            Ok((key.as_str().to_owned(), found.version, text))
        });
        let records = records.collect::<Result<_, StoreError>>()?;
        let (generation, writes, audit) = (inner.generation, inner.writes, inner.audit.clone());
        serde_json::to_vec(&Written { generation, writes, records, audit }).map_err(StoreError::new)
    }

    /// A vault without keys that goes on where another was [written out](Self::written_out).
    ///
    /// ```
    /// use okap_server::MemoryVault;
    /// let again = MemoryVault::read_back(&MemoryVault::new().written_out()?)?;
    /// assert!(again.audit().is_empty());
    /// # Ok::<(), okap_server::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] for other bytes than those.
    pub fn read_back(written: &[u8]) -> Result<Self, StoreError> {
        let Written { generation, writes, records, audit } =
            serde_json::from_slice(written).map_err(StoreError::new)?;
        let records = records.into_iter().map(|(key, version, text)| {
            (Key::stored(&key), Versioned { version, bytes: text.into_bytes() })
        });
        let (calls, keys) = (audit.iter().map(|row| row.id).collect(), HashMap::new());
        let records = records.collect();
        Ok(Self { inner: Mutex::new(Inner { generation, calls, records, audit, writes, keys }) })
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
        Ok(self.lock().keys.get(&(owner.as_str().to_owned(), provider.clone())).cloned())
    }

    async fn generation(&self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.lock().generation))
    }
}
