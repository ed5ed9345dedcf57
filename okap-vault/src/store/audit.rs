//! One row a call that was let through, and sums over them.

use okap_engine::{pico::Pico, record::AuditRow};
use okap_types::{GrantId, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};

/// What one grant used of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The grant.
    pub grant: String,
    /// Who runs the model.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls that were let through.
    pub calls: u64,
    /// Of these, calls whose usage is a bound and not the provider's own count.
    pub estimated_calls: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Generated tokens.
    pub output_tokens: u64,
    /// What it cost.
    pub cost: Pico,
    /// The part of `cost` that is estimated.
    pub estimated_cost: Pico,
}

pub(super) fn append(tx: &Transaction<'_>, row: &AuditRow) -> rusqlite::Result<()> {
    let usage = serde_json::to_string(&row.usage)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    // SQLite has 63 bits: 9.2 million USD for a single call
    let cost = i64::try_from(row.cost.get()).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "INSERT INTO audit (at, grant_id, owner, provider, model, operation, status, usage, cost,
                            estimated, prices, end)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        row.at.unix_millis(),
        row.grant.as_str(),
        row.owner.as_str(),
        row.provider.as_str(),
        row.model,
        row.operation,
        row.status,
        usage,
        cost,
        row.estimated,
        row.prices,
        row.end.as_str(),
    ])?;
    Ok(())
}

/// Sums the audit by grant, provider and model: from a moment on, of one grant or of all.
///
/// # Errors
/// Those of SQLite.
pub fn spent(
    moment: &Connection,
    since: Option<Timestamp>,
    grant: Option<&GrantId>,
) -> rusqlite::Result<Vec<Spent>> {
    // money is summed in two parts: SUM fails where it leaves 63 bits
    let mut sums = moment.prepare_cached(
        "SELECT grant_id, provider, model, COUNT(*), SUM(estimated),
                SUM(json_extract(usage, '$.input')), SUM(json_extract(usage, '$.output')),
                SUM(cost / 1000000), SUM(cost % 1000000),
                SUM(cost / 1000000 * estimated), SUM(cost % 1000000 * estimated)
         FROM audit
         WHERE at >= ?1 AND (?2 IS NULL OR grant_id = ?2)
         GROUP BY grant_id, provider, model
         ORDER BY grant_id, provider, model",
    )?;
    let since = since.map_or(0, Timestamp::unix_millis);
    let sums = sums.query_map(params![since, grant.map(GrantId::as_str)], sum)?;
    sums.collect()
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
