use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{out, run::Wanted};
use crate::{
    canary::Secrets,
    redact,
    report::{Run, console},
    seed::Seed,
    verdict::Exit,
};

/// Makes reports of the events of a run
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What run --events has written
    events: PathBuf,
    #[command(flatten)]
    reports: Wanted,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let name = args.events.display();
    let events = std::fs::read_to_string(&args.events);
    let events = events.with_context(|| format!("cannot read {name}"))?;
    let run = match Run::read(&events) {
        Ok(run) => run,
        Err(said) => bail!("{name}: {said}"),
    };
    // the key of the run comes from its seed; other secrets are found by how they look
    let secrets = Secrets::default();
    if let Some(seed) = run.began.as_ref().and_then(|began| began.seed.parse::<Seed>().ok()) {
        let _known = secrets.mint("master", seed);
    }
    let screen = console::screen(&run);
    redact::look(&secrets, "what is shown", &screen)?;
    args.reports.all().write(&run, &events, &secrets)?;
    out::line(screen.trim_end());
    Ok(run.ended.map_or(Exit::Incomplete, |ended| ended.exit))
}
