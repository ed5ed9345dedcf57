use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, out};
use crate::verdict::Exit;

/// Prints a script that completes commands in a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "okap-conformance", &mut script);
    out::line(String::from_utf8(script)?.trim_end());
    Ok(Exit::Conformant)
}
