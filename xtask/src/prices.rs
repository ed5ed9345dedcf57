//! Writes the price snapshot that okap-engine embeds, from the data of the crate `genai-prices`.
//!
//! The crate's own calculator works in floats and embeds every provider. The snapshot keeps the price lists of the
//! providers that OKAP can reach as exact decimals, one model per line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use self::clause::Clause;
use self::source::{Model, Source};
use self::tariff::Tariff;

mod amount;
mod clause;
mod source;
mod tariff;

const FILE: &str = "okap-engine/data/prices.json";

/// The providers kept: those that OKAP names, and some whose APIs are close to OpenAI's and that users add.
/// (Ollama is local; replicate bills by the second.)
const PROVIDERS: [&str; 14] = [
    "anthropic",
    "cerebras",
    "cohere",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "mistral",
    "moonshotai",
    "openai",
    "openrouter",
    "together",
    "voyageai",
    "x-ai",
];

/// Writes `okap-engine/data/prices.json`, or with `check` only compares it with what would be written.
///
/// Writing takes the prices that are in force today. Checking takes those of the day that the file names, so that
/// its verdict depends on the tree alone; prices that have come into force since are mentioned on stderr.
///
/// # Errors
/// When `check` finds the file stale, when the source cannot be found or has a shape not known here, or when the
/// file cannot be read or written.
pub(crate) fn write(check: bool) -> Result<()> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let source = Source::locate(root)?;
    let path = root.join(FILE);
    let today = time::OffsetDateTime::now_utc().date().to_string();
    if check { compare(&source, &path, &today) } else { replace(&source, &path, &today) }
}

fn compare(source: &Source, path: &PathBuf, today: &str) -> Result<()> {
    let on_disk = fs::read_to_string(path).with_context(|| format!("cannot read {FILE}"))?;
    let header: Header =
        serde_json::from_str(&on_disk).with_context(|| format!("{FILE} has no header"))?;
    let snapshot = Snapshot::build(source, &header.in_force)?;
    ensure!(
        on_disk == snapshot.render()?,
        "{FILE} is stale: it is not what genai-prices {} gives; run `cargo xtask prices`",
        source.version
    );
    if let Some(due) = snapshot.announced.first().filter(|date| date.as_str() <= today) {
        writeln!(
            io::stderr(),
            "{FILE}: other prices are in force since {due}; run `cargo xtask prices`"
        )?;
    }
    Ok(())
}

fn replace(source: &Source, path: &PathBuf, today: &str) -> Result<()> {
    let snapshot = Snapshot::build(source, today)?;
    let text = snapshot.render()?;
    fs::write(path, &text).with_context(|| format!("cannot write {FILE}"))?;
    let models = snapshot.providers.iter().map(|(_, rows)| rows.len()).sum::<usize>();
    let unpriced =
        snapshot.providers.iter().flat_map(|(_, rows)| rows).filter(|row| !row.tariff.has_input());
    writeln!(
        io::stderr(),
        "{FILE}: {} bytes, {models} models of {} providers, {} of them without token prices; \
         {} regexes dropped; announced prices not yet in force: {}",
        text.len(),
        snapshot.providers.len(),
        unpriced.count(),
        snapshot.dropped.len(),
        if snapshot.announced.is_empty() {
            "none".to_owned()
        } else {
            snapshot.announced.join(", ")
        },
    )?;
    for regex in &snapshot.dropped {
        writeln!(io::stderr(), "dropped regex {regex}")?;
    }
    Ok(())
}

/// What the engine will read, and what was seen on the way.
struct Snapshot {
    version: String,
    /// The day of the newest price taken.
    in_force: String,
    providers: Vec<(&'static str, Vec<Row>)>,
    /// Regexes without a clause to say the same.
    dropped: Vec<String>,
    /// Days on which other prices come into force, ascending.
    announced: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    in_force: String,
}

#[derive(Serialize)]
struct Row {
    id: String,
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    clauses: Vec<Clause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(flatten)]
    tariff: Tariff,
}

impl Snapshot {
    fn build(source: &Source, day: &str) -> Result<Self> {
        let mut dropped = Vec::new();
        let mut dates: Vec<String> = Vec::new();
        let mut providers = Vec::new();
        for name in PROVIDERS {
            let models = source.models(name)?;
            let mut rows = Vec::new();
            for Model { id, rule, context_window, prices } in models {
                let clauses = clause::translate(rule, &id, &mut dropped);
                let list = tariff::price_list(&prices)
                    .with_context(|| format!("prices of {name} {id}"))?;
                dates.extend(list.iter().filter_map(|entry| entry.start_date().map(str::to_owned)));
                let mut tariff = Tariff::in_force(&list, day)
                    .with_context(|| format!("prices of {name} {id}"))?;
                tariff.complete(&id);
                rows.push(Row { id, clauses, context_window, tariff });
            }
            providers.push((name, rows));
        }
        dates.sort();
        dates.dedup();
        let announced = dates.split_off(dates.partition_point(|date| date.as_str() <= day));
        let in_force = dates.pop().context("no price in the source has a date")?;
        Ok(Self { version: source.version.clone(), in_force, providers, dropped, announced })
    }

