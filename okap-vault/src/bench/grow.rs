//! Whether a call costs more in a vault that has grown.

use anyhow::{Context, bail};
use rusqlite::{Connection, params};

use super::{
    Stage,
    load::{self, Load, Outcome},
    report::Figure,
    stats::median,
    vault::Vault,
};
use crate::out;

/// Grants to grow to.
const GRANTS: [i64; 4] = [10, 1_000, 100_000, 1_000_000];
/// Usage rows to grow to.
const ROWS: [i64; 3] = [100_000, 1_000_000, 10_000_000];
/// Rows that are written together.
const TOGETHER: i64 = 100_000;
/// Calls at a time.
const CALLS: usize = 16;

/// The cost of a call at each size.
///
/// # Errors
/// A store that is not SQLite, or fails.
pub(super) async fn figures(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    if stage.vault.place.database.is_some() {
        bail!("growth is measured over SQLite alone; leave --store out");
    }
    let mut figures = Vec::new();
    let mut first = None;
    let (most_grants, most_rows) = stage.most;
    let (mut grants, mut rows) = (1, 0);
    for (to_grants, to_rows) in
        GRANTS.map(|grants| (grants, 0)).into_iter().chain(ROWS.map(|rows| (0, rows)))
    {
        if to_grants > most_grants || to_rows > most_rows {
            continue;
        }
        out::hint(&format!(
            "growth: to {} grants and {} rows",
            to_grants.max(grants),
            to_rows.max(rows)
        ));
        let database = open(&stage.vault)?;
        while grants < to_grants {
            let more = (to_grants - grants).min(TOGETHER);
            add_grants(&database, stage.lent.grant.as_str(), grants, more)?;
            grants += more;
        }
        while rows < to_rows {
            let more = (to_rows - rows).min(TOGETHER);
            add_rows(&database, rows, more)?;
            rows += more;
        }
        // what was written in bulk is not to be charged to the next caller
        database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(database);
        let (cpu, rate) = cost(stage).await?;
        let first = *first.get_or_insert(cpu);
        let name = format!("{grants} grants, {rows} usage rows");
        let note = format!("{:+.0} %, {rate:.0} calls/s", (cpu / first - 1.0) * 100.0);
        figures.push(Figure::of("growth", name, "µs/call").vault(cpu).note(note));
    }
    Ok(figures)
}

async fn cost(stage: &Stage) -> anyhow::Result<(f64, f64)> {
    let target = stage.to_vault(&stage.lent.token, super::BODY);
    let load = Load { calls: CALLS, warm_up: stage.span / 2, span: stage.span };
    let (mut cpu, mut rate) = (Vec::new(), Vec::new());
    for _ in 0..stage.rounds {
        let outcome = load::put(&target, load).await?;
        if let Some(status) = outcome.refused.first() {
            bail!("a call was refused with status {status}");
        }
        cpu.extend(Outcome::cpu_per_call(&outcome));
        rate.push(outcome.rate);
    }
    let middle = median(cpu).zip(median(rate));
    middle.context("this system does not say what a process has used")
}

fn open(vault: &Vault) -> anyhow::Result<Connection> {
    let database = Connection::open(vault.folder().join("vault.db"))?;
    database.busy_timeout(std::time::Duration::from_secs(30))?;
    Ok(database)
}

/// Grants like one that stands there, each with a token that nobody has.
fn add_grants(database: &Connection, like: &str, from: i64, more: i64) -> rusqlite::Result<()> {
    let moment = database.unchecked_transaction()?;
    moment.execute(
        "WITH RECURSIVE n(i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?3 - 1),
              one AS (SELECT CAST(bytes AS TEXT) AS text FROM records WHERE key = 'grant/' || ?1)
         INSERT INTO records (key, version, bytes)
         SELECT printf('grant/g_grown%015d', i), 1,
                CAST(replace(one.text, ?1, printf('g_grown%015d', i)) AS BLOB)
         FROM n, one",
        params![like, from, more],
    )?;
    moment.execute(
        "WITH RECURSIVE n(i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?3 - 1),
              one AS (SELECT CAST(bytes AS TEXT) AS text FROM records
                      WHERE key LIKE 'access/%' AND instr(CAST(bytes AS TEXT), ?1) LIMIT 1)
         INSERT INTO records (key, version, bytes)
         SELECT 'access/' || lower(hex(randomblob(32))), 1,
                CAST(replace(one.text, ?1, printf('g_grown%015d', i)) AS BLOB)
         FROM n, one",
        params![like, from, more],
    )?;
    moment.commit()
}

/// Usage rows like the last one, of a thousand other grants.
fn add_rows(database: &Connection, from: i64, more: i64) -> rusqlite::Result<()> {
    let moment = database.unchecked_transaction()?;
    let columns = columns(&moment)?;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| match column.as_str() {
            "grant_id" => "printf('g_grown%015d', i % 1000)",
            "node" => "1",
            "number" => "i",
            other => other,
        })
        .collect();
    moment.execute(
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1)
             INSERT INTO audit ({}) SELECT {} FROM n, (SELECT * FROM audit ORDER BY rowid DESC LIMIT 1)",
            columns.join(", "),
            values.join(", ")
        ),
        params![from, more],
    )?;
    moment.commit()
}

/// The columns of a usage row that are not counted up by themselves.
fn columns(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut named = database.prepare("SELECT name FROM pragma_table_info('audit') WHERE pk = 0")?;
    let named = named.query_map([], |row| row.get(0))?;
    named.collect()
}
