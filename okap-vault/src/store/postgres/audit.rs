//! One row a call that was let through, chained over all nodes; and sums over them.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use okap_engine::{
    pico::Pico,
    record::{AuditRow, CallId, End, Owner, SEAL_FORM, Seal},
};
use okap_server::StoreError;
use okap_types::{GrantId, Timestamp};
use tokio::try_join;
use tokio_postgres::{Row, types::ToSql};

use super::{Broken, Postgres};
use crate::store::{
    AuditEntry, Head, Spent,
    rows::{self, count, meta, more, number, storable},
};

/// The columns of an [`AuditEntry`], in the order in which [`entry`] reads them.
const ENTRY: &str = "seq, node, number, at, grant_id, owner, provider, model, operation, status, input, \
                     output, more, cost, estimated, prices, ended, form, seal";

/// Adds rows behind the others, but those whose calls have one. The head is locked, so that the
/// rows of all nodes make one chain.
pub(super) async fn append(tx: &Transaction<'_>, rows: &[&AuditRow]) -> Result<(), Broken> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (number(row.id.node), number(row.id.number))).unzip();
    let lock = tx.prepare_cached("SELECT value FROM meta WHERE name = $1 FOR UPDATE").await?;
    let seek = tx
        .prepare_cached(
            "SELECT audit.node, audit.number FROM audit
             JOIN UNNEST($1::bigint[], $2::bigint[]) AS call (node, number)
             ON audit.node = call.node AND audit.number = call.number",
        )
        .await?;
    // both on the way at once, in this order: the second sees what stands when the first has the
    // lock
    let (name, calls): (_, [&(dyn ToSql + Sync); 2]) = ([&meta::HEAD as _], [&ids.0, &ids.1]);
    let (head, standing) = try_join!(biased; tx.query_one(&lock, &name), tx.query(&seek, &calls))?;
    let head = Head::read(head.try_get(0)?).ok_or(Broken::Odd)?;
    let mut known: HashSet<(i64, i64)> = HashSet::with_capacity(standing.len() + rows.len());
    for row in &standing {
        known.insert((row.try_get(0)?, row.try_get(1)?));
    }
    let (columns, last) = Columns::chained(head, rows, &mut known);
    if columns.seq.is_empty() {
        return Ok(());
    }
    let close = tx.prepare_cached("UPDATE meta SET value = $2 WHERE name = $1").await?;
    let stored = last.stored();
    let insert = tx.prepare_cached(INSERT).await?;
    let parameters = columns.parameters();
    let moved: [&(dyn ToSql + Sync); 2] = [&meta::HEAD, &stored];
    try_join!(tx.execute(&insert, &parameters), tx.execute(&close, &moved))?;
    Ok(())
}

const INSERT: &str = "
    INSERT INTO audit (seq, node, number, at, grant_id, owner, provider, model, operation, status,
                       input, output, more, cost, estimated, prices, ended, form, seal)
    SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[],
                         $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::bigint[],
                         $12::bigint[], $13::text[], $14::bigint[], $15::bool[], $16::text[],
                         $17::text[], $18::smallint[], $19::bytea[])";

/// Rows column by column: one statement writes them all.
#[derive(Default)]
pub(super) struct Columns {
    seq: Vec<i64>,
    node: Vec<i64>,
    number: Vec<i64>,
    at: Vec<i64>,
    grant: Vec<String>,
    owner: Vec<String>,
    provider: Vec<String>,
    model: Vec<String>,
    operation: Vec<String>,
    status: Vec<i32>,
    input: Vec<i64>,
    output: Vec<i64>,
    more: Vec<Option<String>>,
    cost: Vec<i64>,
    estimated: Vec<bool>,
    prices: Vec<String>,
    ended: Vec<&'static str>,
    form: Vec<i16>,
    seal: Vec<Vec<u8>>,
}

