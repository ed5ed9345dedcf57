use okap_engine::record::{AuditRow, End};
use okap_server::StoreError;
use okap_types::GrantId;

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
    let mut rows: Vec<_> = database
        .latest_calls(grant, most)
        .await?
        .into_iter()
        .filter_map(|entry| entry.row)
        .collect();
    // settled in another order than they began
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    Ok(rows.into_iter().map(call).collect())
}

fn call(row: AuditRow) -> Call {
    Call {
        at: show::short(row.at),
        model: visible(&row.model).into_owned(),
        outcome: outcome(row.status, row.end),
        went_well: row.end == End::Finished && (200..300).contains(&row.status),
        input: show::count(row.usage.input),
        output: show::count(row.usage.output),
        cost: show::usd(row.cost),
        estimated: row.estimated,
        operation: row.operation,
    }
}

fn outcome(status: u16, end: End) -> String {
    match (status, end) {
        (200..300, End::Finished) => "finished".to_owned(),
        (0, End::Finished) => "no answer".to_owned(),
        (_, End::Finished) => format!("the provider said {status}"),
        (_, End::AppLeft) => "the app hung up".to_owned(),
        (_, End::UpstreamBroke) => "the answer broke off".to_owned(),
        (_, End::Revoked) => "stopped: revoked".to_owned(),
        (_, End::TimedOut) => "the provider took too long".to_owned(),
    }
}
