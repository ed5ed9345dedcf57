//! The conformance suite, run as the author of a vault runs it, and its own test: the mutants.

use std::{path::Path, process::Command};

use anyhow::Context;

use crate::{interop, tools};

/// Runs the command against `okap-vault`, then against the examples of a vault in memory and of one in
/// Python, each by the description beside it.
pub(crate) fn run() -> anyhow::Result<()> {
    let suite = tools::built("okap-conformance")?;
    let programs = folder_of(&suite)?;
    against(&suite, &["okap-vault/okap-target.toml"], programs)?;
    let memory = "examples/examples/memory_vault/okap-target.toml";
    against(&suite, &[memory, "--seeds", "2"], &programs.join("examples"))?;
    let python = tools::root().join("examples/python-vault");
    let home = tools::folder().join("python-vault");
    // the vault begins with `#!/usr/bin/env python3`
    let program = interop::venv(&home, &python.join("requirements.txt"))?;
    let target = "examples/python-vault/okap-target.toml";
    against(&suite, &[target, "--seeds", "2"], folder_of(&program)?)
}

/// Runs the suite by a description, with a folder before those of the `PATH`.
fn against(suite: &Path, arguments: &[&str], programs: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(suite);
    command.args(["run", "--target"]).args(arguments).env("PATH", tools::path_with(programs)?);
    // nothing is written beside the sources
    tools::run(command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(tools::root()))
}

fn folder_of(program: &Path) -> anyhow::Result<&Path> {
    program.parent().context("a program stands in a folder")
}

/// Runs the mutants whose id has one of some words, with the tests whose id has one of others, and
/// prints what catches each.
pub(crate) fn mutants(only: &[String], tests: &[String]) -> anyhow::Result<()> {
    let mut run = Command::new(env!("CARGO"));
    run.args(tools::TESTS).args(["--quiet", "--test", "mutants", "--", "mutant", "--nocapture"]);
    run.env("OKAP_MUTANTS", only.join(" ")).env("OKAP_MUTANTS_TESTS", tests.join(" "));
    tools::run(run.current_dir(tools::root()))
}
