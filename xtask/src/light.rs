//! okap-client stays light: it builds without features, and pulls in few crates.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context, bail, ensure};

use crate::tools;

/// Features, and the most crates that they may bring, the client itself included.
const LIMITS: &[(&str, &[&str], usize)] =
    &[("default features", &[], 160), ("no features", &["--no-default-features"], 80)];

/// Builds the client without features and counts what it is made of.
pub(crate) fn check() -> anyhow::Result<()> {
    for features in ["", "browser", "dpop", "keyring"] {
        let mut check = Command::new(env!("CARGO"));
        check.args(["check", "-p", "okap-client", "--no-default-features", "--features", features]);
        tools::run(check.current_dir(tools::root()))?;
    }
    for (what, args, most) in LIMITS {
        let crates = crates(args)?;
        tools::say(&format!("okap-client with {what}: {} crates, {most} allowed", crates.len()));
        if crates.len() > *most {
            let all: Vec<_> = crates.iter().map(String::as_str).collect();
            bail!("okap-client with {what} has {} crates: {}", all.len(), all.join(", "));
        }
    }
    Ok(())
}

/// Every crate that is built into an app on Linux, each version once.
fn crates(features: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "-p", "okap-client", "-e", "normal", "--prefix", "none"]);
    tree.args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu"]).args(features);
    let output = tree.current_dir(tools::root()).output().context("cargo tree")?;
    ensure!(output.status.success(), "cargo tree ended with {}", output.status);
    let text = String::from_utf8(output.stdout).context("cargo tree")?;
    // a line that was printed before ends in a mark
    let crates = text.lines().map(|line| line.trim_end_matches(" (*)").to_owned());
    let crates: BTreeSet<_> = crates.filter(|line| !line.is_empty()).collect();
    ensure!(!crates.is_empty(), "cargo tree printed nothing");
    Ok(crates)
}
