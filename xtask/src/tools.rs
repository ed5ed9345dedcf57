//! Running other programs, and installing the ones that are missing.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The project's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// Where installed tools and packages are kept between runs.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), PathBuf::from)
        .join("tools")
}

/// Prints a line for the person at the terminal.
#[allow(clippy::print_stdout, reason = "the one place that prints")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Runs a program and fails, naming it, where it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let name = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    if status.success() { Ok(()) } else { bail!("{name} ended with {status}") }
}

/// What the Rust tests are built from: one build serves them, the demo and the outside checks.
pub(crate) const TESTS: [&str; 4] = ["test", "--workspace", "--features", "okap-types/schema"];

/// A program of this project as the tests have it, built where they have not.
pub(crate) fn built(name: &str) -> anyhow::Result<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    run(build.args(TESTS).args(["--no-run", "--quiet"]).current_dir(root()))?;
    let program = folder().with_file_name("debug").join(name);
    Ok(program.with_extension(std::env::consts::EXE_EXTENSION))
}

/// A cargo tool of a pinned version, built once into the tools folder.
pub(crate) fn cargo_tool(name: &str, version: &str) -> anyhow::Result<PathBuf> {
    let home = folder().join(format!("{name}-{version}"));
    let program = home.join("bin").join(name);
    if !program.exists() {
        say(&format!("installing {name} {version} (once, a few minutes)"));
        let mut install = Command::new(env!("CARGO"));
        install.args(["install", "--locked", "--quiet", name, "--version", version, "--root"]);
        run(install.arg(&home).arg("--target-dir").arg(folder().join("build")))?;
    }
    Ok(program)
}

/// Sees to it that there is a PostgreSQL to start, by Debian's packages where there is none.
pub(crate) fn postgresql() -> anyhow::Result<()> {
    if has_postgresql() {
        return Ok(());
    }
    say("installing Debian's postgresql (once)");
    let how = "PostgreSQL is missing, and cannot be installed here; on Debian: apt-get install postgresql";
    let mut apt = vec!["apt-get"];
    if !is_root() {
        apt.splice(0..0, ["sudo", "-n"]);
    }
    for words in
        [&["update", "-q"][..], &["install", "-qy", "--no-install-recommends", "postgresql"]]
    {
        let (program, rest) = apt.split_first().context(how)?;
        let mut command = Command::new(program);
        command.args(rest).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command).context(how)?;
    }
    if has_postgresql() { Ok(()) } else { bail!("{how}") }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn has_postgresql() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = debian.filter_map(|version| Some(version.ok()?.path().join("bin")));
    std::env::split_paths(&path).chain(debian).any(|folder| {
        ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).exists())
    })
}

/// The `PATH` with a folder before the others; as it is for a program without one.
pub(crate) fn path_with(first: &Path) -> anyhow::Result<OsString> {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let first = (!first.as_os_str().is_empty()).then(|| first.to_owned());
    let all: Vec<PathBuf> = first.into_iter().chain(std::env::split_paths(&others)).collect();
    std::env::join_paths(all).context("PATH")
}
