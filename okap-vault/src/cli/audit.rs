use std::{
    io::{BufWriter, IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use okap_engine::record::{AuditRow, Seal};
use okap_types::{GrantId, Timestamp};
use serde_json::{Value, json};

use super::Common;
use crate::{
    out,
    store::{AuditEntry, Database, Flaw, PAGE, verify as follow},
};

/// How often progress is told.
const TOLD: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Follows the chain over the audit and names the first row that does not fit
    #[command(after_help = "\
Examples:
  okap-vault audit verify
  okap-vault audit verify --head 55d178736723e6d676ccfe91a405f2ae47b4ddc0a40a3ab6206ee4aa87eb0b53

Each row carries a hash over itself and all before it; the last one is the head. Whoever can write
the database can also write a new chain: note the head elsewhere from time to time, and name it
with --head later. Exit code 6: it does not hold.")]
    Verify {
        /// A head of earlier, which still has to be in the chain
        #[arg(long, value_name = "HASH")]
        head: Option<Seal>,
    },
    /// Writes the audit, one line a call, in the order of its chain
    #[command(after_help = "\
Examples:
  okap-vault audit export --since 2026-11-01 > november.jsonl
  okap-vault audit export --format csv --grant g_hPUCYhW5yBIYVIAuMdf7zQ --output calls.csv

In CSV a text that a spreadsheet would take for a formula begins with an apostrophe.")]
    Export(Export),
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// How each call is written
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Leaves out earlier calls: 2026-11-01, or a moment with its offset
    #[arg(long, value_name = "DATE")]
    since: Option<Timestamp>,
    /// One grant alone
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    grant: Option<GrantId>,
    /// Where to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values with a line of names
    Csv,
}

pub(super) async fn run(common: &Common, command: Command) -> anyhow::Result<()> {
    let database = common.database().await?;
    match command {
        Command::Verify { head } => verify(common, &database, head).await,
        Command::Export(wanted) => export(&database, &wanted).await,
    }
}

async fn verify(common: &Common, database: &Database, noted: Option<Seal>) -> anyhow::Result<()> {
    let shows = std::io::stderr().is_terminal();
    let mut told = Instant::now();
    let progress = |held: u64, all: u64| {
        if shows && told.elapsed() >= TOLD {
            out::hint(&format!("{held} of {all} rows hold"));
            told = Instant::now();
        }
    };
    match follow(database, noted, progress).await? {
        Ok(head) => {
            match common.json {
                true => out::json(
                    &json!({ "holds": true, "rows": head.seq, "head": head.seal.to_string() }),
                )?,
                false => out::line(&format!("{} rows hold; head {}", head.seq, head.seal)),
            }
            Ok(())
        }
        Err(flaw) => {
            if common.json {
                let flawed =
                    json!({ "holds": false, "row": row_of(flaw), "flaw": flaw.to_string() });
                out::json(&flawed)?;
            }
            Err(flaw.into())
        }
    }
}

const fn row_of(flaw: Flaw) -> Option<u64> {
    match flaw {
        Flaw::Row(row) | Flaw::Missing(row) | Flaw::Behind(row) | Flaw::Head(row) => Some(row),
        Flaw::NoHead | Flaw::Unknown(_) => None,
    }
}

async fn export(database: &Database, wanted: &Export) -> anyhow::Result<()> {
    let to: Box<dyn Write> = match &wanted.output {
        Some(path) => {
            let made = std::fs::File::create(path);
            Box::new(made.with_context(|| format!("{} cannot be written", path.display()))?)
        }
        None => Box::new(out::writer()),
    };
    let written = write(database, wanted, BufWriter::new(to)).await;
    match written.as_ref().map_err(|error| error.downcast_ref::<std::io::Error>()) {
        // a reader that has gone away, such as head
        Err(Some(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => written,
    }
}

async fn write(database: &Database, wanted: &Export, mut to: impl Write) -> anyhow::Result<()> {
    if let Format::Csv = wanted.format {
        writeln!(to, "{}", NAMES.join(","))?;
    }
    let (_, last) = database.audit_head().await?;
    let mut after = 0;
    // what is added meanwhile is for the next export
    while after < last {
        let page = database.audit(after, PAGE).await?;
        let Some(end) = page.last() else { break };
        after = end.seq;
        for entry in page.iter().take_while(|entry| entry.seq <= last) {
            let row = entry.row.as_ref().ok_or(Flaw::Row(entry.seq))?;
            let is_early = wanted.since.is_some_and(|since| row.at < since);
            if is_early || wanted.grant.as_ref().is_some_and(|grant| *grant != row.grant) {
                continue;
            }
            match wanted.format {
                Format::Jsonl => writeln!(to, "{}", object(entry, row))?,
                Format::Csv => writeln!(to, "{}", line(entry, row))?,
            }
        }
    }
    Ok(to.flush()?)
}

fn seal(entry: &AuditEntry) -> String {
    entry.seal.map_or_else(String::new, |seal| seal.to_string())
}

fn object(entry: &AuditEntry, row: &AuditRow) -> Value {
    let usage =
        row.usage.counted().into_iter().map(|(name, count)| (name.into_owned(), count.into()));
    json!({
        "seq": entry.seq,
        "call": row.id.to_string(),
        "at": row.at,
        "grant": row.grant,
        "owner": row.owner.as_str(),
        "provider": row.provider,
        "model": row.model,
        "operation": row.operation,
        "status": row.status,
        "usage": Value::Object(usage.collect()),
        "cost_usd": row.cost.to_string(),
        "estimated": row.estimated,
        "prices": row.prices,
        "end": row.end,
        "seal": seal(entry),
    })
}

const NAMES: [&str; 16] = [
    "seq",
    "call",
    "at",
    "grant",
    "owner",
    "provider",
    "model",
    "operation",
    "status",
    "input",
    "output",
    "cost_usd",
    "estimated",
    "prices",
    "end",
    "seal",
];

fn line(entry: &AuditEntry, row: &AuditRow) -> String {
    let cells: [String; NAMES.len()] = [
        entry.seq.to_string(),
        row.id.to_string(),
        row.at.to_string(),
        row.grant.to_string(),
        row.owner.as_str().to_owned(),
        row.provider.to_string(),
        row.model.clone(),
        row.operation.clone(),
        row.status.to_string(),
        row.usage.input.to_string(),
        row.usage.output.to_string(),
        row.cost.to_string(),
        row.estimated.to_string(),
        row.prices.clone(),
        row.end.as_str().to_owned(),
        seal(entry),
    ];
    cells.map(|cell| quoted(&cell)).join(",")
}

/// A cell as RFC 4180 has it.
fn quoted(cell: &str) -> String {
    // an app chooses the name of its model, and a spreadsheet runs what looks like a formula
    let mark = if cell.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{mark}{}\"", cell.replace('"', "\"\"")),
        false => format!("{mark}{cell}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell_and_no_formula() {
        for (cell, written) in [
            ("gpt-4o", "gpt-4o"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("@a,b", "\"'@a,b\""),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }
}
