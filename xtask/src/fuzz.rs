//! Runs the fuzz targets of `fuzz/`: under libFuzzer where there is a nightly toolchain, else with
//! the mutator that okap-engine's tests use.

#[path = "../../fuzz/src/seeds.rs"]
#[allow(unreachable_pub, clippy::indexing_slicing, reason = "shared with fuzz/")]
mod seeds;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::tools::{self, root, say};

const TARGETS: &[&str] = &[
    "request",
    "details",
    "form",
    "token",
    "user_code",
    "timestamp",
    "money",
    "meter",
    "client_document",
    "dpop_proof",
    "jws",
];
/// How many targets run at once.
const AT_ONCE: usize = 2;

/// Runs the targets of these names, all where there is none, each for so many seconds.
///
/// # Errors
/// When a target fails, or cannot be built.
pub(crate) fn run(only: &[String], seconds: u64, stable: bool) -> Result<()> {
    if let Some(other) = only.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("there is no target {other}; there are {}", TARGETS.join(", "));
    }
    let chosen = |name: &&&str| only.is_empty() || only.iter().any(|word| word == **name);
    let targets: Vec<_> = TARGETS.iter().filter(chosen).copied().collect();
    match stable || !has_nightly() {
        true => with_own_mutator(&targets, seconds),
        false => with_libfuzzer(&targets, seconds),
    }
}

fn has_nightly() -> bool {
    let asked = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    asked.is_ok_and(|asked| asked.status.success())
}

fn with_own_mutator(targets: &[&str], seconds: u64) -> Result<()> {
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "--quiet", "-p", "okap-engine", "--test", "fuzz", "--", "--show-output"]);
    test.arg(format!("--test-threads={AT_ONCE}")).arg("--exact").args(targets);
    test.env("OKAP_FUZZ_SECONDS", seconds.to_string()).current_dir(root());
    tools::run(&mut test)
}

/// What a run of a target came to.
struct Outcome {
    target: String,
    runs: u64,
    covered: String,
    corpus: usize,
    failure: Option<String>,
}

fn with_libfuzzer(targets: &[&str], seconds: u64) -> Result<()> {
    let tool = tools::cargo_tool("cargo-fuzz", "0.13.2")?;
    let home = tools::folder().with_file_name("fuzz");
    let mut build = Command::new(tool);
    build.args(["build", "--target-dir"]).arg(home.join("build")).current_dir(root());
    // the toolchain that runs this chore is not the one that builds the targets
    build.env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO").env_remove("RUSTC");
    tools::run(&mut build).context("the fuzz targets cannot be built")?;
    let programs = programs(&home.join("build"))?;
    let waiting = Mutex::new(targets.iter().rev().collect::<Vec<_>>());
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(target) = waiting.lock().ok().and_then(|mut list| list.pop()) {
                    say(&format!("fuzz {target}: {seconds} s"));
                    let outcome = fuzz(&programs.join(target), &home, target, seconds);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_default();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    summary(&outcomes, &home, targets, seconds)
}

/// Where cargo-fuzz put the programs: below the host's name.
fn programs(build: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(build).with_context(|| format!("read {}", build.display()))? {
        let folder = entry?.path().join("release");
        if TARGETS.iter().all(|target| folder.join(target).exists()) {
            return Ok(folder);
        }
    }
    bail!("no fuzz targets below {}", build.display())
}

/// Runs one target from its corpus, which begins with the seeds and is kept between runs.
fn fuzz(program: &Path, home: &Path, target: &str, seconds: u64) -> Result<Outcome> {
    let (corpus, found) = (home.join("corpus").join(target), home.join("found").join(target));
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    for (at, seed) in seeds::of(target, &root().join("spec/vectors")).iter().enumerate() {
        fs::write(corpus.join(format!("seed-{at}")), seed).context("write a seed")?;
    }
    let log = fs::File::create(home.join(format!("{target}.log"))).context("write a log")?;
    let mut run = Command::new(program);
    run.arg(&corpus).arg(format!("-artifact_prefix={}/", found.display()));
    run.args(["-max_len=70000", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]);
    run.arg(format!("-max_total_time={seconds}")).stdout(Stdio::null()).stderr(log);
    let status = run.status().with_context(|| format!("cannot start {}", program.display()))?;
    let text = fs::read(home.join(format!("{target}.log"))).context("read a log")?;
    let text = String::from_utf8_lossy(&text);
    let stat = |name: &str| text.lines().rev().find_map(|line| line.strip_prefix(name));
    let runs = stat("stat::number_of_executed_units:").and_then(|n| n.trim().parse().ok());
    let covered = text.lines().rev().find_map(|line| line.split_once("cov: "));
    let covered = covered.and_then(|(_, rest)| rest.split(' ').next()).unwrap_or("?");
    let failure = (!status.success()).then(|| format!("{status}; see {}", found.display()));
    Ok(Outcome {
        target: target.to_owned(),
        runs: runs.unwrap_or(0),
        covered: covered.to_owned(),
        corpus: fs::read_dir(&corpus).map_or(0, Iterator::count),
        failure,
    })
}

fn summary(outcomes: &[Outcome], home: &Path, targets: &[&str], seconds: u64) -> Result<()> {
    let mut lines = vec![format!(
        "{:16}{:>12}{:>10}{:>8}  outcome ({seconds} s each)",
        "target", "runs", "coverage", "corpus"
    )];
    for target in targets {
        let Some(one) = outcomes.iter().find(|one| one.target == *target) else { continue };
        let outcome = one.failure.as_deref().unwrap_or("nothing found");
        lines.push(format!(
            "{target:16}{:>12}{:>10}{:>8}  {outcome}",
            one.runs, one.covered, one.corpus
        ));
    }
    let text = lines.join("\n");
    let path = home.join("summary.txt");
    fs::write(&path, format!("{text}\n")).context("write the summary")?;
    say(&format!("{text}\n{}", path.display()));
    let failed: Vec<_> =
        outcomes.iter().filter(|o| o.failure.is_some()).map(|o| o.target.as_str()).collect();
    ensure!(failed.is_empty(), "fuzzing found something in {}", failed.join(", "));
    ensure!(outcomes.len() == targets.len(), "not every target ran");
    ensure!(outcomes.iter().all(|one| one.runs > 0), "a target did not run");
    Ok(())
}
