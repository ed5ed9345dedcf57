//! `okap-vault bench`: what the vault costs, beside nginx as a plain proxy, in one run.

mod books;
mod budget;
mod grow;
mod load;
mod memory;
mod nginx;
mod process;
mod report;
mod rounds;
mod stats;
mod streams;
mod upstream;
mod vault;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use okap_types::{Limits, Money};
use serde_json::json;

use self::{
    books::Lent, load::Target, nginx::Nginx, process::Process, report::Figure, upstream::Manner,
    vault::Vault,
};
use crate::out;

/// The model that calls name.
const MODEL: &str = "gpt-4o-mini";
/// What a call says.
const BODY: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You answer in one sentence."},{"role":"user","content":"What does a vault do with what it was given?"}],"max_tokens":100}"#;
/// What a call that streams says.
const STREAM: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"What does a vault do with what it was given?"}],"max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}"#;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Calls a second, how long they take, CPU a call
    Throughput,
    /// What is added to a provider of 20 ms
    Delay,
    /// First chunk, delay and CPU a chunk, late chunks, memory of 1,000 open streams
    Streams,
    /// Start to the first answered call
    Start,
    /// Memory, also after 10,000 tokens were used
    Memory,
    /// A budget worth 10 calls, 200 at once
    Budget,
    /// Killed right behind an answer: what is missing from the audit
    Kill,
    /// The cost of a call by the number of grants and of usage rows
    Growth,
}

/// Where the vault under test keeps its records, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// `postgres://…`; SQLite where there is none.
    pub(crate) database: Option<String>,
    /// Whether every hold is durable before its call is forwarded.
    pub(crate) strict: bool,
}

/// How it is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    pub(crate) place: Place,
    /// Calls at a time.
    pub(crate) connections: Vec<usize>,
    /// How long a round counts.
    pub(crate) span: Duration,
    pub(crate) rounds: usize,
    pub(crate) form: Form,
    /// Whether nginx is left out.
    pub(crate) alone: bool,
    /// Grants and usage rows to grow to, at most.
    pub(crate) most: (u64, u64),
}

/// How the figures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Table,
    Json,
    Markdown,
}

/// What is measured, and what it is measured with.
struct Stage {
    manner: Arc<Manner>,
    upstream: SocketAddr,
    nginx: Option<Nginx>,
    vault: Vault,
    lent: Lent,
    connections: Vec<usize>,
    span: Duration,
    rounds: usize,
    most: (u64, u64),
}

impl Stage {
    fn to(&self, address: SocketAddr, process: Option<Process>, body: &str) -> Target {
        // what stands beside the vault gets a credential of the same length
        let request = load::request("/v1/chat/completions", address, Some(&self.lent.token), body);
        Target { address, request, process }
    }

    fn to_vault(&self, token: &str, body: &str) -> Target {
        let address = self.vault.address;
        let request = load::request("/v1/openai/chat/completions", address, Some(token), body);
        Target { address, request, process: Some(self.vault.process()) }
    }

    const fn least_throughput(&self) -> f64 {
        if self.vault.place.strict { 0.35 } else { 0.5 }
    }
}

/// A cap on money that no run reaches.
fn plenty() -> Limits {
    Limits::monthly(Money::MAX)
}

/// Measures, in a thread of its own, and writes the figures down.
///
/// # Errors
/// Whatever stands in the way.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || {
        let cores = std::thread::available_parallelism()?.get();
        let own = runtime(cores)?;
        own.block_on(measure(&plan, cores))
    })
    .await?
}

/// Load and provider: on all cores but the one of what is measured.
fn runtime(cores: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = match cores {
        ..=2 => tokio::runtime::Builder::new_current_thread(),
        more => {
            let mut many = tokio::runtime::Builder::new_multi_thread();
            many.worker_threads(more - 1);
            many
        }
    };
    builder.enable_all().build().context("no threads can be started")
}

async fn measure(plan: &Plan, cores: usize) -> anyhow::Result<()> {
    let last = cores.saturating_sub(1);
    let rest = format!("0-{}", last.saturating_sub(1));
    Process(std::process::id()).open_files();
    let apart = cores > 1 && Process(std::process::id()).keep_to(&rest);
    let core = apart.then_some(last);
    if !apart {
        out::hint("no core can be set apart for what is measured: the figures are of all together");
    }
    let manner = Arc::new(Manner::default());
    let upstream = upstream::start(manner.clone()).await?;
    let program = nginx::installed().filter(|_| !plan.alone);
    let nginx =
        program.as_ref().map(|program| Nginx::start(program, upstream, core)).transpose()?;
    if nginx.is_none() && !plan.alone {
        out::hint(
            "nginx is not installed: figures without ratios; on Debian: apt-get install nginx-light",
        );
    }
    let vault = Vault::start(upstream, &plan.place, core)?;
    let lent = books::lend(&vault, "Benchmark", MODEL, plenty()).await?;
    let Plan { span, rounds, most, .. } = *plan;
    let connections = plan.connections.clone();
    let mut stage = Stage { manner, upstream, nginx, vault, lent, connections, span, rounds, most };

    let mut figures = Vec::new();
    for part in &plan.parts {
        out::hint(&format!("{}…", part.words()));
        figures.extend(part.measured(&mut stage).await.with_context(|| part.words())?);
    }
    let beside = program.as_deref().map(nginx::version).transpose()?;
    let store = if plan.place.database.is_some() { "PostgreSQL" } else { "SQLite" };
    match plan.form {
        Form::Table => report::table(&figures),
        Form::Markdown => {
            let beside = beside.map_or_else(String::new, |version| format!(", nginx {version}"));
            let strict = if plan.place.strict { ", strict holds" } else { "" };
            out::line(&format!(
                "okap-vault {}, {store}{strict}{beside}; {cores} cores, {rounds} rounds of {} s.\n",
                env!("CARGO_PKG_VERSION"),
                span.as_secs_f64(),
            ));
            out::line(report::markdown(&figures).trim_end());
        }
        Form::Json => out::json(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "nginx": beside,
            "store": store,
            "strict": plan.place.strict,
            "cores": cores,
            "one_core_for_each": apart,
            "seconds": span.as_secs_f64(),
            "rounds": rounds,
            "figures": report::json(&figures),
        }))?,
    }
    Ok(())
}

impl Part {
    fn words(self) -> String {
        use clap::ValueEnum;
        let words = self.to_possible_value().map(|value| value.get_name().to_owned());
        words.unwrap_or_default()
    }

    async fn measured(self, stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
        stage.manner.set(upstream::Way::default());
        match self {
            Self::Throughput => rounds::throughput(stage).await,
            Self::Delay => rounds::delay(stage).await,
            Self::Streams => streams::figures(stage).await,
            Self::Start => memory::start(stage).await,
            Self::Memory => memory::figures(stage).await,
            Self::Budget => budget::figures(stage).await,
            Self::Kill => budget::killed(stage).await,
            Self::Growth => grow::figures(stage).await,
        }
    }
}
