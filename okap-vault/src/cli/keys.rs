use okap_types::{Provider, Timestamp};
use serde_json::json;

use super::{
    Common,
    fault::{NotFound, Usage},
    known_everywhere,
    unlock::{Unlock, provider_key},
};
use crate::{keys, keys::KeyError, out, user};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Adds a provider's key: asks for it, or reads it from standard input
    #[command(after_help = "\
Examples:
  okap-vault keys add openai               type or paste the key; it is not shown
  okap-vault keys add anthropic < key.txt
  pass show anthropic | okap-vault keys add anthropic

A key is never an argument: those are seen by every process and kept by the shell.
A provider of your own needs its address first, in okap-vault.toml:
  [upstream.my-lab]
  base_url = \"https://llm.example.com/v1\"")]
    Add(Key),
    /// Replaces a provider's key; the next call of every grant uses the new one
    #[command(after_help = "Example:\n  okap-vault keys rotate openai < new-key.txt")]
    Rotate(Key),
    /// Lists for which providers there is a key, never the keys
    #[command(after_help = "Example:\n  okap-vault keys list --json")]
    List,
    /// Removes a provider's key; grants stay, their calls are refused
    #[command(after_help = "Example:\n  okap-vault keys remove openai")]
    Remove {
        /// Whose key
        provider: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Key {
    /// Whose key, such as openai, anthropic or a name from okap-vault.toml
    provider: String,
    /// Catches a key that was given as an argument, to say why not.
    #[arg(hide = true, num_args = 0..)]
    beyond: Vec<std::ffi::OsString>,
    /// As above.
    #[arg(hide = true, long = "key", aliases = ["api-key", "secret", "token"], short = 'k', num_args = 0..=1)]
    named: Option<Option<std::ffi::OsString>>,
    #[command(flatten)]
    unlock: Unlock,
}

pub(super) async fn run(common: &Common, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(key) => keep(common, key, false).await,
        Command::Rotate(key) => keep(common, key, true).await,
        Command::List => list(common).await,
        Command::Remove { provider } => {
            let provider = named(&provider)?;
            let database = common.database().await?;
            keys::remove(&database, &user::owner(), &provider).await?;
            known_everywhere().await;
            done(common, "removed", &provider);
            Ok(())
        }
    }
}

async fn keep(common: &Common, key: Key, rotate: bool) -> anyhow::Result<()> {
    if !key.beyond.is_empty() || key.named.is_some() {
        return Err(Usage(never_an_argument()).into());
    }
    let provider = named(&key.provider)?;
    if rotate {
        // a key is not rotated in a vault that is yet to be set up
        drop(common.database().await?);
    }
    let home = common.home()?;
    let known = common.settings(&home)?.upstreams();
    if known.find(&provider).is_none() {
        let names: Vec<_> = known.providers().map(Provider::as_str).collect();
        let text = format!(
            "provider {provider} is not known; known: {}; for one of your own add to {}: \
             [upstream.{provider}] base_url = \"https://…/v1\"",
            names.join(", "),
            home.config_path().display(),
        );
        return Err(NotFound(text).into());
    }
    let unlocked = key.unlock.open(&home).await?;
    let vault = unlocked.vault;
    if unlocked.is_new {
        out::hint(&format!("A new vault in {}.", vault.database().place()));
    }
    let (database, keyring, owner) = (vault.database(), vault.keyring()?, user::owner());
    // said before the key is typed
    let kept =
        keys::kept(database, &owner).await?.iter().any(|kept| kept.provider == provider.as_str());
    match (rotate, kept) {
        (true, false) => return Err(KeyError::Absent(provider).into()),
        (false, true) => return Err(KeyError::Present(provider).into()),
        _ => {}
    }
    let secret = provider_key(provider.as_str())?;
    let now = time::OffsetDateTime::now_utc().into();
    match rotate {
        true => {
            keys::rotate(database, keyring, &owner, &provider, &secret, now).await?;
            known_everywhere().await;
        }
        false => keys::add(database, keyring, &owner, &provider, &secret, now).await?,
    }
    done(common, if rotate { "rotated" } else { "added" }, &provider);
    Ok(())
}

async fn list(common: &Common) -> anyhow::Result<()> {
    let database = common.database().await?;
    let kept = keys::kept(&database, &user::owner()).await?;
    if common.json {
        let keys: Vec<_> = kept
            .iter()
            .map(|key| json!({ "provider": key.provider, "added": key.created, "rotated": key.rotated }))
            .collect();
        return out::json(&json!({ "keys": keys }));
    }
    if kept.is_empty() {
        out::hint("no keys yet; add one with: okap-vault keys add openai");
        return Ok(());
    }
    let rotated =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let rows: Vec<_> = kept
        .into_iter()
        .map(|key| [key.provider, key.created.to_string(), rotated(key.rotated)])
        .collect();
    out::table(["PROVIDER", "ADDED", "ROTATED"], &rows);
    Ok(())
}

fn done(common: &Common, what: &str, provider: &Provider) {
    match common.json {
        true => out::line(&json!({ what: provider }).to_string()),
        false => out::line(&format!("{what} the key for {provider}")),
    }
}

/// A provider's name; what may be a key in its place is not repeated.
fn named(text: &str) -> Result<Provider, Usage> {
    let like_a_key = text.len() > 32
        || ["sk-", "sk_", "key-", "gsk_", "r8_"].iter().any(|start| text.starts_with(start));
    match text.parse() {
        Ok(provider) if !like_a_key => Ok(provider),
        _ => Err(Usage(format!(
            "that is no provider's name, such as openai; {}",
            never_an_argument()
        ))),
    }
}

fn never_an_argument() -> String {
    "a key is never an argument: every process sees those, and the shell keeps them. \
     Run okap-vault keys add PROVIDER and type it, or pipe it in: okap-vault keys add PROVIDER < key.txt. \
     A key that was typed here should be replaced at its provider"
        .to_owned()
}
