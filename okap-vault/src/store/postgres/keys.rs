//! Providers' keys, sealed.

use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Provider, Timestamp};
use tokio_postgres::types::ToSql;

use super::{Broken, Postgres, records::raise_generation};
use crate::store::{KeptKey, Sealed};

impl Postgres {
    pub(in crate::store) async fn sealed_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Sealed>, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let find = client
                .prepare_cached(
                    "SELECT nonce, sealed FROM master_keys WHERE owner = $1 AND provider = $2",
                )
                .await?;
            let found = client.query_opt(&find, &[&owner.as_str(), &provider.as_str()]).await?;
            let Some(row) = found else { return Ok(None) };
            let nonce = row.try_get::<_, &[u8]>(0)?.try_into().map_err(|_| Broken::Odd)?;
            Ok(Some(Sealed { nonce, bytes: row.try_get(1)? }))
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
        let insert = "INSERT INTO master_keys (owner, provider, nonce, sealed, created)
                      VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let parameters: [&(dyn ToSql + Sync); 5] = [
            &owner.as_str(),
            &provider.as_str(),
            &sealed.nonce.as_slice(),
            &sealed.bytes,
            &now.unix_millis(),
        ];
        self.heard(insert, &parameters).await
    }

    pub(in crate::store) async fn replace_key(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE master_keys SET nonce = $3, sealed = $4, rotated = $5
                      WHERE owner = $1 AND provider = $2";
        let parameters: [&(dyn ToSql + Sync); 5] = [
            &owner.as_str(),
            &provider.as_str(),
            &sealed.nonce.as_slice(),
            &sealed.bytes,
            &now.unix_millis(),
        ];
        self.heard(update, &parameters).await
    }

    pub(in crate::store) async fn remove_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<bool, StoreError> {
        let delete = "DELETE FROM master_keys WHERE owner = $1 AND provider = $2";
        self.heard(delete, &[&owner.as_str(), &provider.as_str()]).await
    }

    /// Changes one key. Nodes remember keys: they have to hear of it.
    async fn heard(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<bool, StoreError> {
        self.ask(async {
            let mut client = self.client().await?;
            let tx = client.transaction().await?;
            let changed = tx.execute(statement, parameters).await? == 1;
            if changed {
                raise_generation(&tx).await?;
            }
            tx.commit().await?;
            Ok(changed)
        })
        .await
    }

    pub(in crate::store) async fn kept_keys(
        &self,
        owner: &Owner,
    ) -> Result<Vec<KeptKey>, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let rows = client
                .query(
                    "SELECT provider, created, rotated FROM master_keys WHERE owner = $1
                     ORDER BY provider",
                    &[&owner.as_str()],
                )
                .await?;
            let kept = rows.iter().map(|row| {
                Ok(KeptKey {
                    provider: row.try_get(0)?,
                    created: Timestamp::from_unix_millis(row.try_get(1)?),
                    rotated: row.try_get::<_, Option<i64>>(2)?.map(Timestamp::from_unix_millis),
                })
            });
            kept.collect()
        })
        .await
    }
}
