use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};

use super::out;
use crate::{
    catalogue::{self, Test},
    profile::Profile,
    report::{Run, console, json, junit},
    runner::{self, Options},
    seed::Seed,
    stage::{Stage, StageError},
    target::Target,
    verdict::Exit,
};

/// Tests the vault that okap-target.toml describes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tests whose id contains one of these words
    only: Vec<String>,
    /// The description of the vault
    #[arg(long, default_value = "okap-target.toml", value_name = "FILE")]
    target: PathBuf,
    /// Only these profiles, of those that the vault claims
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<Profile>,
    /// Sets a key of the description, such as consent.hook=http://127.0.0.1:8787/hook
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Repeats a run: nonces, order and delays come from it
    #[arg(long, value_name = "SEED")]
    seed: Option<Seed>,
    /// Runs as often, each time with another seed; ends as the worst of them
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// How many tests run at a time
    #[arg(long, default_value_t = 6, value_name = "N")]
    at_once: usize,
    /// Does not try a failure again to tell whether it is flaky
    #[arg(long)]
    once: bool,
    /// Prints the report as JSON in place of the last screen
    #[arg(long)]
    json: bool,
    /// Writes every event as it happens, one a line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Writes a report for a CI server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Tests a vault on another computer
    #[arg(long)]
    i_own_this: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let target = Target::read(&args.target, &args.set, std::env::vars())?;
    if !args.i_own_this {
        target.is_here()?;
    }
    let tests = chosen(&args, &target);
    if tests.is_empty() {
        bail!("no test of a claimed profile is meant by that; see okap-conformance list");
    }
    let first = args.seed.unwrap_or_else(Seed::fresh);
    let mut worst = Exit::Conformant;
    for round in 0..args.seeds {
        let seed = if round == 0 { first } else { first.of(&round.to_string()) };
        let exit = once(&args, target.clone(), &tests, seed).await?;
        if worst == Exit::Conformant || exit == Exit::Nonconformant {
            worst = exit;
        }
    }
    Ok(worst)
}

fn chosen(args: &Args, target: &Target) -> Vec<&'static Test> {
    let profiles = target.profiles();
    let wanted = |test: &&Test| {
        profiles.contains(&test.profile)
            && (args.profile.is_empty() || args.profile.contains(&test.profile))
            && (args.only.is_empty()
                || args.only.iter().any(|word| test.id.contains(word.as_str())))
    };
    catalogue::all().filter(wanted).collect()
}

async fn once(
    args: &Args,
    target: Target,
    tests: &[&'static Test],
    seed: Seed,
) -> anyhow::Result<Exit> {
    out::progress("starting");
    let stage = match Stage::open(target, seed).await {
        Ok(stage) => Arc::new(stage),
        Err(error) => {
            out::progress("");
            out::complain(&error.to_string());
            return Ok(match error {
                StageError::Driver(_) => Exit::Harness,
                _ => Exit::Unreachable,
            });
        }
    };
    let mut report = Run::default();
    let mut lines = Vec::new();
    let mut progress = console::Progress::default();
    let options = Options { at_once: args.at_once, again: !args.once };
    let exit = runner::run(&stage, tests, options, &mut |event| {
        report.add(event);
        lines.extend(serde_json::to_string(event));
        if let Some(line) = progress.line(event) {
            out::progress(&line);
        }
    })
    .await;
    stage.close().await;
    out::progress("");
    if let Some(file) = &args.events {
        write(file, &(lines.join("\n") + "\n"))?;
    }
    if let Some(file) = &args.junit {
        write(file, &junit::document(&report)?)?;
    }
    match args.json {
        true => out::line(&serde_json::to_string_pretty(&json::document(&report))?),
        false => out::line(console::screen(&report).trim_end()),
    }
    Ok(exit)
}

fn write(file: &std::path::Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
