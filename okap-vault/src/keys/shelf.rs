//! The rows that keep sealed keys.

use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Provider, Secret, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{KeyError, Keyring, Sealed};
use crate::store::Database;

/// A key that is kept, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose models it opens.
    pub provider: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last replaced.
    pub rotated: Option<Timestamp>,
}

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
    let names = [owner.as_str().to_owned(), provider.as_str().to_owned()];
    let sealed = database
        .read(move |moment| {
            moment
                .prepare_cached(
                    "SELECT nonce, sealed FROM master_keys WHERE owner = ?1 AND provider = ?2",
                )?
                .query_row(names, |row| Ok(Sealed { nonce: row.get(0)?, bytes: row.get(1)? }))
                .optional()
        })
        .await?;
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
    let names = (owner.as_str().to_owned(), provider.as_str().to_owned());
    let added = database
        .write(move |tx| {
            tx.execute(
                "INSERT INTO master_keys (owner, provider, nonce, sealed, created)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                params![names.0, names.1, sealed.nonce, sealed.bytes, now.unix_millis()],
            )
        })
        .await?;
    if added == 1 { Ok(()) } else { Err(KeyError::Present(provider.clone())) }
}

/// Seals a key and keeps it in place of the one there is; the next call uses it.
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
    let names = (owner.as_str().to_owned(), provider.as_str().to_owned());
    let replaced = database
        .write(move |tx| {
            tx.execute(
                "UPDATE master_keys SET nonce = ?3, sealed = ?4, rotated = ?5
                 WHERE owner = ?1 AND provider = ?2",
                params![names.0, names.1, sealed.nonce, sealed.bytes, now.unix_millis()],
            )
        })
        .await?;
    if replaced == 1 { Ok(()) } else { Err(KeyError::Absent(provider.clone())) }
}

/// Forgets a key; the next call of any grant on it is refused.
///
/// # Errors
/// [`KeyError::Absent`], [`KeyError::Store`].
pub async fn remove(
    database: &Database,
    owner: &Owner,
    provider: &Provider,
) -> Result<(), KeyError> {
    let names = [owner.as_str().to_owned(), provider.as_str().to_owned()];
    let removed = database
        .write(move |tx| {
            tx.execute("DELETE FROM master_keys WHERE owner = ?1 AND provider = ?2", names)
        })
        .await?;
    if removed == 1 { Ok(()) } else { Err(KeyError::Absent(provider.clone())) }
}

/// An owner's keys in order of provider.
///
/// # Errors
/// [`StoreError`].
pub async fn kept(database: &Database, owner: &Owner) -> Result<Vec<Kept>, StoreError> {
    let owner = owner.as_str().to_owned();
    database
        .read(move |moment| {
            let mut rows = moment.prepare_cached(
                "SELECT provider, created, rotated FROM master_keys WHERE owner = ?1 ORDER BY provider",
            )?;
            let rows = rows.query_map([owner], |row| {
                Ok(Kept {
                    provider: row.get(0)?,
                    created: Timestamp::from_unix_millis(row.get(1)?),
                    rotated: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_unix_millis),
                })
            })?;
            rows.collect()
        })
        .await
}