impl Columns {
    /// The rows whose calls are not known yet, sealed one after the other behind a head.
    fn chained(head: Head, rows: &[&AuditRow], known: &mut HashSet<(i64, i64)>) -> (Self, Head) {
        let (mut columns, mut head) = (Self::default(), head);
        for row in rows {
            if !known.insert((number(row.id.node), number(row.id.number))) {
                continue;
            }
            let row = storable(row);
            head = Head { seq: head.seq.saturating_add(1), seal: head.seal.next(&row) };
            columns.push(head.seq, &row, SEAL_FORM, &head.seal);
        }
        (columns, head)
    }

    pub(super) fn push(&mut self, seq: u64, row: &AuditRow, form: u8, seal: &Seal) {
        self.seq.push(number(seq));
        self.node.push(number(row.id.node));
        self.number.push(number(row.id.number));
        self.at.push(row.at.unix_millis());
        self.grant.push(row.grant.as_str().to_owned());
        self.owner.push(row.owner.as_str().to_owned());
        self.provider.push(row.provider.as_str().to_owned());
        self.model.push(row.model.clone());
        self.operation.push(row.operation.clone());
        self.status.push(i32::from(row.status));
        self.input.push(number(row.usage.input));
        self.output.push(number(row.usage.output));
        self.more.push(more(&row.usage));
        self.cost.push(number(row.cost.get()));
        self.estimated.push(row.estimated);
        self.prices.push(row.prices.clone());
        self.ended.push(row.end.as_str());
        self.form.push(i16::from(form));
        self.seal.push(seal.as_bytes().to_vec());
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 19] {
        [
            &self.seq,
            &self.node,
            &self.number,
            &self.at,
            &self.grant,
            &self.owner,
            &self.provider,
            &self.model,
            &self.operation,
            &self.status,
            &self.input,
            &self.output,
            &self.more,
            &self.cost,
            &self.estimated,
            &self.prices,
            &self.ended,
            &self.form,
            &self.seal,
        ]
    }

    /// Writes the rows as they are.
    pub(super) async fn insert(&self, tx: &Transaction<'_>) -> Result<(), Broken> {
        let insert = tx.prepare_cached(INSERT).await?;
        tx.execute(&insert, &self.parameters()).await?;
        Ok(())
    }
}

impl Postgres {
    pub(in crate::store) async fn spent(
        &self,
        since: Option<Timestamp>,
        grant: Option<GrantId>,
    ) -> Result<Vec<Spent>, StoreError> {
        let since = since.map_or(0, Timestamp::unix_millis);
        let grant = grant.as_ref().map(GrantId::as_str);
        // money is summed in two parts, and counts end where 63 bits do
        let sum = |what: &str| format!("LEAST(SUM({what}), 9223372036854775807)::bigint");
        let sums: Vec<_> = [
            "estimated::int",
            "input",
            "output",
            "cost / 1000000",
            "cost % 1000000",
            "cost / 1000000 * estimated::int",
            "cost % 1000000 * estimated::int",
        ]
        .map(sum)
        .into();
        let sql = format!(
            "SELECT grant_id, provider, model, COUNT(*), {} FROM audit
             WHERE at >= $1 AND ($2::text IS NULL OR grant_id = $2)
             GROUP BY grant_id, provider, model
             ORDER BY grant_id, provider, model",
            sums.join(", ")
        );
        self.ask(async {
            let client = self.client().await?;
            let rows = client.query(&sql, &[&since, &grant]).await?;
            rows.iter().map(spent).collect()
        })
        .await
    }

    pub(in crate::store) async fn latest_calls(
        &self,
        grant: &GrantId,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let sql =
            format!("SELECT {ENTRY} FROM audit WHERE grant_id = $1 ORDER BY seq DESC LIMIT $2");
        self.ask(async {
            let client = self.client().await?;
            let rows = client.query(&sql, &[&grant.as_str(), &most]).await?;
            rows.iter().map(entry).collect()
        })
        .await
    }

