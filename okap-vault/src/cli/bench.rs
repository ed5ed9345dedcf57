use std::time::Duration;

use super::{Common, fault::Usage};
use crate::bench::{self, Form, Part, Place, Plan};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// What is measured, comma-separated [default: all but growth]
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_enum)]
    only: Vec<Part>,
    /// Fewer and shorter rounds: half a minute, rougher figures
    #[arg(long)]
    quick: bool,
    /// Where the vault keeps its records: sqlite, or postgres://… of an empty database
    #[arg(long, value_name = "STORE", default_value = "sqlite")]
    store: String,
    /// Makes every hold durable before its call is forwarded
    #[arg(long)]
    strict: bool,
    /// Leaves nginx out, where it is installed, too: figures without ratios
    #[arg(long)]
    alone: bool,
    /// Calls at a time, comma-separated
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,16,64")]
    connections: Vec<u16>,
    /// How long a round counts [default: 2, with --quick 0.5]
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// Rounds, of which the median counts [default: 5, with --quick 1]
    #[arg(long, value_name = "N")]
    rounds: Option<u8>,
    /// Measures growth, too: fills the vault with grants and usage rows
    #[arg(long)]
    grow: bool,
    /// Most grants to grow to
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    grants: u32,
    /// Most usage rows to grow to; 10000000 takes minutes
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: u32,
    /// Writes a Markdown table
    #[arg(long)]
    markdown: bool,
}

const AFTER_HELP: &str = "\
Examples:
  okap-vault bench --quick                        a first look
  okap-vault bench --only throughput,streams      some of it
  okap-vault bench --only growth --rows 10000000  does a call cost more in a vault that has grown
  okap-vault bench --markdown                     the tables of docs/performance.md

Everything runs on this computer and in a temporary directory: a provider, the vault as `serve`
runs it, and nginx as a plain proxy beside it, where it is installed. What is measured has one
core; load and provider have the others.";

/// Longest round, in seconds.
const LONGEST: f64 = 600.0;
/// Most calls at a time.
const MOST: u16 = 1_000;

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<()> {
    let seconds = args.seconds.unwrap_or(if args.quick { 0.5 } else { 2.0 });
    if !(0.05..=LONGEST).contains(&seconds) {
        return Err(Usage("--seconds takes 0.05 to 600".to_owned()).into());
    }
    if args.connections.iter().any(|calls| !(1..=MOST).contains(calls)) {
        return Err(Usage(format!("--connections takes numbers of 1 to {MOST}")).into());
    }
    let database = match args.store.as_str() {
        "sqlite" => None,
        url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Some(url.to_owned())
        }
        _ => return Err(Usage("--store takes sqlite or postgres://…".to_owned()).into()),
    };
    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 5 }).max(1);
    let form = match (common.json, args.markdown) {
        (true, _) => Form::Json,
        (false, true) => Form::Markdown,
        (false, false) => Form::Table,
    };
    bench::run(Plan {
        parts: parts(args.only, args.grow),
        place: Place { database, strict: args.strict },
        connections: args.connections.into_iter().map(usize::from).collect(),
        span: Duration::from_secs_f64(seconds),
        rounds: usize::from(rounds),
        form,
        alone: args.alone,
        most: (args.grants.into(), args.rows.into()),
    })
    .await
}

fn parts(only: Vec<Part>, grow: bool) -> Vec<Part> {
    use Part::{Budget, Delay, Growth, Kill, Memory, Start, Streams, Throughput};
    let mut parts = match only.is_empty() {
        true => vec![Throughput, Delay, Streams, Start, Memory, Budget, Kill],
        false => only,
    };
    if grow && !parts.contains(&Growth) {
        parts.push(Growth);
    }
    parts
}
