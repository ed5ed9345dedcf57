use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::provider::{Config, FakeProvider, Price};
use crate::target::span;

/// Run a fake OpenAI, Anthropic and Google that keeps its own books
///
/// Give the printed address to a vault as the address of OpenAI, Anthropic and Google (without /v1 or
/// /v1beta), and the printed key as its master key. Every request is written into the books, billed, and searched
/// for what a vault must never send on.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: String,
    /// Key that the vault must present [default: a new canary, printed]
    #[arg(long, value_name = "KEY", conflicts_with = "master_key_file")]
    master_key: Option<String>,
    /// File that holds this key
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// Words of an answer, one token each
    #[arg(long, default_value_t = 12, value_name = "N")]
    words: u64,
    /// Wait before an answer begins: 200ms, 1.5s
    #[arg(long, default_value = "0ms", value_parser = span, value_name = "TIME")]
    delay: Duration,
    /// Wait before each word of an answer
    #[arg(long, default_value = "0ms", value_parser = span, value_name = "TIME")]
    chunk_delay: Duration,
    /// Price of a model in pico-USD per token, as MODEL=INPUT,OUTPUT; may be repeated
    #[arg(long, value_parser = price, value_name = "PRICE")]
    price: Vec<(String, Price)>,
    /// Print the ready line as JSON: {"url":…,"master_key":…}
    #[arg(long)]
    json: bool,
}

const HELP: &str = r#"Examples:
  okap-conformance provider --words 200 --chunk-delay 20ms
  okap-conformance provider --listen 127.0.0.1:9100 --master-key-file canary.txt --json

While it runs, on the same address:
  curl $URL/__provider/ledger?settle_ms=1000              the books: totals, calls, violations
  curl $URL/__provider/fault -d '{"times":2,"fault":{"kind":"status","status":429}}'
  curl $URL/__provider/fault -d '{"model_prefix":"gpt","words":500,"chunk_delay_ms":5}'
  curl $URL/__provider/fault -X DELETE                    no more faults
  curl $URL/__provider/barrier -d '{"calls":20}'          hold answers until 20 calls are here
  curl $URL/__provider/release -d '{"calls":1}'           let one go; without a body, all
  curl $URL/__provider/reset -X POST                      empty the books

Kinds of fault: status, redirect, hang, cut, end_early, error_event, html, truncated_json, huge,
no_usage, zero_usage, gzip, echo_credential.
A prompt with "say 30 words" gets 30 words; with "use the tool", a call of the first tool."#;

pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let interrupted = interrupted()?;
    let json = args.json;
    let config = config(args)?;
    let listen = config.listen.clone();
    let provider =
        FakeProvider::start(config).await.with_context(|| format!("listen on {listen}"))?;
    let (url, master_key) = (provider.url(), provider.master_key());
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::json!({ "url": url, "master_key": master_key }))?;
    } else {
        writeln!(out, "{url}  (fake OpenAI, Anthropic and Google, master key {master_key})")?;
    }
    out.flush()?;
    drop(out);
    interrupted.await;
    provider.stop().await;
    Ok(())
}

fn config(args: Args) -> anyhow::Result<Config> {
    let mut config = Config { listen: args.listen, ..Config::default() };
    if let Some(file) = args.master_key_file {
        let key = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        key.trim().clone_into(&mut config.master_key);
    }
    if let Some(key) = args.master_key {
        config.master_key = key;
    }
    config.manner.words = args.words;
    config.manner.delay = args.delay;
    config.manner.chunk_delay = args.chunk_delay;
    config.prices.extend(args.price);
    Ok(config)
}

/// Completes at SIGINT or SIGTERM, counted from this call on.
#[cfg(unix)]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a signal to wait for, the command runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// Reads `gpt-5=1250000,10000000`.
fn price(text: &str) -> Result<(String, Price), String> {
    let form = "a price reads MODEL=INPUT,OUTPUT in whole pico-USD per token";
    let (model, price) = text.split_once('=').ok_or(form)?;
    let (input, output) = price.split_once(',').ok_or(form)?;
    let number = |text: &str| text.parse().map_err(|_| form);
    Ok((model.to_owned(), Price::new(number(input)?, number(output)?)))
}
