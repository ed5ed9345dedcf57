use std::{path::PathBuf, str::FromStr};

use anyhow::bail;

use super::{
    at::At,
    out,
    session::{Session, session},
};
use crate::{
    baseline::{self, Baseline},
    catalogue::{self, Test},
    profile::Profile,
    redact,
    report::{Form, Reports, console, place},
    runner::Options,
    seed::Seed,
    target::{Mode, Target},
    verdict::Exit,
};

/// The profiles of a quick run.
const QUICK: [Profile; 2] = [Profile::Core, Profile::Proxy];

/// Tests the vault that okap-target.toml describes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tests whose id contains one of these words
    only: Vec<String>,
    #[command(flatten)]
    at: At,
    /// Only these profiles, of those that the vault claims
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<Profile>,
    /// Only core and proxy
    #[arg(long, conflicts_with = "profile")]
    quick: bool,
    /// Repeats a run: nonces, order and delays come from it
    #[arg(long, value_name = "SEED")]
    seed: Option<Seed>,
    /// Runs as often, each time with another seed; ends as the worst of them, and reports that one
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// How many tests run at a time
    #[arg(long, default_value_t = 6, value_name = "N")]
    at_once: usize,
    /// Does not try a failure again to tell whether it is flaky
    #[arg(long)]
    once: bool,
    /// Failures that are known; one that passes ends the run with 6
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes what fails as a baseline, for you to write the reasons in
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// Prints the report as JSON in place of the last screen
    #[arg(long)]
    json: bool,
    /// Writes every event, one a line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Writes a report for a CI server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    reports: Wanted,
}

/// Which reports are written, and where.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// Writes all reports into a folder, with HAR and curl for each test that did not pass
    #[arg(long, value_name = "FOLDER")]
    reports: Option<PathBuf>,
    /// Writes a report: json, junit, sarif, tap, markdown, html, badge, coverage, coverage-html,
    /// threats
    #[arg(long, value_name = "FORM=FILE", value_parser = single)]
    report: Vec<(Form, PathBuf)>,
}

fn single(text: &str) -> Result<(Form, PathBuf), String> {
    let (form, file) = text.split_once('=').ok_or("say FORM=FILE, such as html=report.html")?;
    Ok((Form::from_str(form)?, PathBuf::from(file)))
}

impl Wanted {
    pub(super) fn all(&self) -> Reports {
        Reports { folder: self.reports.clone(), single: self.report.clone() }
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let target = args.at.read()?;
    let baseline = match &args.baseline {
        Some(file) => Baseline::read(file)?,
        None => Baseline::default(),
    };
    let tests = chosen(&args, &target);
    if tests.is_empty() {
        bail!("no test of a claimed profile is meant by that; see okap-conformance list");
    }
    let person = target.consent.mode() == Mode::Human;
    if person {
        out::note(&format!("{} tests, and most of them will ask you once or twice", tests.len()));
    }
    let at_once = if person { 1 } else { args.at_once };
    let options = Options { at_once, again: !args.once, keep: false, baseline };
    let first = args.seed.unwrap_or_else(Seed::fresh);
    let mut worst: Option<Session> = None;
    for round in 0..args.seeds {
        let seed = if round == 0 { first } else { first.of(&round.to_string()) };
        let ran = match session(target.clone(), &tests, seed, options.clone()).await {
            Ok(ran) => ran,
            Err(exit) => return Ok(exit),
        };
        if !args.json {
            out::line(shown(&ran, console::screen(&ran.run))?.trim_end());
        }
        let worse = |known: &Session| {
            (known.exit == Exit::Conformant && ran.exit != Exit::Conformant)
                || (known.exit != Exit::Nonconformant && ran.exit == Exit::Nonconformant)
        };
        if worst.as_ref().is_none_or(worse) {
            worst = Some(ran);
        }
    }
    let Some(worst) = worst else { return Ok(Exit::Usage) };
    told(&args, &worst)
}

/// Writes what was asked for.
fn told(args: &Args, ran: &Session) -> anyhow::Result<Exit> {
    let mut reports = args.reports.all();
    reports.single.extend(args.junit.iter().map(|file| (Form::Junit, file.clone())));
    reports.write(&ran.run, &ran.events, &ran.secrets)?;
    if let Some(file) = &args.events {
        place(file, &shown(ran, ran.events.clone())?)?;
    }
    if let Some(file) = &args.write_baseline {
        place(file, &shown(ran, baseline::draft(&ran.run.tested))?)?;
    }
    if args.json {
        out::line(shown(ran, Form::Json.render(&ran.run)?)?.trim_end());
    }
    Ok(ran.exit)
}

/// The text, which no secret stands in.
fn shown(ran: &Session, text: String) -> Result<String, redact::Leak> {
    redact::look(&ran.secrets, "what is shown", &text).map(|()| text)
}

fn chosen(args: &Args, target: &Target) -> Vec<&'static Test> {
    let profiles = target.profiles();
    let wanted = |test: &&Test| {
        profiles.contains(&test.profile)
            && (args.profile.is_empty() || args.profile.contains(&test.profile))
            && (!args.quick || QUICK.contains(&test.profile))
            && (args.only.is_empty()
                || args.only.iter().any(|word| test.id.contains(word.as_str())))
    };
    catalogue::all().filter(wanted).collect()
}
