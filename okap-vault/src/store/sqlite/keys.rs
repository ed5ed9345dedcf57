//! Providers' keys, sealed.

use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Provider, Timestamp};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Sqlite, records::raise_generation};
use crate::store::{KeptKey, Sealed};

impl Sqlite {
    pub(in crate::store) async fn sealed_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Sealed>, StoreError> {
        let names = [owner.as_str().to_owned(), provider.as_str().to_owned()];
        self.read(move |moment| {
            moment
                .prepare_cached(
                    "SELECT nonce, sealed FROM master_keys WHERE owner = ?1 AND provider = ?2",
                )?
                .query_row(names, |row| Ok(Sealed { nonce: row.get(0)?, bytes: row.get(1)? }))
                .optional()
        })
        .await
    }

    pub(in crate::store) async fn add_key(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (owner, provider) = (owner.clone(), provider.clone());
        self.write(move |tx| {
            let added = tx.execute(
                "INSERT INTO master_keys (owner, provider, nonce, sealed, created)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                params![
                    owner.as_str(),
                    provider.as_str(),
                    sealed.nonce,
                    sealed.bytes,
                    now.unix_millis()
                ],
            )?;
            heard(tx, added)
        })
        .await
    }

    pub(in crate::store) async fn replace_key(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (owner, provider) = (owner.clone(), provider.clone());
        self.write(move |tx| {
            let replaced = tx.execute(
                "UPDATE master_keys SET nonce = ?3, sealed = ?4, rotated = ?5
                 WHERE owner = ?1 AND provider = ?2",
                params![
                    owner.as_str(),
                    provider.as_str(),
                    sealed.nonce,
                    sealed.bytes,
                    now.unix_millis()
                ],
            )?;
            heard(tx, replaced)
        })
        .await
    }

    pub(in crate::store) async fn remove_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<bool, StoreError> {
        let names = [owner.as_str().to_owned(), provider.as_str().to_owned()];
        self.write(move |tx| {
            let delete = "DELETE FROM master_keys WHERE owner = ?1 AND provider = ?2";
            let removed = tx.execute(delete, names)?;
            heard(tx, removed)
        })
        .await
    }

    pub(in crate::store) async fn kept_keys(
        &self,
        owner: &Owner,
    ) -> Result<Vec<KeptKey>, StoreError> {
        let owner = owner.as_str().to_owned();
        self.read(move |moment| {
            let mut rows = moment.prepare_cached(
                "SELECT provider, created, rotated FROM master_keys WHERE owner = ?1 ORDER BY provider",
            )?;
            let rows = rows.query_map([owner], |row| {
                Ok(KeptKey {
                    provider: row.get(0)?,
                    created: Timestamp::from_unix_millis(row.get(1)?),
                    rotated: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_unix_millis),
                })
            })?;
            rows.collect()
        })
        .await
    }
}

/// Nodes remember keys: they have to hear of it.
fn heard(tx: &Transaction<'_>, changed: usize) -> rusqlite::Result<bool> {
    if changed == 1 {
        raise_generation(tx)?;
    }
    Ok(changed == 1)
}
