//! Starts a vault and stops it again.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    canary::Secrets,
    http::{Call, Http, Trust},
    outcome::Stop,
    target::{Launch, Target},
    transcript::Transcript,
};

/// How long a vault that was told to end may take.
const ENDING: Duration = Duration::from_secs(5);
/// Between two looks at whether it is ready.
const LOOK: Duration = Duration::from_millis(50);

/// Why a vault does not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The description names no program.
    #[error("[launch] has an empty command")]
    Empty,
    /// The program cannot be started.
    #[error("cannot start {0}: {1}")]
    Start(String, #[source] io::Error),
    /// It ended before it was ready.
    #[error("{0} ended before it was ready ({1}): {2}")]
    Ended(String, ExitStatus, String),
    /// It is not ready in time.
    #[error("{0} did not answer {1} within {2} s ({3}): {4}")]
    NotReady(String, String, u64, String, String),
}

/// Values for the places in a description's texts.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<String, String>);

impl Places {
    /// Fills `{name}` with a value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(format!("{{{name}}}"), value.into());
    }

    /// The text with all places filled in.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
    }
}

/// A vault that the suite has started. It ends when this is dropped.
pub struct Launched {
    plan: Launch,
    program: PathBuf,
    places: Places,
    ready: String,
    patience: Duration,
    trust: Trust,
    folder: TempDir,
    child: Child,
    /// The group of what it has started, while any of that may run.
    group: Option<u32>,
}

impl Launched {
    /// Starts the vault of a description and waits until it is ready.
    ///
    /// # Errors
    /// [`LaunchError`].
    pub async fn start(
        target: &Target,
        plan: &Launch,
        base_url: &str,
        mut places: Places,
    ) -> Result<Self, LaunchError> {
        let folder = tempfile::Builder::new().prefix("okap-conformance-").tempdir();
        let folder = folder.map_err(|error| LaunchError::Start("a directory".to_owned(), error))?;
        places.set("dir", folder.path().join("data").to_string_lossy());
        let here = std::path::absolute(target.folder.join(".")).unwrap_or_default();
        places.set("here", here.to_string_lossy());
        let program = plan.command.first().filter(|name| !name.is_empty());
        let program = PathBuf::from(places.fill(program.ok_or(LaunchError::Empty)?));
        let program = match program.components().count() > 1 && program.is_relative() {
            true => std::path::absolute(target.folder.join(&program)).unwrap_or(program),
            false => program,
        };
        let (method, path) = plan.ready.split_once(' ').unwrap_or(("GET", &plan.ready));
        let ready = format!("{method} {}{path}", base_url.trim_end_matches('/'));
        let child = spawn(plan, &program, &places, folder.path())?;
        let patience = target.timeouts.launch.0;
        let (plan, trust) = (plan.clone(), target.trust.clone());
        let group = child.id();
        let mut launched =
            Self { plan, program, places, ready, patience, trust, folder, child, group };
        launched.wait().await?;
        Ok(launched)
    }

    /// Ends it as an operating system does, and starts it again over the same data.
    ///
    /// # Errors
    /// [`LaunchError`].
    pub async fn restart(&mut self) -> Result<(), LaunchError> {
        self.stop().await;
        self.child = spawn(&self.plan, &self.program, &self.places, self.folder.path())?;
        self.group = self.child.id();
        self.wait().await
    }

    /// Tells it to end, and ends it where it does not, with all that it has started.
    pub async fn stop(&mut self) {
        signal(self.group, "-TERM");
        let ended = tokio::time::timeout(ENDING, self.child.wait()).await.is_ok();
        signal(self.group.take(), "-KILL");
        if !ended {
            let _ = self.child.kill().await;
        }
    }

    /// What it has written to its standard output and error.
    #[must_use]
    pub fn said(&self) -> String {
        std::fs::read(log(self.folder.path()))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    async fn wait(&mut self) -> Result<(), LaunchError> {
        let name = self.program.display().to_string();
        let (method, url) = self.ready.split_once(' ').unwrap_or(("GET", &self.ready));
        let call = Call::new(method, url);
        let http = Http::new(Transcript::new(Secrets::default()), Duration::from_secs(1));
        let http = http.trusting(self.trust.clone());
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                // at once: later the number may be another's
                signal(self.group.take(), "-KILL");
                return Err(LaunchError::Ended(name, status, tail(&self.said())));
            }
            let why = match http.send(call.clone()).await {
                Ok(reply) if (200..300).contains(&reply.status) => return Ok(()),
                Ok(reply) => format!("status {}", reply.status),
                Err(Stop::Failed(found)) => found.observed,
                Err(stop) => stop.said(),
            };
            if begun.elapsed() > self.patience {
                let (ready, said) = (self.ready.clone(), tail(&self.said()));
                return Err(LaunchError::NotReady(name, ready, self.patience.as_secs(), why, said));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        signal(self.group, "-KILL");
    }
}

fn spawn(
    plan: &Launch,
    program: &Path,
    places: &Places,
    folder: &Path,
) -> Result<Child, LaunchError> {
    let failed = |error| LaunchError::Start(program.display().to_string(), error);
    let log =
        std::fs::File::options().create(true).append(true).open(log(folder)).map_err(failed)?;
    let mut command = Command::new(program);
    command
        .args(plan.command.iter().skip(1).map(|argument| places.fill(argument)))
        .envs(plan.env.iter().map(|(name, value)| (name, places.fill(value))))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .kill_on_drop(true);
    // a group of its own, so that what it starts ends with it
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(failed)
}

fn log(folder: &Path) -> PathBuf {
    folder.join("said.txt")
}

/// Signals the whole group, if there is one.
fn signal(group: Option<u32>, signal: &str) {
    if let (true, Some(id)) = (cfg!(unix), group) {
        let group = format!("-{id}");
        let _ = std::process::Command::new("kill")
            .args([signal, "--", &group])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// What says most of why: the last lines that speak of an error, else the last lines.
fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let speaks = |line: &&&str| line.to_ascii_lowercase().contains("error");
    let mut told: Vec<_> = lines.iter().rev().filter(speaks).take(3).collect();
    if told.is_empty() {
        told = lines.iter().rev().take(5).collect();
    }
    told.into_iter().rev().copied().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_vault_that_ends_the_error_is_told_and_not_where_it_was_raised() {
        let node =
            "throw er;\n\nError: address already in use\n  at listen (net:1)\n  port: 1\n}\n";
        assert_eq!(tail(node), "Error: address already in use");
        assert_eq!(tail("one\n\ntwo\n"), "one; two");
    }
}
