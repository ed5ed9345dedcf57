//! The command line.

mod audit;
mod bench;
mod fault;
mod grants;
mod introspection;
mod keys;
mod migrate;
mod serve;
mod unlock;
mod usage;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use okap_server::REMEMBERED;
use okap_types::Secret;

use crate::{
    config::{ConfigError, Settings},
    demo,
    home::{Home, HomeError},
    keys as keyring, out,
    store::{Database, DatabaseUrl},
};

/// Keeps your API keys, and lends AI apps what you allow: these models, this much money, until
/// you say stop. An app gets a token of its own and never sees a key.
#[derive(Debug, Parser)]
#[command(name = "okap-vault", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  okap-vault demo --yes                   see the whole story in a few seconds, offline
  okap-vault serve                        set a vault up, and run it at http://127.0.0.1:8787
  okap-vault keys add openai              give it a key; it asks for the key
  okap-vault keys add openai < key.txt    the same from a file
  okap-vault grants list                  who may use what
  okap-vault grants revoke ID             from the next call on that app is refused
  okap-vault usage --since 2026-11-01     what it has cost
  okap-vault audit verify                 whether the audit is as it was written

Exit codes:
  0 done   1 failed   2 wrong usage   3 no such vault, key or grant
  4 wrong passphrase or key file   5 the store: locked, read-only, full, damaged or newer
  6 the audit was tampered with

Environment:
  OKAP_PASSPHRASE  opens the vault without asking    OKAP_DATA  as --data
  OKAP_KEY_FILE    as --key-file                     OKAP_LOG   what is logged, such as debug
  OKAP_DATABASE    as --database";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
struct Common {
    /// The vault's directory [default: $XDG_DATA_HOME/okap-vault or ~/.local/share/okap-vault]
    #[arg(long, global = true, value_name = "DIR", env = "OKAP_DATA", hide_env = true)]
    data: Option<PathBuf>,
    /// Providers, prices and limits [default: okap-vault.toml in the vault's directory]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keeps the vault in a PostgreSQL database, not in a file: postgres://user@host/database
    ///
    /// Other users of this computer see arguments: an address with a password is better off in
    /// OKAP_DATABASE or as `database` in okap-vault.toml.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "OKAP_DATABASE",
        hide_env = true,
        value_parser = secret
    )]
    database: Option<Secret<String>>,
    /// Answers in JSON, for other programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the vault; sets it up at the first start
    Serve(serve::Args),
    /// Adds, lists, replaces and removes the providers' keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Lists, shows and revokes what apps were granted
    #[command(subcommand)]
    Grants(grants::Command),
    /// Lets a resource server ask what a token is worth
    #[command(subcommand)]
    Introspection(introspection::Command),
    /// Sums up what was used and what it cost
    Usage(usage::Args),
    /// Verifies the chain over the audit, and exports it
    #[command(subcommand)]
    Audit(audit::Command),
    /// Moves a vault from its file into a PostgreSQL database
    Migrate(migrate::Args),
    /// Measures what the vault costs, beside nginx as a plain proxy
    Bench(bench::Args),
    /// Shows the whole story, offline and with nothing to configure
    Demo(demo::Args),
    /// Writes a completion script for a shell to standard output
    #[command(
        after_help = "Example:\n  okap-vault completions bash > ~/.local/share/bash-completion/completions/okap-vault"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    // on one core, threads would only take turns
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = match cores {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
    };
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command(cli)),
        Err(error) => Err(error).context("no threads can be started"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            fault::tell(&error);
            ExitCode::from(fault::exit_code(&error))
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    let common = &cli.common;
    match cli.command {
        Command::Serve(args) => serve::run(common, args).await,
        Command::Keys(command) => keys::run(common, command).await,
        Command::Grants(command) => grants::run(common, command).await,
        Command::Introspection(command) => introspection::run(common, &command),
        Command::Usage(args) => usage::run(common, &args).await,
        Command::Audit(command) => audit::run(common, command).await,
        Command::Migrate(args) => migrate::run(common, args).await,
        Command::Bench(args) => bench::run(common, args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "okap-vault", &mut script);
            out::line(String::from_utf8(script)?.trim_end());
            Ok(())
        }
    }
}

impl Common {
    fn directory(&self) -> Result<PathBuf, HomeError> {
        self.data.clone().map_or_else(Home::usual, Ok)
    }

    /// Where the vault is; its directory is made where it is missing.
    fn home(&self) -> anyhow::Result<Home> {
        let directory = self.directory()?;
        Ok(match self.server(&directory)? {
            Some(server) => Home::on_server(&directory, server),
            None => Home::create(&directory)?,
        })
    }

    /// The database of a vault that has been set up.
    async fn database(&self) -> anyhow::Result<Database> {
        let directory = self.directory()?;
        let Some(server) = self.server(&directory)? else {
            return Ok(Home::existing(&directory)?.database().await?);
        };
        let database = Database::connect(&server).await?;
        match keyring::lock(&database).await? {
            Some(_) => Ok(database),
            None => Err(HomeError::Empty(database.place()).into()),
        }
    }

    /// The PostgreSQL database that was named here or in the configuration.
    fn server(&self, directory: &Path) -> anyhow::Result<Option<DatabaseUrl>> {
        let url = match &self.database {
            Some(named) => Some(named.clone()),
            None => self.settings_in(directory)?.database().cloned(),
        };
        Ok(url.map(|url| url.expose().parse()).transpose()?)
    }

    /// The configuration: the file that was named, or the usual one if it is there.
    fn settings(&self, home: &Home) -> Result<Settings, ConfigError> {
        match &self.config {
            Some(named) => Settings::read(named),
            None => Settings::read_if_there(&home.config_path()),
        }
    }

    fn settings_in(&self, directory: &Path) -> Result<Settings, ConfigError> {
        match &self.config {
            Some(named) => Settings::read(named),
            None => Settings::read_if_there(&Home::config_in(directory)),
        }
    }
}

fn secret(text: &str) -> Result<Secret<String>, std::convert::Infallible> {
    Ok(Secret::from(text))
}

/// Waits until every node knows of a change, so that what is said next is true on all of them.
async fn known_everywhere() {
    tokio::time::sleep(REMEMBERED).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_an_example() {
        fn check(command: &clap::Command) {
            let leaf = command.get_subcommands().all(|sub| sub.get_name() == "help");
            let helps = command
                .get_after_help()
                .is_some_and(|help| help.to_string().contains("okap-vault "));
            assert!(
                !leaf || helps || ["help", "demo"].contains(&command.get_name()),
                "{}",
                command.get_name()
            );
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
