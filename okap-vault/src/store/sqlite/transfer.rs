//! Reads out the whole vault while nobody else writes.

use okap_server::StoreError;
use rusqlite::{Row, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::{Sqlite, audit};
use crate::store::transfer::{KeyRow, Piece, RecordRow};

/// Rows in one piece.
const ROWS: u32 = 500;

impl Sqlite {
    /// Sends all there is, and holds the write lock until it is told to let go.
    pub(in crate::store) async fn send_all(
        &self,
        send: mpsc::Sender<Piece>,
        until: oneshot::Receiver<()>,
    ) -> Result<(), StoreError> {
        self.write(move |tx| {
            all(tx, &send)?;
            drop(send);
            // an error means that the other side is gone
            let _ = until.blocking_recv();
            Ok(())
        })
        .await
    }
}

fn all(tx: &Transaction<'_>, send: &mpsc::Sender<Piece>) -> rusqlite::Result<()> {
    // where nobody receives any more, the other side says why
    let gone = |piece| send.blocking_send(piece).is_err();
    let mut after = String::new();
    loop {
        let sql = "SELECT key, version, bytes, forget_after FROM records WHERE key > ?1
                   ORDER BY key LIMIT ?2";
        let mut page = tx.prepare_cached(sql)?;
        let rows: Vec<_> =
            page.query_map((&after, ROWS), record)?.collect::<rusqlite::Result<_>>()?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.key);
        if gone(Piece::Records(rows)) {
            return Ok(());
        }
    }
    let mut after = 0;
    loop {
        let rows = audit::page(tx, after, ROWS)?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        if gone(Piece::Calls(rows)) {
            return Ok(());
        }
    }
    let keys =
        list(tx, "SELECT owner, provider, nonce, sealed, created, rotated FROM master_keys", key)?;
    let users = list(tx, "SELECT name, password_hash, created FROM users", |row| row.try_into())?;
    let sessions =
        list(tx, "SELECT hash, owner, csrf, created, expires FROM sessions", |row| row.try_into())?;
    let values = list(
        tx,
        "SELECT name, CAST(value AS TEXT) FROM meta WHERE name NOT IN ('writes', 'audit_listed')",
        |row| row.try_into(),
    )?;
    let writes =
        tx.query_row("SELECT value FROM meta WHERE name = 'writes'", [], |row| row.get(0))?;
    let pieces = [
        Piece::Keys(keys),
        Piece::Users(users),
        Piece::Sessions(sessions),
        Piece::Meta(values),
        Piece::Writes(writes),
    ];
    pieces.into_iter().any(gone);
    Ok(())
}

fn list<T>(
    tx: &Transaction<'_>,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    tx.prepare(sql)?.query_map([], read)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<RecordRow> {
    Ok(RecordRow {
        key: row.get(0)?,
        version: row.get(1)?,
        bytes: row.get(2)?,
        forget_after: row.get(3)?,
    })
}

fn key(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        owner: row.get(0)?,
        provider: row.get(1)?,
        nonce: row.get(2)?,
        sealed: row.get(3)?,
        created: row.get(4)?,
        rotated: row.get(5)?,
    })
}