    fn render(&self) -> Result<String> {
        let mut text = format!(
            "{{\n\"source\": \"genai-prices\",\n\"version\": \"{}\",\n\
             \"licence\": \"MIT, Copyright (c) Pydantic Services Inc. 2025 to present, see NOTICE\",\n\
             \"in_force\": \"{}\",\n\"providers\": {{\n",
            self.version, self.in_force
        );
        for (i, (name, rows)) in self.providers.iter().enumerate() {
            writeln!(text, "\"{name}\": [")?;
            for (j, row) in rows.iter().enumerate() {
                let comma = if j + 1 < rows.len() { "," } else { "" };
                writeln!(text, "{}{comma}", serde_json::to_string(row)?)?;
            }
            writeln!(text, "]{}", if i + 1 < self.providers.len() { "," } else { "" })?;
        }
        text.push_str("}\n}\n");
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use genai_prices::{Calculator, PriceRequest};
    use okap_engine::price::{PriceBook, Usage};

    use super::*;

    #[test]
    fn the_snapshot_on_disk_is_what_the_source_gives() {
        write(true).unwrap();
    }

    #[test]
    fn a_snapshot_is_small_and_the_same_each_time() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let source = Source::locate(root).unwrap();
        let render = |day| Snapshot::build(&source, day).unwrap().render().unwrap();
        assert_eq!(render("2026-11-23"), render("2026-11-22"));
        assert!(render("2026-11-23").len() < 300_000);
    }

    /// The source's own calculator, in floats, is the oracle for all models and every kind of token.
    #[test]
    fn every_price_is_what_the_calculator_of_genai_prices_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let source = Source::locate(root).unwrap();
        let oracle = Calculator::from_json(&source.json).unwrap();
        let text = fs::read_to_string(root.join(FILE)).unwrap();
        let book = PriceBook::parse(&text).unwrap();
        let noon = time::Date::parse(
            &serde_json::from_str::<Header>(&text).unwrap().in_force,
            time::macros::format_description!("[year]-[month]-[day]"),
        );
        let noon = u64::try_from(noon.unwrap().midnight().assume_utc().unix_timestamp()).unwrap()
            + 12 * 3600;

        let mut compared = 0;
        for provider in PROVIDERS.into_iter().filter(|name| *name != "deepseek") {
            for model in book.models(provider) {
                let price = book.find(provider, model).unwrap();
                for usage in usages().into_iter().filter(|_| price.has_input_price()) {
                    let theirs = genai_prices::Usage::from(
                        [
                            ("input_tokens", usage.input),
                            ("cache_read_tokens", usage.cache_read),
                            ("cache_write_tokens", usage.cache_write + usage.cache_write_1h),
                            ("cache_write_1h_tokens", usage.cache_write_1h),
                            ("input_audio_tokens", usage.input_audio),
                            ("input_image_tokens", usage.input_image),
                            ("input_video_tokens", usage.input_video),
                            ("cache_audio_read_tokens", usage.cache_audio_read),
                            ("output_tokens", usage.output),
                            ("output_audio_tokens", usage.output_audio),
                            ("output_reasoning_tokens", usage.output_reasoning),
                        ]
                        .map(|(key, tokens)| (key, tokens as f64)),
                    );
                    let request = PriceRequest::new(model, &theirs)
                        .with_provider_id(provider)
                        .with_timestamp(UNIX_EPOCH + Duration::from_secs(noon));
                    // Some ids of the source fit none of its own rules.
                    let Ok(calculated) = oracle.calculate(&request) else {
                        continue;
                    };
                    assert_eq!(calculated.model_id, model);
                    let ours = price.cost(&usage).unwrap().get() as f64 / 1e12;
                    let over = ours - calculated.total_price;
                    let slack = 1e-12 + 1e-9 * ours;
                    // Resellers' cache writes are completed, and announced prices are taken ahead of their day
                    // where they are dearer: see `Tariff`.
                    let completed =
                        provider == "google" || usage.cache_write > 0 && provider == "openrouter";
                    assert!(
                        over >= -slack && (completed || over <= slack),
                        "{provider} {model} {usage:?}: {ours} {calculated:?}"
                    );
                    compared += 1;
                }
            }
        }
        assert!(compared > 10_000, "{compared}");
    }

    fn usages() -> [Usage; 12] {
        let none = Usage::default();
        [
            Usage { input: 1, ..none },
            Usage { input: 1_000, output: 300, ..none },
            Usage { input: 100_000, output: 1, ..none },
            Usage { input: 100_001, output: 1, ..none },
            Usage { input: 272_000, output: 10_000, ..none },
            Usage { input: 272_001, output: 10_000, ..none },
            Usage { input: 1_000_000, cache_read: 900_000, output: 7, ..none },
            Usage { input: 1_000, cache_read: 400, cache_write: 300, output: 5, ..none },
            Usage { input: 1_000, cache_write: 300, cache_write_1h: 200, output: 5, ..none },
            Usage { input: 1_000, input_audio: 600, output: 50, output_audio: 20, ..none },
            Usage {
                input: 1_000,
                cache_read: 500,
                input_audio: 600,
                cache_audio_read: 300,
                ..none
            },
            Usage {
                input: 1_000,
                input_image: 5,
                input_video: 6,
                output: 50,
                output_reasoning: 20,
                ..none
            },
        ]
    }
}
