use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{at::At, out, session::session};
use crate::{
    catalogue,
    certificate::{self, About, ROUNDS, events_file},
    digest::sha256,
    redact,
    report::place,
    runner::Options,
    seed::Seed,
    target::Target,
    verdict::Exit,
};

/// Runs all that the vault claims three times, and writes a statement about it to sign
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: At,
    /// Where the statement and the events go
    #[arg(long, default_value = "okap-certificate", value_name = "FOLDER")]
    out: PathBuf,
    /// The vault's program or image; without, the program that [launch] names, if that is a file
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// What a person vouches for, with the name: "Jo: keys are rotated by hand (OKAP-R-012)"
    #[arg(long, value_name = "WHO: WHAT")]
    attest: Vec<String>,
    /// The first of the three seeds
    #[arg(long, value_name = "SEED")]
    seed: Option<Seed>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let target = args.at.read()?;
    let about = About {
        artifact: artifact(&args, &target)?,
        suite: sha256(&std::fs::read(std::env::current_exe()?)?),
        attestations: args.attest.clone(),
    };
    let profiles = target.profiles();
    let tests: Vec<_> = catalogue::all().filter(|test| profiles.contains(&test.profile)).collect();
    let first = args.seed.unwrap_or_else(Seed::fresh);
    let (mut runs, mut files) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let seed = if round == 1 { first } else { first.of(&round.to_string()) };
        let ran = match session(target.clone(), &tests, seed, Options::default()).await {
            Ok(ran) => ran,
            Err(exit) => return Ok(exit),
        };
        out::line(&format!("run {round} of {ROUNDS}, seed {seed}: {}", ran.run.counts()));
        redact::look(&ran.secrets, &events_file(round), &ran.events)?;
        files.push((events_file(round), ran.events.clone()));
        runs.push((ran.run, ran.events));
    }
    let statement = certificate::statement(&runs, &about);
    files.push(("statement.json".to_owned(), format!("{statement:#}\n")));
    for (name, text) in &files {
        place(&args.out.join(name), text)?;
    }
    let runs: Vec<_> = runs.into_iter().map(|(run, _)| run).collect();
    for problem in certificate::problems(&runs) {
        out::line(&format!("  {problem}"));
    }
    let exit = certificate::exit(&runs);
    let file = args.out.join("statement.json");
    out::line(&format!("{}: {}", exit.meaning(), file.display()));
    Ok(exit)
}

fn artifact(args: &Args, target: &Target) -> anyhow::Result<Option<(String, String)>> {
    let launched = target.launch.as_ref().and_then(|launch| launch.command.first());
    let launched = launched.map(|program| target.folder.join(program));
    match (&args.artifact, launched) {
        (Some(file), _) => digest(file).map(Some),
        (None, Some(program)) if program.is_file() => digest(&program).map(Some),
        _ => Ok(None),
    }
}

/// The name of a file and its SHA-256.
pub(super) fn digest(file: &Path) -> anyhow::Result<(String, String)> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, sha256(&bytes)))
}
