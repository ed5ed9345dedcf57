use std::{path::Path, sync::Arc};

use okap_engine::record::{Change, Key, Owner, Versioned};
use okap_server::{CommitError, StoreError, Vault};
use okap_types::{Provider, Secret, Timestamp};

use super::Database;
use crate::keys::{self, Keyring};

/// A vault in its database, with its keyring.
#[derive(Clone, Debug)]
pub struct StoredVault {
    database: Database,
    keyring: Option<Arc<Keyring>>,
}

/// A key was asked for while the keyring is closed.
#[derive(Debug, thiserror::Error)]
#[error("the keyring is closed")]
struct Closed;

impl StoredVault {
    /// A vault over an open database and its keyring.
    #[must_use]
    pub fn new(database: Database, keyring: Keyring) -> Self {
        Self { database, keyring: Some(Arc::new(keyring)) }
    }

    /// A vault whose keys stay closed; grants can be seen and revoked.
    #[must_use]
    pub fn without_keys(database: Database) -> Self {
        Self { database, keyring: None }
    }

    /// Opens the vault in a directory with its passphrase; makes both where there is none.
    ///
    /// # Errors
    /// What stands in the way, with its causes.
    pub async fn open(directory: &Path, passphrase: &Secret<String>) -> anyhow::Result<Self> {
        let database = crate::home::Home::create(directory)?.database().await?;
        let keyring = match keys::lock(&database).await? {
            None => Keyring::create(&database, passphrase, None).await?,
            Some(_) => {
                Keyring::unlock(&database, &keys::Opener::Passphrase(passphrase.clone())).await?
            }
        };
        Ok(Self::new(database, keyring))
    }

    /// The database, for what is not OKAP's: users, sessions, the audit.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The keyring.
    ///
    /// # Errors
    /// [`StoreError`] where the keyring is closed.
    pub fn keyring(&self) -> Result<&Keyring, StoreError> {
        self.keyring.as_deref().ok_or_else(|| StoreError::new(Closed))
    }
}

impl Vault for StoredVault {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.database.read(keys.to_vec()).await
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        self.database.list(prefix, after, most).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.database.commit(changes).await
    }

    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        keys::find(&self.database, self.keyring()?, owner, provider).await
    }

    async fn generation(&self) -> Result<Option<u64>, StoreError> {
        self.database.generation().await.map(Some)
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.database.time().await
    }

    async fn changed(&self) {
        self.database.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call keeps room for whatever it may wait for, and is moved with it; thousands are under way.
    #[tokio::test]
    async fn a_call_carries_little_room_for_the_store() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::open(&home.path().join("vault.db")).await.unwrap();
        let vault = StoredVault::without_keys(database);
        let (owner, key) = (Owner::new("me"), Key::stored("grant/g"));
        for (what, bytes) in [
            ("read", size_of_val(&vault.read(&[]))),
            ("list", size_of_val(&vault.list(&key, None, 1))),
            ("commit", size_of_val(&vault.commit(Vec::new()))),
            ("master_key", size_of_val(&vault.master_key(&owner, &Provider::OpenAi))),
            ("generation", size_of_val(&vault.generation())),
            ("time", size_of_val(&vault.time())),
        ] {
            assert!(bytes <= 768, "{what}: {bytes} bytes");
        }
    }
}
