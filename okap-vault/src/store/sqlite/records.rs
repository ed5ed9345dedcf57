//! Records under keys, each with a version; the generation, by which nodes know that one was changed.

use okap_engine::record::{Change, Expect, Key, Versioned};
use okap_server::StoreError;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Sqlite, audit};
use crate::store::rows::{count, meta};

impl Sqlite {
    pub(in crate::store) async fn read_records(
        &self,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.read(move |moment| read(moment, &keys)).await
    }

    pub(in crate::store) async fn list_records(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.read(move |moment| list(moment, &prefix, after.as_ref(), most)).await
    }

    pub(in crate::store) async fn generation(&self) -> Result<u64, StoreError> {
        self.read(|moment| {
            moment
                .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
                .query_row([meta::GENERATION], |row| row.get::<_, i64>(0))
                .map(|raised| count(raised).unwrap_or_default())
        })
        .await
    }
}

/// One answer for each key.
fn read(moment: &Connection, keys: &[Key]) -> rusqlite::Result<Vec<Option<Versioned>>> {
    let mut find = moment.prepare_cached("SELECT version, bytes FROM records WHERE key = ?1")?;
    keys.iter().map(|key| find.query_row([key.as_str()], versioned).optional()).collect()
}

/// Records whose key begins with `prefix`, behind `after`, in order of key.
fn list(
    moment: &Connection,
    prefix: &Key,
    after: Option<&Key>,
    most: usize,
) -> rusqlite::Result<Vec<(Key, Versioned)>> {
    // of two lower bounds SQLite seeks to one only, perhaps the wrong one
    let (sql, from) = match after.filter(|after| *after >= prefix) {
        Some(after) => {
            ("SELECT version, bytes, key FROM records WHERE key > ?1 ORDER BY key", after)
        }
        None => ("SELECT version, bytes, key FROM records WHERE key >= ?1 ORDER BY key", prefix),
    };
    let mut found = moment.prepare_cached(sql)?;
    let mut rows = found.query([from.as_str()])?;
    let mut listed = Vec::new();
    while listed.len() < most
        && let Some(row) = rows.next()?
    {
        let key = row.get_ref(2)?.as_str()?;
        if !key.starts_with(prefix.as_str()) {
            break;
        }
        listed.push((Key::stored(key), versioned(row)?));
    }
    Ok(listed)
}

/// Applies changes if every record is as expected; `false`, and nothing written, if one is not.
pub(super) fn apply(tx: &Transaction<'_>, changes: &[Change]) -> rusqlite::Result<bool> {
    for change in changes {
        if let Change::Put { key, expect, .. } = change
            && !stands_as(tx, key, *expect)?
        {
            return Ok(false);
        }
    }
    for change in changes {
        match change {
            Change::Put { key, bytes: Some(bytes), forget_after, .. } => {
                let version = next_version(tx)?;
                let forget_after = forget_after.map(|at| at.unix_millis());
                tx.prepare_cached(
                    "INSERT INTO records (key, version, bytes, forget_after) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (key) DO UPDATE
                     SET version = ?2, bytes = ?3, forget_after = ?4",
                )?
                .execute(params![key.as_str(), version, bytes, forget_after])?;
            }
            Change::Put { key, bytes: None, .. } => {
                tx.prepare_cached("DELETE FROM records WHERE key = ?1")?.execute([key.as_str()])?;
            }
            Change::Append(_) => {}
        }
    }
    if changes.iter().any(Change::is_heard) {
        raise_generation(tx)?;
    }
    let mut rows = changes.iter().filter_map(|change| match change {
        Change::Append(row) => Some(&**row),
        Change::Put { .. } => None,
    });
    if let Some(first) = rows.next() {
        let mut chain = audit::Chain::open(tx)?;
        chain.append(first)?;
        rows.try_for_each(|row| chain.append(row))?;
        chain.close()?;
    }
    Ok(true)
}

/// Tells the nodes that what they remember may have changed.
pub(super) fn raise_generation(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE meta SET value = value + 1 WHERE name = ?1")?
        .execute([meta::GENERATION])?;
    Ok(())
}

fn stands_as(tx: &Transaction<'_>, key: &Key, expect: Expect) -> rusqlite::Result<bool> {
    let mut find = tx.prepare_cached("SELECT version FROM records WHERE key = ?1")?;
    let found: Option<i64> = find.query_row([key.as_str()], |row| row.get(0)).optional()?;
    Ok(match (expect, found) {
        (Expect::Absent, None) => true,
        (Expect::Version(expected), Some(found)) => u64::try_from(found) == Ok(expected),
        _ => false,
    })
}

/// One counter for all keys, so that a key written again after its removal gets a new version.
fn next_version(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    tx.prepare_cached("UPDATE meta SET value = value + 1 WHERE name = 'writes' RETURNING value")?
        .query_row([], |row| row.get(0))
}

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    let version: i64 = row.get(0)?;
    let version =
        u64::try_from(version).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, version))?;
    Ok(Versioned { version, bytes: row.get(1)? })
}
