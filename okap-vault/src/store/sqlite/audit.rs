//! One row a call that was let through, chained; and sums over them.

use std::collections::HashMap;

use okap_engine::{
    pico::Pico,
    record::{AuditRow, CallId, End, Owner, SEAL_FORM, Seal},
};
use okap_server::StoreError;
use okap_types::{GrantId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Transaction, params};

use super::Sqlite;
use crate::store::{
    AuditEntry, Head, Spent,
    rows::{self, meta, more, number, storable},
};

/// The columns of an [`AuditEntry`], in the order in which [`entry`] reads them.
const ENTRY: &str = "seq, node, number, at, grant_id, owner, provider, model, operation, status, input, \
                     output, more, cost, estimated, prices, end, form, seal";

/// The end of the chain, open for more rows of one transaction.
pub(super) struct Chain<'a> {
    tx: &'a Transaction<'a>,
    insert: CachedStatement<'a>,
    head: Head,
}

impl<'a> Chain<'a> {
    pub(super) fn open(tx: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        let insert = tx.prepare_cached(
            "INSERT INTO audit (seq, node, number, at, grant_id, owner, provider, model, operation,
                                status, input, output, more, cost, estimated, prices, end, form, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                     ?19)
             ON CONFLICT (node, number) DO NOTHING",
        )?;
        Ok(Self { tx, insert, head: head(tx)? })
    }

    /// Adds a row behind the others, if its call has none yet.
    pub(super) fn append(&mut self, row: &AuditRow) -> rusqlite::Result<()> {
        let row = storable(row);
        let next = Head { seq: self.head.seq.saturating_add(1), seal: self.head.seal.next(&row) };
        let added = self.insert.execute(params![
            number(next.seq),
            number(row.id.node),
            number(row.id.number),
            row.at.unix_millis(),
            row.grant.as_str(),
            row.owner.as_str(),
            row.provider.as_str(),
            row.model,
            row.operation,
            row.status,
            number(row.usage.input),
            number(row.usage.output),
            more(&row.usage),
            number(row.cost.get()),
            row.estimated,
            row.prices,
            row.end.as_str(),
            SEAL_FORM,
            next.seal.as_bytes(),
        ])?;
        if added == 1 {
            self.head = next;
        }
        Ok(())
    }

    /// Writes down where the chain stands.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        self.tx
            .prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?
            .execute((meta::HEAD, self.head.stored()))?;
        Ok(())
    }
}

fn head(moment: &Connection) -> rusqlite::Result<Head> {
    moment.prepare_cached("SELECT value FROM meta WHERE name = ?1")?.query_row(
        [meta::HEAD],
        |row| {
            let text = row.get_ref(0)?.as_str()?;
            Head::read(text).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, 0))
        },
    )
}

/// The last row that is listed by its grant.
fn listed(moment: &Connection) -> rusqlite::Result<i64> {
    moment
        .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([meta::LISTED], |row| row.get(0))
}

/// Lists more rows by their grants; returns how many.
pub(super) fn list(tx: &Transaction<'_>, most: u32) -> rusqlite::Result<usize> {
    let after = listed(tx)?;
    let upto = after.saturating_add(i64::from(most));
    let rows = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO audit_of_grant
             SELECT grant_id, seq FROM audit WHERE seq > ?1 AND seq <= ?2 ORDER BY grant_id, seq",
        )?
        .execute((after, upto))?;
    if rows > 0 {
        tx.execute(
            "UPDATE meta SET value = (SELECT MAX(seq) FROM audit WHERE seq <= ?2) WHERE name = ?1",
            (meta::LISTED, upto),
        )?;
    }
    Ok(rows)
}

impl Sqlite {
    pub(in crate::store) async fn spent(
        &self,
        since: Option<Timestamp>,
        grant: Option<GrantId>,
    ) -> Result<Vec<Spent>, StoreError> {
        self.read(move |moment| spent(moment, since, grant.as_ref())).await
    }

