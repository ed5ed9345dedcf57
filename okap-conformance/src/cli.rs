//! The command line: each verb in a file of its own.

mod at;
mod certify;
mod completions;
mod coverage;
mod doctor;
mod explain;
mod init;
mod list;
mod new_test;
mod out;
mod provider;
mod replay;
mod report;
mod run;
mod session;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    redact::Leak,
    report::{RenderError, WriteError},
    verdict::Exit,
};

/// Tests an OKAP vault from the outside
#[derive(Debug, Parser)]
#[command(name = "okap-conformance", version, arg_required_else_help = true, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  okap-conformance init                      writes ./okap-target.toml
  okap-conformance doctor                    does the vault find the provider, and the suite the vault?
  okap-conformance run                       the vault of ./okap-target.toml, all that it claims
  okap-conformance run proxy. --json         the tests of one profile, as JSON
  okap-conformance explain proxy.refuse.model
  okap-conformance provider                  the fake provider alone

Exit codes of run:
  0 conformant to every claimed profile    1 not conformant    2 wrong usage
  3 unreachable, nothing measured          4 the suite or the driver failed
  5 incomplete: nothing failed, and not everything was tested
  6 a failure that the baseline knows has passed    130 ended from outside";

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Doctor(doctor::Args),
    Run(run::Args),
    Replay(replay::Args),
    Report(report::Args),
    List(list::Args),
    Explain(explain::Args),
    Coverage(coverage::Args),
    Certify(certify::Args),
    Verify(verify::Args),
    NewTest(new_test::Args),
    Provider(provider::Args),
    Completions(completions::Args),
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
        Command::Init(args) => init::run(args),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Run(args) => run::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Report(args) => report::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Certify(args) => certify::run(args).await,
        Command::Verify(args) => verify::run(&args),
        Command::NewTest(args) => new_test::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Provider(args) => provider::run(args).await.map(|()| Exit::Conformant),
    };
    done.unwrap_or_else(|error| {
        out::complain(&format!("{error:#}"));
        exit(&error)
    })
    .into()
}

/// How an error ends the command: a report that does not come about is no wrong usage.
fn exit(error: &anyhow::Error) -> Exit {
    let reports = error.is::<Leak>() || error.is::<RenderError>() || error.is::<WriteError>();
    if reports { Exit::Harness } else { Exit::Usage }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{canary::Secrets, redact, report::place, seed::Seed};

    #[test]
    fn a_report_that_does_not_come_about_is_the_suites_trouble_and_the_rest_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        // a folder cannot be written as a file
        let unwritten = place(folder.path(), "x").unwrap_err();
        assert_eq!(exit(&unwritten.into()), Exit::Harness);
        let secrets = Secrets::default();
        let key = secrets.mint("master", Seed::fresh());
        let leak = redact::look(&secrets, "x", &key).unwrap_err();
        assert_eq!(exit(&leak.clone().into()), Exit::Harness);
        assert_eq!(exit(&WriteError::from(leak).into()), Exit::Harness);
        let unread = crate::baseline::Baseline::read(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(exit(&anyhow::Error::new(unread)), Exit::Usage);
    }
}
