use okap_engine::{pico::Pico, price::Usage};
use okap_server::StoreError;
use okap_types::{GrantId, Timestamp};
use rusqlite::{Row, params};

use crate::{
    pages::show::{self, visible},
    store::Database,
};

/// A call that was let through, on a page.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: String,
    pub(super) model: String,
    pub(super) operation: String,
    /// What came of it.
    pub(super) outcome: String,
    /// Whether that is what one hopes for.
    pub(super) went_well: bool,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) cost: String,
    /// Whether tokens and cost are a bound and not the provider's own count.
    pub(super) estimated: bool,
}

/// A grant's latest calls, the last one first.
pub(super) async fn calls(
    database: &Database,
    grant: &GrantId,
    most: usize,
) -> Result<Vec<Call>, StoreError> {
    let grant = grant.to_string();
    let read = move |database: &rusqlite::Connection| {
        let mut rows = database.prepare_cached(
            "SELECT at, model, operation, status, usage, cost, estimated, end FROM audit
             WHERE grant_id = ?1 ORDER BY at DESC, seq DESC LIMIT ?2",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        rows.query_map(params![grant, most], call)?.collect::<rusqlite::Result<Vec<_>>>()
    };
    database.read(read).await
}

fn call(row: &Row<'_>) -> rusqlite::Result<Call> {
    let usage: String = row.get(4)?;
    let usage: Usage = serde_json::from_str(&usage).unwrap_or_default();
    let cost = u64::try_from(row.get::<_, i64>(5)?).unwrap_or_default();
    let (status, end): (u16, String) = (row.get(3)?, row.get(7)?);
    Ok(Call {
        at: show::short(Timestamp::from_unix_millis(row.get(0)?)),
        model: visible(&row.get::<_, String>(1)?).into_owned(),
        operation: row.get(2)?,
        outcome: outcome(status, &end),
        went_well: end == "finished" && (200..300).contains(&status),
        input: show::count(usage.input),
        output: show::count(usage.output),
        cost: show::usd(Pico::new(cost)),
        estimated: row.get(6)?,
    })
}

fn outcome(status: u16, end: &str) -> String {
    match (status, end) {
        (200..300, "finished") => "finished".to_owned(),
        (0, "finished") => "no answer".to_owned(),
        (_, "finished") => format!("the provider said {status}"),
        (_, "app_left") => "the app hung up".to_owned(),
        (_, "upstream_broke") => "the answer broke off".to_owned(),
        (_, "revoked") => "stopped: revoked".to_owned(),
        (_, "timed_out") => "the provider took too long".to_owned(),
        (_, other) => visible(other).into_owned(),
    }
}
