//! Every check, in the order in which a failure is cheapest to find.

use std::{process::Command, time::Instant};

use anyhow::{Context, bail};

use crate::{attacks, conformance, interop, light, openapi, prices, schema, spec, tools, vectors};

type Check = (&'static str, &'static str, fn() -> anyhow::Result<()>);

const CHECKS: &[Check] = &[
    ("format", "rustfmt", || cargo(&["fmt", "--all", "--check"])),
    ("schema", "spec/schema/ is what the types say", || schema::write(true)),
    ("openapi", "spec/openapi.yaml is what the types and routes say", || openapi::write(true)),
    ("vectors", "spec/vectors/ is what the tables say", || vectors::write(true)),
    ("spec", "every rule has a number, and a test or source that upholds it", spec::check),
    ("attacks", "every line of the attack catalogue has a test or a reason", || {
        attacks::write(true)
    }),
    ("prices", "the price snapshot is what its source says", || prices::write(true)),
    ("tests", "the Rust tests, schemas with them; each fuzz target for two seconds", tests),
    ("postgresql", "the vault on a real PostgreSQL, several nodes of it with it", postgresql),
    ("faults", "killed, cut off, without a disk, under load: no cap passed, no call lost", faults),
    ("lints", "clippy without a warning", || {
        let more = "okap-examples/sdks,okap-client/keyring";
        let lint = ["clippy", "--workspace", "--all-targets", "--features", more];
        cargo(&[&lint[..], &["--", "-D", "warnings"]].concat())?;
        // left out of all targets, since it needs a PostgreSQL to run
        let apart = [
            &["clippy", "-p", "okap-vault", "--test", "postgres", "--test", "faults"][..],
            &["--", "-D", "warnings"],
        ]
        .concat();
        cargo(&apart)
    }),
    ("light", "okap-client builds without features and pulls in few crates", light::check),
    ("pure", "types and engine build where there is no system", pure),
    ("docs", "rustdoc without a warning", docs),
    ("licences", "cargo deny", licences),
    ("demo", "the demo runs to its end by itself", demo),
    ("conformance", "this vault and those of the examples pass the conformance suite", || {
        conformance::run()
    }),
    ("interop", "official SDKs, foreign OAuth, other languages, a real browser", || {
        interop::run(&[])
    }),
];

/// Runs the checks whose name contains one of the words, all where there is none.
pub(crate) fn run(only: &[String], list: bool) -> anyhow::Result<()> {
    let chosen =
        |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word.as_str()));
    let checks: Vec<_> = CHECKS.iter().filter(|(name, ..)| chosen(name)).collect();
    if checks.is_empty() {
        bail!("no check has a name with {}; see cargo xtask test --list", only.join(" or "));
    }
    if list {
        for (name, what, _) in &checks {
            tools::say(&format!("{name:14}{what}"));
        }
        return Ok(());
    }
    let mut failed = Vec::new();
    for (at, (name, what, check)) in checks.iter().enumerate() {
        tools::say(&format!("\n== {}/{} {name}: {what}", at + 1, checks.len()));
        let begun = Instant::now();
        let outcome = check();
        let seconds = begun.elapsed().as_secs();
        match outcome {
            Ok(()) => tools::say(&format!("== {name} passed in {seconds} s")),
            Err(error) => {
                tools::say(&format!("== {name} FAILED after {seconds} s: {error:#}"));
                failed.push(*name);
            }
        }
    }
    tools::say(&format!(
        "\nchecks: {} passed, {} failed",
        checks.len() - failed.len(),
        failed.len()
    ));
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    tools::run(Command::new(env!("CARGO")).args(args).current_dir(tools::root()))
}

fn pure() -> anyhow::Result<()> {
    let target = "wasm32-unknown-unknown";
    let rustc = Command::new("rustc").args(["--print", "sysroot"]).output().context("rustc")?;
    let sysroot = String::from_utf8(rustc.stdout)?;
    let there = std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(target).exists();
    if !there {
        tools::run(Command::new("rustup").args(["target", "add", target])).context(
            "types and engine are checked on wasm32-unknown-unknown; install that target",
        )?;
    }
    cargo(&["check", "-p", "okap-types", "-p", "okap-engine", "--target", target])
}

fn docs() -> anyhow::Result<()> {
    let mut doc = Command::new(env!("CARGO"));
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    tools::run(doc.current_dir(tools::root()))
}

fn licences() -> anyhow::Result<()> {
    let deny = tools::cargo_tool("cargo-deny", "0.20.2")?;
    let mut check = Command::new(deny);
    check.args(["check", "licenses", "bans", "sources"]).current_dir(tools::root());
    tools::run(&mut check)
}

fn tests() -> anyhow::Result<()> {
    let mut test = Command::new(env!("CARGO"));
    test.args(tools::TESTS).env("OKAP_FUZZ_SECONDS", "2");
    tools::run(test.current_dir(tools::root()))
}

fn faults() -> anyhow::Result<()> {
    tools::postgresql()?;
    cargo(&[&tools::TESTS[..], &["--test", "faults"]].concat())
}

fn postgresql() -> anyhow::Result<()> {
    tools::postgresql()?;
    // one of these tests is the suite's command
    tools::built("okap-conformance")?;
    cargo(&[&tools::TESTS[..], &["--test", "postgres"]].concat())
}

fn demo() -> anyhow::Result<()> {
    tools::run(Command::new(tools::built("okap-vault")?).args(["demo", "--yes"]))
}
