use anyhow::Context;

use super::{at::At, out, session::session};
use crate::{catalogue, redact, report::console, runner::Options, seed::Seed, verdict::Exit};

/// Runs one test again as it ran, and shows every call of it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its id, such as proxy.refuse.model
    test: String,
    #[command(flatten)]
    at: At,
    /// The seed of the run in which it failed
    #[arg(long, value_name = "SEED")]
    seed: Option<Seed>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let test = catalogue::find(&args.test)
        .with_context(|| format!("there is no test {}; see okap-conformance list", args.test))?;
    let target = args.at.read()?;
    let seed = args.seed.unwrap_or_else(Seed::fresh);
    let options = Options { at_once: 1, again: false, keep: true, ..Options::default() };
    let ran = match session(target, &[test], seed, options).await {
        Ok(ran) => ran,
        Err(exit) => return Ok(exit),
    };
    let mut text = format!("{}, seed {seed}\n", test.id);
    for tested in &ran.run.tested {
        text.push_str(&console::replayed(tested));
    }
    redact::look(&ran.secrets, "what is shown", &text)?;
    out::line(text.trim_end());
    Ok(ran.exit)
}
