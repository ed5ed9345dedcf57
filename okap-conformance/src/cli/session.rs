//! One run, from the start of the vault to its end.

use std::sync::Arc;

use super::out;
use crate::{
    canary::Secrets,
    catalogue::Test,
    report::{Run, console},
    runner::{self, Options},
    seed::Seed,
    stage::{Stage, StageError},
    target::Target,
    verdict::Exit,
};

/// What a run was.
pub(super) struct Session {
    pub(super) exit: Exit,
    pub(super) run: Run,
    /// Its events, one a line.
    pub(super) events: String,
    pub(super) secrets: Secrets,
}

/// Runs tests; where nothing can be tested, says so and how the command ends.
pub(super) async fn session(
    target: Target,
    tests: &[&'static Test],
    seed: Seed,
    options: Options,
) -> Result<Session, Exit> {
    let stage = Arc::new(open(target, seed).await?);
    let mut run = Run::default();
    let mut events = String::new();
    let mut progress = console::Progress::default();
    let exit = runner::run(&stage, tests, options, &mut |event| {
        run.add(event);
        if let Ok(line) = serde_json::to_string(event) {
            events.push_str(&line);
            events.push('\n');
        }
        if let Some(line) = progress.line(event) {
            out::progress(&line);
        }
    })
    .await;
    stage.close().await;
    out::progress("");
    Ok(Session { exit, run, events, secrets: stage.secrets.clone() })
}

/// Starts what is needed to test; where that fails, says so and how the command ends.
pub(super) async fn open(target: Target, seed: Seed) -> Result<Stage, Exit> {
    out::progress("starting");
    let opened = Stage::open(target, seed).await;
    out::progress("");
    opened.map_err(|error| {
        out::complain(&error.to_string());
        match error {
            StageError::Driver(_) => Exit::Harness,
            _ => Exit::Unreachable,
        }
    })
}
