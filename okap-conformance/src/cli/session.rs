//! One run, from the start of the vault to its end.

use std::sync::Arc;

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use super::out;
use crate::{
    canary::Secrets,
    catalogue::Test,
    event::Event,
    redact,
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
    let mut tell = |event: &Event| {
        run.add(event);
        if let Ok(line) = serde_json::to_string(event) {
            events.push_str(&line);
            events.push('\n');
        }
        if let Some(line) = progress.line(event) {
            out::progress(|| redact::shown(&stage.secrets, &line));
        }
    };
    let came = unless_ended(runner::run(&stage, tests, options, &mut tell)).await;
    stage.close().await;
    out::progress(String::new);
    let exit = came?;
    Ok(Session { exit, run, events, secrets: stage.secrets.clone() })
}

/// Starts what is needed to test; where that fails, says so and how the command ends.
pub(super) async fn open(target: Target, seed: Seed) -> Result<Stage, Exit> {
    out::progress(|| "starting".to_owned());
    let secrets = Secrets::default();
    let opened = unless_ended(Stage::open(target, seed, secrets.clone())).await;
    out::progress(String::new);
    opened?.map_err(|error| {
        out::complain(&redact::shown(&secrets, &error.to_string()));
        match error {
            StageError::Driver(_) => Exit::Harness,
            _ => Exit::Unreachable,
        }
    })
}

/// Does this, unless whoever started the command ends it before: the rest is left undone, and what
/// was begun is still to be stopped.
pub(super) async fn unless_ended<T>(work: impl Future<Output = T>) -> Result<T, Exit> {
    tokio::select! {
        done = work => Ok(done),
        () = ended() => {
            out::complain("ended from outside before all was tested");
            Err(Exit::Interrupted)
        }
    }
}

/// Ctrl-C, and what a CI server sends.
async fn ended() {
    let pressed = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    #[cfg(unix)]
    if let Ok(mut told) = signal(SignalKind::terminate()) {
        return tokio::select! {
            () = pressed => {}
            _ = told.recv() => {}
        };
    }
    pressed.await;
}
