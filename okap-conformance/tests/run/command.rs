//! The command, and what it said.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The report, where `--json` was among the arguments.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no report: {}", self.stderr))
    }

    /// How many tests came to this.
    pub(crate) fn count(&self, verdict: &str) -> u64 {
        self.report()["verdict"]["tally"][verdict].as_u64().unwrap_or_default()
    }
}

/// A folder that is gone after the test, and paths in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.at(name), text).unwrap();
        self.at(name)
    }
}

/// Runs `okap-conformance`; a program that a description names is found beside it first.
pub(crate) async fn run(arguments: &[&str]) -> Ran {
    let command = Path::new(env!("CARGO_BIN_EXE_okap-conformance"));
    let others = std::env::var_os("PATH").unwrap_or_default();
    let beside = command.parent().unwrap().to_owned();
    let path = std::iter::once(beside).chain(std::env::split_paths(&others));
    let output = Command::new(command)
        .args(arguments)
        .env("PATH", std::env::join_paths(path).unwrap())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The description of this project's vault, whose program has to be built.
pub(crate) fn vault() -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_okap-conformance")).with_file_name("okap-vault");
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "build it first: cargo build -p okap-vault");
    let root: PathBuf =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../okap-vault/okap-target.toml");
    root.to_str().unwrap().to_owned()
}
