use serde_json::json;

use super::out;
use crate::{
    catalogue::{self, Test},
    verdict::Exit,
};

/// Lists the tests
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tests whose id contains one of these words
    only: Vec<String>,
    /// Prints them as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let meant = |test: &&Test| {
        args.only.is_empty() || args.only.iter().any(|word| test.id.contains(word.as_str()))
    };
    let tests: Vec<_> = catalogue::all().filter(meant).collect();
    if args.json {
        let records: Vec<_> = tests.iter().map(|test| record(test)).collect();
        out::line(&serde_json::to_string_pretty(&records)?);
        return Ok(Exit::Conformant);
    }
    let widest = tests.iter().map(|test| test.id.len()).max().unwrap_or_default();
    for test in tests {
        out::line(&format!("{:widest$}  {}", test.id, test.title));
    }
    Ok(Exit::Conformant)
}

fn record(test: &Test) -> serde_json::Value {
    json!({
        "id": test.id, "rev": test.rev, "title": test.title, "profile": test.profile,
        "verifies": test.verifies, "needs": test.needs, "twin": test.twin, "threat": test.threat,
    })
}
