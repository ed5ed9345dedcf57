//! Records under keys, each with a version; and the commit, one transaction.

use std::collections::HashMap;

use deadpool_postgres::{Object, Transaction};
use okap_engine::record::{Change, Expect, Key, Versioned};
use okap_server::StoreError;
use okap_types::Timestamp;
use tokio::try_join;
use tokio_postgres::Row;

use super::{Broken, Postgres, audit, listen::CHANNEL};
use crate::store::rows::{count, meta, number};

impl Postgres {
    pub(in crate::store) async fn read_records(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<Versioned>>, StoreError> {
        let names: Vec<&str> = keys.iter().map(Key::as_str).collect();
        self.ask(async {
            let client = self.client().await?;
            let find = client
                .prepare_cached("SELECT version, bytes, key FROM records WHERE key = ANY($1)")
                .await?;
            let mut found = HashMap::new();
            for row in client.query(&find, &[&names]).await? {
                found.insert(row.try_get::<_, String>(2)?, versioned(&row)?);
            }
            Ok(names.iter().map(|name| found.get(*name).cloned()).collect())
        })
        .await
    }

    pub(in crate::store) async fn list_records(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.ask(async {
            let client = self.client().await?;
            // the first comparison seeks, the last ends the seeking where the prefix does
            let (from, sign) = match after.filter(|after| *after >= prefix) {
                Some(after) => (after, ">"),
                None => (prefix, ">="),
            };
            let sql = format!(
                "SELECT version, bytes, key FROM records
                 WHERE key {sign} $1 AND key < $2 || chr(1114111) AND starts_with(key, $2)
                 ORDER BY key LIMIT $3"
            );
            let find = client.prepare_cached(&sql).await?;
            let rows = client.query(&find, &[&from.as_str(), &prefix.as_str(), &most]).await?;
            let listed = rows.iter().map(|row| Ok((Key::stored(row.try_get(2)?), versioned(row)?)));
            listed.collect()
        })
        .await
    }

    pub(in crate::store) async fn generation(&self) -> Result<u64, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let find =
                client.prepare_cached("SELECT value::bigint FROM meta WHERE name = $1").await?;
            let found = client.query_one(&find, &[&meta::GENERATION]).await?;
            count(found.try_get(0)?).ok_or(Broken::Odd)
        })
        .await
    }

    /// The server's clock, which is one for all nodes.
    pub(in crate::store) async fn time(&self) -> Result<Timestamp, StoreError> {
        self.ask(async {
            let client = self.client().await?;
            let tell = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
            let tell = client.prepare_cached(tell).await?;
            Ok(Timestamp::from_unix_millis(client.query_one(&tell, &[]).await?.try_get(0)?))
        })
        .await
    }
}

/// Applies changes if every record is as expected; `false`, and nothing written, if one is not.
///
/// Rows are locked in order of key, then the generation, then the head of the audit, so that
/// commits wait for each other and do not meet head-on.
pub(super) async fn commit(client: &mut Object, changes: &[Change]) -> Result<bool, Broken> {
    let tx = client.transaction().await?;
    if !put(&tx, changes).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    if changes.iter().any(Change::is_heard) {
        raise_generation(&tx).await?;
    }
    let appended = changes.iter().filter_map(|change| match change {
        Change::Append(row) => Some(&**row),
        Change::Put { .. } => None,
    });
    audit::append(&tx, &appended.collect::<Vec<_>>()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Tells the nodes, once the transaction is done, that what they remember may have changed.
pub(super) async fn raise_generation(tx: &Transaction<'_>) -> Result<(), Broken> {
    let raise = tx
        .prepare_cached("UPDATE meta SET value = (value::bigint + 1)::text WHERE name = $1")
        .await?;
    let tell = tx.prepare_cached("SELECT pg_notify($1, '')").await?;
    try_join!(tx.execute(&raise, &[&meta::GENERATION]), tx.execute(&tell, &[&CHANNEL]))?;
    Ok(())
}

/// The records of a commit, by what is done to them.
#[derive(Default)]
struct Puts<'a> {
    names: Vec<&'a str>,
    bytes: Vec<&'a [u8]>,
    forget_after: Vec<Option<i64>>,
}

async fn put(tx: &Transaction<'_>, changes: &[Change]) -> Result<bool, Broken> {
    let mut expected = HashMap::new();
    let (mut new, mut changed, mut removed) = (Puts::default(), Puts::default(), Vec::new());
    for change in changes {
        let Change::Put { key, expect, bytes, forget_after } = change else { continue };
        let name = key.as_str();
        expected.insert(name, *expect);
        let Some(bytes) = bytes else {
            removed.push(name);
            continue;
        };
        let puts = if *expect == Expect::Absent { &mut new } else { &mut changed };
        puts.names.push(name);
        puts.bytes.push(bytes);
        puts.forget_after.push(forget_after.map(|at| at.unix_millis()));
    }
    if expected.is_empty() {
        return Ok(true);
    }
    let names: Vec<&str> = expected.keys().copied().collect();
    let lock = tx
        .prepare_cached(
            "SELECT key, version FROM records WHERE key = ANY($1) ORDER BY key FOR UPDATE",
        )
        .await?;
    let mut found = HashMap::new();
    for row in tx.query(&lock, &[&names]).await? {
        found.insert(row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?);
    }
    let as_expected = |(name, expect): (&&str, &Expect)| match (expect, found.get(*name)) {
        (Expect::Absent, None) => true,
        (Expect::Version(expected), Some(found)) => number(*expected) == *found,
        _ => false,
    };
    if !expected.iter().all(as_expected) {
        return Ok(false);
    }
    let inserting = async {
        if new.names.is_empty() {
            return Ok(true);
        }
        let insert = tx
            .prepare_cached(
                "INSERT INTO records (key, version, bytes, forget_after)
                 SELECT put.key, nextval('record_writes'), put.bytes, put.forget_after
                 FROM UNNEST($1::text[], $2::bytea[], $3::bigint[]) AS put (key, bytes, forget_after)
                 ORDER BY put.key COLLATE \"C\"
                 ON CONFLICT (key) DO NOTHING",
            )
            .await?;
        let added = tx.execute(&insert, &[&new.names, &new.bytes, &new.forget_after]).await?;
        // fewer where another commit has put one there meanwhile
        Ok::<_, Broken>(usize::try_from(added) == Ok(new.names.len()))
    };
    let updating = async {
        if changed.names.is_empty() {
            return Ok(());
        }
        let update = tx
            .prepare_cached(
                "UPDATE records SET version = nextval('record_writes'), bytes = put.bytes,
                                    forget_after = put.forget_after
                 FROM UNNEST($1::text[], $2::bytea[], $3::bigint[]) AS put (key, bytes, forget_after)
                 WHERE records.key = put.key",
            )
            .await?;
        tx.execute(&update, &[&changed.names, &changed.bytes, &changed.forget_after]).await?;
        Ok(())
    };
    let removing = async {
        if removed.is_empty() {
            return Ok(());
        }
        let delete = tx.prepare_cached("DELETE FROM records WHERE key = ANY($1)").await?;
        tx.execute(&delete, &[&removed]).await?;
        Ok(())
    };
    let (added, (), ()) = try_join!(inserting, updating, removing)?;
    Ok(added)
}

fn versioned(row: &Row) -> Result<Versioned, Broken> {
    let version = count(row.try_get(0)?).ok_or(Broken::Odd)?;
    Ok(Versioned { version, bytes: row.try_get(1)? })
}
