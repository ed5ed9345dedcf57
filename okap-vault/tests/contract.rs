//! The SQLite store keeps every promise of the `Vault` trait.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use okap_engine::record::{Change, Key, Owner, Versioned};
use okap_server::{CommitError, StoreError, Vault};
use okap_types::{Provider, Secret};
use okap_vault::store::StoredVault;
use tempfile::TempDir;

/// A vault whose directory goes with it.
struct Tested(StoredVault, #[allow(dead_code, reason = "kept for its drop")] TempDir);

impl Vault for Tested {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.0.read(keys).await
    }
    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        self.0.list(prefix, after, most).await
    }
    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }
    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        self.0.master_key(owner, provider).await
    }
    async fn generation(&self) -> Result<Option<u64>, StoreError> {
        self.0.generation().await
    }
}

async fn open() -> Tested {
    let home = tempfile::tempdir().unwrap();
    let vault = StoredVault::open(home.path(), &Secret::from("correct horse")).await.unwrap();
    Tested(vault, home)
}

okap_server::testkit::vault_contract!(open);