    pub(in crate::store) async fn latest_calls(
        &self,
        grant: &GrantId,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let (grant, most) = (grant.clone(), i64::try_from(most).unwrap_or(i64::MAX));
        self.read(move |moment| {
            // those that are not listed yet are the latest
            let listed = listed(moment)?;
            let sql = format!(
                "SELECT {ENTRY} FROM audit WHERE seq > ?1 AND grant_id = ?2 ORDER BY seq DESC LIMIT ?3"
            );
            let mut calls: Vec<_> = moment
                .prepare_cached(&sql)?
                .query_map(params![listed, grant.as_str(), most], entry)?
                .collect::<rusqlite::Result<_>>()?;
            let rest = most.saturating_sub(i64::try_from(calls.len()).unwrap_or(most));
            let sql = format!(
                "SELECT {ENTRY} FROM audit WHERE seq IN
                 (SELECT seq FROM audit_of_grant WHERE grant_id = ?1 ORDER BY seq DESC LIMIT ?2)
                 ORDER BY seq DESC"
            );
            let mut older = moment.prepare_cached(&sql)?;
            for call in older.query_map(params![grant.as_str(), rest], entry)? {
                calls.push(call?);
            }
            Ok(calls)
        })
        .await
    }

    pub(in crate::store) async fn last_calls(
        &self,
        grants: Vec<GrantId>,
    ) -> Result<HashMap<GrantId, Timestamp>, StoreError> {
        self.read(move |moment| {
            let mut unlisted = moment
                .prepare_cached("SELECT grant_id, at FROM audit WHERE seq > ?1 ORDER BY seq")?;
            let mut rows = unlisted.query([listed(moment)?])?;
            let mut latest: HashMap<String, i64> = HashMap::new();
            while let Some(row) = rows.next()? {
                latest.insert(row.get(0)?, row.get(1)?);
            }
            let mut last = moment.prepare_cached(
                "SELECT at FROM audit WHERE seq =
                 (SELECT MAX(seq) FROM audit_of_grant WHERE grant_id = ?1)",
            )?;
            let mut calls = HashMap::new();
            for grant in grants {
                let at = match latest.get(grant.as_str()) {
                    Some(at) => Some(*at),
                    None => last.query_row([grant.as_str()], |row| row.get(0)).optional()?,
                };
                calls.extend(at.map(|at| (grant, Timestamp::from_unix_millis(at))));
            }
            Ok(calls)
        })
        .await
    }

    pub(in crate::store) async fn audit(
        &self,
        after: u64,
        most: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.read(move |moment| page(moment, after, most)).await
    }

    pub(in crate::store) async fn audit_head(&self) -> Result<(Option<Head>, u64), StoreError> {
        self.read(|moment| {
            let stored: Option<String> = moment
                .query_row(
                    "SELECT CAST(value AS TEXT) FROM meta WHERE name = ?1",
                    [meta::HEAD],
                    |row| row.get(0),
                )
                .optional()?;
            let last: Option<i64> =
                moment.query_row("SELECT MAX(seq) FROM audit", [], |row| row.get(0))?;
            let last = u64::try_from(last.unwrap_or_default()).unwrap_or_default();
            Ok((stored.as_deref().and_then(Head::read), last))
        })
        .await
    }
}

/// Rows behind a place in the chain, in order.
pub(super) fn page(
    moment: &Connection,
    after: u64,
    most: u32,
) -> rusqlite::Result<Vec<AuditEntry>> {
    let sql = format!("SELECT {ENTRY} FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    moment.prepare_cached(&sql)?.query_map((number(after), most), entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    let seq: i64 = row.get(0)?;
    let seal = row.get_ref(18)?.as_blob().ok().and_then(|bytes| Seal::from_bytes(bytes).ok());
    Ok(AuditEntry {
        seq: u64::try_from(seq).unwrap_or_default(),
        row: audit_row(row),
        form: row.get(17).unwrap_or_default(),
        seal,
    })
}

/// The row, where each column holds what a vault writes.
fn audit_row(row: &Row<'_>) -> Option<AuditRow> {
    let text = |at| row.get_ref(at).ok()?.as_str().ok();
    let whole = |at| rows::count(row.get(at).ok()?);
    let more: Option<String> = row.get(12).ok()?;
    Some(AuditRow {
        id: CallId { node: whole(1)?, number: whole(2)? },
        at: Timestamp::from_unix_millis(row.get(3).ok()?),
        grant: text(4)?.parse().ok()?,
        owner: Owner::new(text(5)?),
        provider: text(6)?.parse().ok()?,
        model: text(7)?.to_owned(),
        operation: text(8)?.to_owned(),
        status: row.get(9).ok()?,
        usage: rows::usage(row.get(10).ok()?, row.get(11).ok()?, more.as_deref())?,
        cost: Pico::new(whole(13)?),
        estimated: row.get(14).ok()?,
        prices: text(15)?.to_owned(),
        end: End::read(text(16)?)?,
    })
}

/// Sums the audit by grant, provider and model: from a moment on, of one grant or of all.
fn spent(
    moment: &Connection,
    since: Option<Timestamp>,
    grant: Option<&GrantId>,
) -> rusqlite::Result<Vec<Spent>> {
    let of_grant = match grant {
        None => "?2 IS NULL",
        Some(_) => {
            "seq IN (SELECT seq FROM audit_of_grant WHERE grant_id = ?2
                     UNION ALL SELECT seq FROM audit
                     WHERE seq > (SELECT value FROM meta WHERE name = 'audit_listed')
                           AND grant_id = ?2)"
        }
    };
    // money is summed in two parts: SUM fails where it leaves 63 bits
    let sql = format!(
        "SELECT grant_id, provider, model, COUNT(*), SUM(estimated), SUM(input), SUM(output),
                SUM(cost / 1000000), SUM(cost % 1000000),
                SUM(cost / 1000000 * estimated), SUM(cost % 1000000 * estimated)
         FROM audit
         WHERE at >= ?1 AND {of_grant}
         GROUP BY grant_id, provider, model
         ORDER BY grant_id, provider, model"
    );
    let since = since.map_or(0, Timestamp::unix_millis);
    let mut sums = moment.prepare_cached(&sql)?;
    sums.query_map(params![since, grant.map(GrantId::as_str)], sum)?.collect()
}

