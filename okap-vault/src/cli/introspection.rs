use base64ct::{Base64UrlUnpadded, Encoding};
use okap_engine::token::hash;
use okap_types::Secret;
use serde_json::json;

use super::{Common, fault::Usage};
use crate::{config, home::Home, out};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Makes a secret for a resource server, and the lines that let it in
    #[command(after_help = "\
Example:
  okap-vault introspection new gateway

Put the lines into okap-vault.toml and start the vault again. The server then asks
POST /okap/introspect with its id and secret as HTTP Basic. The vault keeps the secret's
SHA-256 alone: what is lost is made anew, and two entries of one id both hold.")]
    New {
        /// What the resource server calls itself: 1 to 64 of A-Z a-z 0-9 . _ -
        id: String,
    },
}

pub(super) fn run(common: &Common, command: &Command) -> anyhow::Result<()> {
    let Command::New { id } = command;
    if !config::is_resource_server_id(id) {
        let text = "the id of a resource server is 1 to 64 of A-Z a-z 0-9 . _ -, such as gateway";
        return Err(Usage(text.to_owned()).into());
    }
    let secret = fresh()?;
    let digest = hash(secret.expose());
    if common.json {
        let made = json!({ "id": id, "secret": secret.expose(), "secret_sha256": digest });
        return out::json(&made);
    }
    out::line(secret.expose());
    out::line(&format!("\n[[resource_server]]\nid = \"{id}\"\nsecret_sha256 = \"{digest}\""));
    let file = match (&common.config, common.directory()) {
        (Some(named), _) => named.display().to_string(),
        (None, Ok(directory)) => Home::config_in(&directory).display().to_string(),
        (None, Err(_)) => "okap-vault.toml".to_owned(),
    };
    out::hint(&format!(
        "The first line is the secret of {id}, shown this once. The rest goes into {file}; \
         then start the vault again."
    ));
    Ok(())
}

/// `okap_is_` and 256 random bits.
fn fresh() -> anyhow::Result<Secret<String>> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(Secret::new(format!("okap_is_{}", Base64UrlUnpadded::encode_string(&bits))))
}