    pub(in crate::store) async fn last_calls(
        &self,
        grants: Vec<GrantId>,
    ) -> Result<HashMap<GrantId, Timestamp>, StoreError> {
        let names: Vec<&str> = grants.iter().map(GrantId::as_str).collect();
        self.ask(async {
            let client = self.client().await?;
            let rows = client
                .query(
                    "SELECT asked.id, latest.at FROM UNNEST($1::text[]) AS asked (id)
                     CROSS JOIN LATERAL (SELECT at FROM audit WHERE grant_id = asked.id
                                         ORDER BY seq DESC LIMIT 1) AS latest",
                    &[&names],
                )
                .await?;
            let mut calls = HashMap::new();
            for row in rows {
                let id = row.try_get::<_, &str>(0)?.parse().map_err(|_| Broken::Odd)?;
                calls.insert(id, Timestamp::from_unix_millis(row.try_get(1)?));
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
        let sql = format!("SELECT {ENTRY} FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2");
        self.ask(async {
            let client = self.client().await?;
            let page = client.prepare_cached(&sql).await?;
            let rows = client.query(&page, &[&number(after), &i64::from(most)]).await?;
            rows.iter().map(entry).collect()
        })
        .await
    }

    pub(in crate::store) async fn audit_head(&self) -> Result<(Option<Head>, u64), StoreError> {
        self.ask(async {
            let client = self.client().await?;
            // one statement: one moment
            let row = client
                .query_one(
                    "SELECT (SELECT value FROM meta WHERE name = $1), (SELECT MAX(seq) FROM audit)",
                    &[&meta::HEAD],
                )
                .await?;
            let head = row.try_get::<_, Option<&str>>(0)?.and_then(Head::read);
            let last: Option<i64> = row.try_get(1)?;
            Ok((head, count(last.unwrap_or_default()).unwrap_or_default()))
        })
        .await
    }
}

fn entry(row: &Row) -> Result<AuditEntry, Broken> {
    Ok(AuditEntry {
        seq: count(row.try_get(0)?).unwrap_or_default(),
        row: audit_row(row),
        form: u8::try_from(row.try_get::<_, i16>(17)?).unwrap_or_default(),
        seal: Seal::from_bytes(row.try_get(18)?).ok(),
    })
}

/// The row, where each column holds what a vault writes.
fn audit_row(row: &Row) -> Option<AuditRow> {
    let text = |at: usize| row.try_get::<_, &str>(at).ok();
    let whole = |at: usize| count(row.try_get(at).ok()?);
    let more: Option<&str> = row.try_get(12).ok()?;
    Some(AuditRow {
        id: CallId { node: whole(1)?, number: whole(2)? },
        at: Timestamp::from_unix_millis(row.try_get(3).ok()?),
        grant: text(4)?.parse().ok()?,
        owner: Owner::new(text(5)?),
        provider: text(6)?.parse().ok()?,
        model: text(7)?.to_owned(),
        operation: text(8)?.to_owned(),
        status: u16::try_from(row.try_get::<_, i32>(9).ok()?).ok()?,
        usage: rows::usage(row.try_get(10).ok()?, row.try_get(11).ok()?, more)?,
        cost: Pico::new(whole(13)?),
        estimated: row.try_get(14).ok()?,
        prices: text(15)?.to_owned(),
        end: End::read(text(16)?)?,
    })
}

fn spent(row: &Row) -> Result<Spent, Broken> {
    let count = |at: usize| {
        row.try_get::<_, i64>(at).map(|n| count(n).unwrap_or_default()).map_err(Broken::from)
    };
    let money = |micros, rest| -> Result<Pico, Broken> {
        let whole = Pico::from_micros(count(micros)?).unwrap_or(Pico::new(u64::MAX));
        Ok(whole.saturating_add(Pico::new(count(rest)?)))
    };
    Ok(Spent {
        grant: row.try_get(0)?,
        provider: row.try_get(1)?,
        model: row.try_get(2)?,
        calls: count(3)?,
        estimated_calls: count(4)?,
        input_tokens: count(5)?,
        output_tokens: count(6)?,
        cost: money(7, 8)?,
        estimated_cost: money(9, 10)?,
    })
}
