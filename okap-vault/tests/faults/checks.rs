//! What has to be so, whatever has happened.

use std::{collections::HashSet, time::Duration};

use okap_conformance::provider::Call;
use okap_engine::record::{AuditRow, End};
use okap_server::Vault;
use okap_vault::store::{Database, StoredVault, verify};

use crate::{
    app::{App, Done, Kind},
    stage::Stage,
};

/// Rows of the audit behind a place in it, whose chain is followed whole.
pub(crate) async fn rows(database: &Database, after: u64) -> Vec<AuditRow> {
    let head = verify(database, None, |_, _| {}).await.unwrap().expect("the chain holds");
    let mut rows = Vec::new();
    let mut last = after;
    while last < head.seq {
        let page = database.audit(last, 1_000).await.unwrap();
        last = page.last().expect("rows up to the head").seq;
        rows.extend(page.into_iter().map(|entry| entry.row.unwrap()));
    }
    rows
}

/// Every call whose answer an app has whole is in the audit once, and none is there twice; how many
/// those are.
pub(crate) fn each_is_there_once(app: &App, calls: &[Done], rows: &[AuditRow]) -> usize {
    let mine = |row: &&AuditRow| {
        row.grant == *app.access.grant_id() && row.end == End::Finished && row.status == 200
    };
    let used = |row: &AuditRow| (row.usage.input, row.usage.output);
    let rows: Vec<_> = rows.iter().filter(mine).filter(|r| r.operation != "embeddings").collect();
    let ids: HashSet<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), rows.len(), "a call is twice in the audit");
    let answers = |call: &&Done| matches!(call.kind, Kind::Whole | Kind::Stream | Kind::Abort);
    let calls: Vec<_> = calls.iter().filter(answers).collect();
    let whole: Vec<_> = calls.iter().filter(|c| c.status == 200 && c.whole).collect();
    for call in &whole {
        let there = rows.iter().filter(|row| used(row) == call.tokens).count();
        let sent = whole.iter().filter(|other| other.tokens == call.tokens).count();
        assert!(there >= sent, "{call:?} is missing in the audit");
        // whose answer was cut shorter than asked for is told from others by its prompt alone
        let there = rows.iter().filter(|row| row.usage.input == call.tokens.0).count();
        let sent = calls.iter().filter(|other| other.tokens.0 == call.tokens.0).count();
        assert!(there <= sent, "{call:?} is twice in the audit");
    }
    whole.len()
}

/// What the provider's books have of an app.
pub(crate) fn calls_of<'a>(app: &App, calls: &'a [Call]) -> impl Iterator<Item = &'a Call> {
    let mark = format!("{} say", app.name);
    calls.iter().filter(move |call| call.body.to_string().contains(&mark))
}

/// What the provider bills for an app, in pico-USD.
pub(crate) fn bill(app: &App, calls: &[Call]) -> u64 {
    calls_of(app, calls).map(|call| call.billed_pico).sum()
}

/// By how many calls the provider's log passes a number of calls in any 60 seconds.
pub(crate) fn beyond_rate(app: &App, calls: &[Call], per_minute: usize) -> usize {
    let mut at: Vec<_> = calls_of(app, calls).map(|call| call.at_ms).collect();
    at.sort_unstable();
    at.windows(per_minute + 1).filter(|calls| calls[per_minute] - calls[0] < 60_000).count()
}

/// Waits until the provider has no call under way.
pub(crate) async fn quiet(stage: &Stage) -> Vec<Call> {
    let ended = stage.provider.wait_until(Duration::from_secs(20), |l| l.totals.open == 0).await;
    let ledger = ended.expect("the provider's calls end");
    assert!(ledger.violations.is_empty(), "{:?}", ledger.violations);
    ledger.calls
}

/// Waits until no money is held and none is on lease.
pub(crate) async fn at_rest(stage: &Stage) {
    use okap_engine::{ledger::Account, pico::Pico, record::Key};
    let vault = StoredVault::without_keys(stage.database().await);
    let begun = std::time::Instant::now();
    loop {
        let accounts = vault.list(&Key::all::<Account>(), None, 10_000).await.unwrap();
        let pledged = accounts.iter().filter(|(_, found)| {
            let account: Account = serde_json::from_slice(&found.bytes).unwrap();
            account.pledged() != Pico::ZERO
        });
        let left: Vec<_> = pledged.map(|(key, _)| key.as_str()).collect();
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "money that nobody uses: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
