//! The command line: each verb in a file of its own.

mod explain;
mod list;
mod out;
mod provider;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::verdict::Exit;

/// Tests an OKAP vault from the outside
#[derive(Debug, Parser)]
#[command(name = "okap-conformance", version, arg_required_else_help = true, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  okap-conformance run                       the vault of ./okap-target.toml, all that it claims
  okap-conformance run proxy. --json         the tests of one profile, as JSON
  okap-conformance explain proxy.refuse.model
  okap-conformance provider                  the fake provider alone

Exit codes of run:
  0 conformant to every claimed profile    1 not conformant    2 wrong usage
  3 unreachable, nothing measured          4 the suite or the driver failed
  5 incomplete: nothing failed, and not everything was tested";

#[derive(Debug, Subcommand)]
enum Command {
    /// Tests the vault of a description
    Run(run::Args),
    /// Lists the tests
    List(list::Args),
    /// Says what a test does, and which sentences of the specification it holds a vault to
    Explain(explain::Args),
    Provider(provider::Args),
}

/// Runs the command line of this process.
pub async fn command() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        Command::Run(args) => run::run(args).await,
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Provider(args) => provider::run(args).await.map(|()| Exit::Conformant),
    };
    done.unwrap_or_else(|error| {
        out::complain(&format!("{error:#}"));
        Exit::Usage
    })
    .into()
}
