//! Takes in a whole vault, in one transaction.

use deadpool_postgres::Transaction;
use tokio::sync::mpsc;
use tokio_postgres::types::ToSql;

use super::{Broken, Postgres, audit::Columns};
use crate::store::{
    AuditEntry, Head,
    rows::{count, meta},
    transfer::{KeyRow, MoveError, Moved, Piece, RecordRow, broke_off},
};

/// Why a transfer ends before it is done.
enum Ended {
    Broken(Broken),
    Refused(MoveError),
}

impl<E: Into<Broken>> From<E> for Ended {
    fn from(broken: E) -> Self {
        Self::Broken(broken.into())
    }
}

impl Postgres {
    /// Writes all pieces, compares what arrived, and makes it durable.
    pub(in crate::store) async fn receive_all(
        &self,
        pieces: mpsc::Receiver<Piece>,
    ) -> Result<Moved, MoveError> {
        // as long as it takes: the pieces set the pace
        self.receive(pieces).await.map_err(|ended| match ended {
            Ended::Refused(error) => error,
            Ended::Broken(broken) => okap_server::StoreError::new(broken.at(self.place())).into(),
        })
    }

    async fn receive(&self, mut pieces: mpsc::Receiver<Piece>) -> Result<Moved, Ended> {
        let mut client = self.client().await?;
        let tx = client.transaction().await?;
        tx.batch_execute(
            "SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = 0;
             LOCK TABLE records, audit, master_keys, users, sessions, meta IN ACCESS EXCLUSIVE MODE",
        )
        .await?;
        let there = tx
            .query_one(
                "SELECT EXISTS (SELECT 1 FROM records) OR EXISTS (SELECT 1 FROM audit)
                     OR EXISTS (SELECT 1 FROM master_keys) OR EXISTS (SELECT 1 FROM users)
                     OR EXISTS (SELECT 1 FROM meta WHERE name = $1)",
                &[&meta::KEYRING],
            )
            .await?;
        if there.try_get(0)? {
            return Err(Ended::Refused(MoveError::NotEmpty(self.place().clone())));
        }
        tx.execute("DELETE FROM meta", &[]).await?;
        let mut sent = Moved { records: 0, calls: 0, keys: 0, sessions: 0, head: Head::START };
        let mut is_whole = false;
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Records(rows) => {
                    sent.records = plus(sent.records, rows.len());
                    records(&tx, rows).await?;
                }
                Piece::Calls(rows) => {
                    sent.calls = plus(sent.calls, rows.len());
                    calls(&tx, &rows).await?;
                }
                Piece::Keys(rows) => {
                    sent.keys = plus(sent.keys, rows.len());
                    keys(&tx, rows).await?;
                }
                Piece::Users(rows) => {
                    for (name, hash, created) in rows {
                        let insert = "INSERT INTO users VALUES ($1, $2, $3)";
                        tx.execute(insert, &[&name, &hash, &created]).await?;
                    }
                }
                Piece::Sessions(rows) => {
                    sent.sessions = plus(sent.sessions, rows.len());
                    for (hash, owner, csrf, created, expires) in rows {
                        let insert = "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)";
                        tx.execute(insert, &[&hash, &owner, &csrf, &created, &expires]).await?;
                    }
                }
                Piece::Meta(rows) => {
                    for (name, value) in rows {
                        tx.execute("INSERT INTO meta VALUES ($1, $2)", &[&name, &value]).await?;
                        if name == meta::HEAD {
                            sent.head = Head::read(&value).ok_or(Broken::Odd)?;
                        }
                    }
                }
                Piece::Writes(writes) => {
                    tx.execute("SELECT setval('record_writes', $1)", &[&writes.max(1)]).await?;
                    is_whole = true;
                }
            }
        }
        if !is_whole {
            return Err(Ended::Refused(broke_off(self.place())));
        }
        compare(&tx, &sent).await?;
        tx.commit().await?;
        Ok(sent)
    }
}

fn plus(sum: u64, more: usize) -> u64 {
    sum.saturating_add(u64::try_from(more).unwrap_or(u64::MAX))
}

async fn compare(tx: &Transaction<'_>, sent: &Moved) -> Result<(), Ended> {
    for (what, table, sent) in [
        ("records", "records", sent.records),
        ("rows of the audit", "audit", sent.calls),
        ("keys", "master_keys", sent.keys),
        ("sessions", "sessions", sent.sessions),
    ] {
        let found = tx.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[]).await?;
        let arrived = count(found.try_get(0)?).ok_or(Broken::Odd)?;
        if arrived != sent {
            return Err(Ended::Refused(MoveError::Lost { what, sent, arrived }));
        }
    }
    // the last seal that arrived stands for all before it
    let last = tx.query_opt("SELECT seq, seal FROM audit ORDER BY seq DESC LIMIT 1", &[]).await?;
    let arrived = match last {
        None => Head::START,
        Some(row) => {
            let seal = okap_engine::record::Seal::from_bytes(row.try_get(1)?);
            Head {
                seq: count(row.try_get(0)?).ok_or(Broken::Odd)?,
                seal: seal.map_err(|_| Broken::Odd)?,
            }
        }
    };
    match arrived == sent.head {
        true => Ok(()),
        false => Err(Ended::Refused(MoveError::Lost {
            what: "seals up to the head of the audit",
            sent: sent.head.seq,
            arrived: arrived.seq,
        })),
    }
}

async fn records(tx: &Transaction<'_>, rows: Vec<RecordRow>) -> Result<(), Broken> {
    let (mut names, mut versions, mut bytes, mut forget) = (vec![], vec![], vec![], vec![]);
    for row in rows {
        names.push(row.key);
        versions.push(row.version);
        bytes.push(row.bytes);
        forget.push(row.forget_after);
    }
    let insert = tx
        .prepare_cached(
            "INSERT INTO records (key, version, bytes, forget_after)
             SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::bytea[], $4::bigint[])",
        )
        .await?;
    tx.execute(&insert, &[&names, &versions, &bytes, &forget]).await?;
    Ok(())
}

async fn calls(tx: &Transaction<'_>, entries: &[AuditEntry]) -> Result<(), Ended> {
    let mut columns = Columns::default();
    for entry in entries {
        let (Some(row), Some(seal)) = (&entry.row, &entry.seal) else {
            return Err(Ended::Refused(MoveError::Unreadable(entry.seq)));
        };
        columns.push(entry.seq, row, entry.form, seal);
    }
    Ok(columns.insert(tx).await?)
}

async fn keys(tx: &Transaction<'_>, rows: Vec<KeyRow>) -> Result<(), Broken> {
    for row in rows {
        let parameters: [&(dyn ToSql + Sync); 6] =
            [&row.owner, &row.provider, &row.nonce, &row.sealed, &row.created, &row.rotated];
        tx.execute(
            "INSERT INTO master_keys (owner, provider, nonce, sealed, created, rotated)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &parameters,
        )
        .await?;
    }
    Ok(())
}
