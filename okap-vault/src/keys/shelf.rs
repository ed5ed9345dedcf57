//! Keys in the database: sealed when they go in, opened when they are asked for.

use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Provider, Secret, Timestamp};

use super::{KeptKey, KeyError, Keyring};
use crate::store::Database;

/// Opens an owner's key for a provider, as it stands at this moment.
///
/// # Errors
/// [`StoreError`], with [`KeyError::Damaged`] as its source where the row was tampered with.
pub async fn find(
    database: &Database,
    keyring: &Keyring,
    owner: &Owner,
    provider: &Provider,
) -> Result<Option<Secret<String>>, StoreError> {
    let sealed = database.sealed_key(owner, provider).await?;
    let opened = sealed.map(|sealed| keyring.open(owner, provider, &sealed)).transpose();
    opened.map_err(StoreError::from)
}

/// Seals and keeps a key where there is none.
///
/// # Errors
/// [`KeyError::Present`], [`KeyError::Store`].
pub async fn add(
    database: &Database,
    keyring: &Keyring,
    owner: &Owner,
    provider: &Provider,
    key: &Secret<String>,
    now: Timestamp,
) -> Result<(), KeyError> {
    let sealed = keyring.seal(owner, provider, key)?;
    match database.add_key(owner, provider, sealed, now).await? {
        true => Ok(()),
        false => Err(KeyError::Present(provider.clone())),
    }
}

/// Seals a key and keeps it in place of the one there is; nodes use it within
/// [`REMEMBERED`](okap_server::REMEMBERED).
///
/// # Errors
/// [`KeyError::Absent`], [`KeyError::Store`].
pub async fn rotate(
    database: &Database,
    keyring: &Keyring,
    owner: &Owner,
    provider: &Provider,
    key: &Secret<String>,
    now: Timestamp,
) -> Result<(), KeyError> {
    let sealed = keyring.seal(owner, provider, key)?;
    match database.replace_key(owner, provider, sealed, now).await? {
        true => Ok(()),
        false => Err(KeyError::Absent(provider.clone())),
    }
}

/// Forgets a key; within [`REMEMBERED`](okap_server::REMEMBERED) calls of any grant on it are
/// refused.
///
/// # Errors
/// [`KeyError::Absent`], [`KeyError::Store`].
pub async fn remove(
    database: &Database,
    owner: &Owner,
    provider: &Provider,
) -> Result<(), KeyError> {
    match database.remove_key(owner, provider).await? {
        true => Ok(()),
        false => Err(KeyError::Absent(provider.clone())),
    }
}

/// An owner's keys in order of provider.
///
/// # Errors
/// [`StoreError`].
pub async fn kept(database: &Database, owner: &Owner) -> Result<Vec<KeptKey>, StoreError> {
    database.kept_keys(owner).await
}