fn sum(row: &Row<'_>) -> rusqlite::Result<Spent> {
    let count = |at| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or_default());
    let money = |micros, rest| -> rusqlite::Result<Pico> {
        let whole = Pico::from_micros(count(micros)?).unwrap_or(Pico::new(u64::MAX));
        Ok(whole.saturating_add(Pico::new(count(rest)?)))
    };
    Ok(Spent {
        grant: row.get(0)?,
        provider: row.get(1)?,
        model: row.get(2)?,
        calls: count(3)?,
        estimated_calls: count(4)?,
        input_tokens: count(5)?,
        output_tokens: count(6)?,
        cost: money(7, 8)?,
        estimated_cost: money(9, 10)?,
    })
}

#[cfg(test)]
mod tests {
    use okap_engine::record::Change;

    use okap_server::testkit::audit_row;

    use super::*;
    use crate::store::Database;

    fn row(number: u64, grant: &str) -> Change {
        let at = Timestamp::from_unix_millis(i64::try_from(number).unwrap());
        let grant = grant.parse().unwrap();
        Change::Append(std::sync::Arc::new(AuditRow { at, grant, ..audit_row(1, number) }))
    }

    #[tokio::test]
    async fn a_grants_calls_are_found_whether_they_are_listed_or_not() {
        let home = tempfile::tempdir().unwrap();
        let database = Database::open(&home.path().join("vault.db")).await.unwrap();
        let (one, other): (GrantId, GrantId) = ("g_1".parse().unwrap(), "g_2".parse().unwrap());
        let seen = async || {
            let latest = database.latest_calls(&one, 3).await.unwrap();
            let latest: Vec<_> = latest.iter().map(|entry| entry.seq).collect();
            let last = database.last_calls(vec![one.clone(), other.clone()]).await.unwrap();
            let spent = database.spent(None, Some(one.clone())).await.unwrap();
            (latest, last[&one].unix_millis(), last[&other].unix_millis(), spent[0].calls)
        };
        let now = Timestamp::from_unix_millis(0);
        let rows = (1..=6).map(|n| row(n, if n % 3 == 0 { "g_2" } else { "g_1" })).collect();
        database.commit(rows).await.unwrap();
        let all = (vec![5, 4, 2], 5, 6, 4);
        assert_eq!(seen().await, all);
        assert_eq!(database.sweep(now).await.unwrap(), 6);
        assert_eq!(seen().await, all);
        assert_eq!(database.sweep(now).await.unwrap(), 0);
        // some are listed and some are not
        database.commit(vec![row(7, "g_1")]).await.unwrap();
        assert_eq!(seen().await, (vec![7, 5, 4], 7, 6, 5));
        assert_eq!(database.sweep(now).await.unwrap(), 1);
        assert_eq!(seen().await, (vec![7, 5, 4], 7, 6, 5));
    }
}
