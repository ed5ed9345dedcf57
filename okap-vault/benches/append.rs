//! What one row of the audit costs in a SQLite file: processor time of the whole process, and time
//! on the clock, a row; by the size of the commit, the rows that stand there, and the grants.
//!
//! `cargo bench -p okap-vault --bench append`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a measurement"
)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use okap_engine::record::{AuditRow, Change};
use okap_server::Vault;
use okap_server::testkit::audit_row;
use okap_types::Timestamp;
use okap_vault::store::{Database, StoredVault};

fn row(number: u64, grants: u64) -> Change {
    // scattered, as calls of many apps are
    let grant = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % grants;
    Change::Append(std::sync::Arc::new(AuditRow {
        grant: format!("g_hPUCYhW5yBIYVIA{grant:07}").parse().unwrap(),
        at: Timestamp::from_unix_millis(1_700_000_000_000 + i64::try_from(number).unwrap()),
        ..audit_row(0x1234_5678_9abc_def0, number)
    }))
}

/// Processor time of this process so far, all threads of it.
fn processor() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("this is measured on Linux");
    let spent = tasks.map(|task| {
        let told = std::fs::read_to_string(task.unwrap().path().join("schedstat"));
        told.ok().and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(spent.sum())
}

async fn fill(vault: &StoredVault, first: u64, rows: u64, group: u64, grants: u64) {
    for begin in (first..first + rows).step_by(usize::try_from(group).unwrap()) {
        let changes = (begin..begin + group).map(|number| row(number, grants)).collect();
        vault.commit(changes).await.unwrap();
    }
}

async fn measure(path: &Path, standing: u64, grants: u64) {
    let vault = StoredVault::without_keys(Database::open(path).await.unwrap());
    fill(&vault, 0, standing, 1_000, grants).await;
    let mut next = standing;
    for group in [1, 16, 64, 256] {
        let rows = group * 100;
        // what it costs to make the rows is not the store's
        let before = processor();
        (0..rows).for_each(|number| drop(std::hint::black_box(row(number, grants))));
        let made = processor() - before;
        let (before, begun) = (processor(), Instant::now());
        fill(&vault, next, rows, group, grants).await;
        let spent = (processor() - before).saturating_sub(made);
        let each =
            |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(rows).unwrap());
        println!(
            "{standing:>9} rows stand  {grants:>7} grants  {group:>4} in a commit: {:>7.2} µs CPU, {:>7.2} µs clock a row",
            each(spent),
            each(begun.elapsed()),
        );
        next += rows;
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = tempfile::tempdir().unwrap();
        for (at, (standing, grants)) in
            [(0, 10), (100_000, 10), (1_000_000, 10), (100_000, 100_000)].into_iter().enumerate()
        {
            measure(&home.path().join(format!("{at}.db")), standing, grants).await;
        }
    });
}
