//! The conformance suite, run as the author of a vault runs it, and its own test: the mutants.

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::Context;

use crate::tools;

/// Runs the command against `okap-vault`, by the description beside that.
pub(crate) fn run() -> anyhow::Result<()> {
    let suite = tools::built("okap-conformance")?;
    let folder = suite.parent().context("a program stands in a folder")?;
    let mut command = Command::new(&suite);
    command.args(["run", "--target", "okap-vault/okap-target.toml"]).env("PATH", path(folder)?);
    tools::run(command.current_dir(tools::root()))
}

/// Runs the mutants whose id has one of the words in it, and prints what catches each.
pub(crate) fn mutants(only: &[String]) -> anyhow::Result<()> {
    let mut test = Command::new(env!("CARGO"));
    test.args(tools::TESTS).args(["--quiet", "--test", "mutants", "--", "mutant", "--nocapture"]);
    tools::run(test.env("OKAP_MUTANTS", only.join(" ")).current_dir(tools::root()))
}

/// The `PATH` with a folder before the others.
fn path(first: &Path) -> anyhow::Result<OsString> {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(std::env::split_paths(&others));
    std::env::join_paths(all).context("PATH")
}
