use super::out;
use crate::{report::coverage, verdict::Exit};

/// Says which requirements of the specification have a test, and which tests a mutant shows to fail
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prints every requirement as JSON
    #[arg(long)]
    json: bool,
    /// Prints a page
    #[arg(long, conflicts_with = "json")]
    html: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.json {
        out::line(&serde_json::to_string_pretty(&coverage::json(None))?);
    } else if args.html {
        out::line(coverage::html(None)?.trim_end());
    } else {
        let lines = coverage::lines(None);
        for (state, count) in coverage::counts(&lines) {
            out::line(&format!("{count:>4} {}", state.word()));
        }
        for line in lines.iter().filter(|line| line.state == coverage::State::Untested) {
            out::line(&format!("untested  {}  {:<11} {}", line.id, line.profile, line.text));
        }
    }
    Ok(Exit::Conformant)
}
