use anyhow::Context;

use super::out;
use crate::{catalogue, requirement::Requirement, verdict::Exit};

/// Says what a test does, and which sentences of the specification it holds a vault to
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its id, such as proxy.refuse.model
    test: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let test = catalogue::find(&args.test)
        .with_context(|| format!("there is no test {}; see okap-conformance list", args.test))?;
    out::line(&format!("{} (revision {}): {}", test.id, test.rev, test.title));
    for id in test.verifies {
        let Some(requirement) = Requirement::find(id) else { continue };
        out::line(&format!("\n{id}  {}\n  {}", requirement.link(), requirement.text));
    }
    out::line("");
    if let Some(twin) = test.twin {
        out::line(&format!("twin    {twin}: the same in all but one thing, and it has to work"));
    }
    if let Some(threat) = test.threat {
        out::line(&format!("threat  {threat}"));
    }
    if !test.needs.is_empty() {
        out::line(&format!("needs   {}", serde_json::to_string(test.needs)?));
    }
    if test.runs_alone() {
        out::line("alone   it changes the vault for all tests, and runs after them");
    }
    out::line(&format!("again   okap-conformance replay {}", test.id));
    Ok(Exit::Conformant)
}
