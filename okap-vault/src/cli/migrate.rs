use okap_types::Secret;
use serde_json::json;

use super::{Common, fault::Usage, secret};
use crate::{
    home::Home,
    out,
    store::{Database, DatabaseUrl, transfer, verify},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  okap-vault migrate --to postgres://okap@db.example.com/vault
  OKAP_MIGRATE_TO=postgres://okap:…@db.example.com/vault okap-vault migrate

Stop the vault first. All of it is moved or nothing: grants, tokens, keys as they are sealed, who is
signed in, the audit with its chain. The file stays as it is; name the database to the vault from
then on, with --database, OKAP_DATABASE or as database in okap-vault.toml.")]
pub(super) struct Args {
    /// An empty PostgreSQL database [default: $OKAP_MIGRATE_TO]
    #[arg(
        long,
        value_name = "URL",
        env = "OKAP_MIGRATE_TO",
        hide_env = true,
        value_parser = secret
    )]
    to: Secret<String>,
}

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<()> {
    let directory = common.directory()?;
    if common.server(&directory)?.is_some() {
        let text = "a vault is moved out of its file; leave --database, OKAP_DATABASE and database in \
                    okap-vault.toml out";
        return Err(Usage(text.to_owned()).into());
    }
    let to: DatabaseUrl = args.to.expose().parse()?;
    let home = Home::existing(&directory)?;
    let _resting = home.resting()?;
    let source = home.database().await?;
    let target = Database::connect(&to).await?;
    let moved = transfer(&source, &target).await?;
    // what arrived is read once more, as every later look will
    let held = verify(&target, Some(moved.head.seal), |_, _| {}).await?;
    if common.json {
        out::json(&json!({
            "to": to.to_string(),
            "records": moved.records,
            "calls": moved.calls,
            "keys": moved.keys,
            "sessions": moved.sessions,
            "head": moved.head.seal.to_string(),
        }))?;
    } else {
        out::line(&format!(
            "moved to {to}: {} records, {} calls, {} keys; head {}",
            moved.records, moved.calls, moved.keys, moved.head.seal
        ));
    }
    out::hint(&format!(
        "From now on name it to the vault: OKAP_DATABASE={to} okap-vault serve. {} stays as it is.",
        source.place()
    ));
    held?;
    Ok(())
}
