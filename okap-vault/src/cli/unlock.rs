use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use okap_types::Secret;
use zeroize::{Zeroize, Zeroizing};

use super::fault::Usage;
use crate::{
    home::Home,
    keys::{self, Keyring, Opener, SHORTEST_PASSPHRASE},
    out,
    store::StoredVault,
};

/// Longest passphrase or key, in bytes.
const LONGEST: u64 = 16 * 1024;

/// What opens the vault's keys.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Opening the keys")]
pub(super) struct Unlock {
    /// Reads the passphrase from a file's first line [default: $OKAP_PASSPHRASE, else asks]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Seals the keys with a key file and not with the passphrase, so that later starts ask for
    /// nothing; made at the first start where it is missing
    #[arg(long, value_name = "FILE", env = "OKAP_KEY_FILE", hide_env = true)]
    key_file: Option<PathBuf>,
}

/// An open vault.
pub(super) struct Unlocked {
    pub(super) vault: StoredVault,
    /// Whether it has just been set up.
    pub(super) is_new: bool,
}

impl Unlock {
    /// Opens a vault, and sets it up where there is none.
    pub(super) async fn open(&self, home: &Home) -> anyhow::Result<Unlocked> {
        // before anything is made: a first start without a passphrase leaves nothing behind
        let chosen = match home.is_set_up() {
            true => None,
            false => Some(self.new_passphrase()?),
        };
        let database = home.database().await?;
        let Some(lock) = keys::lock(&database).await? else {
            let passphrase = chosen.map_or_else(|| self.new_passphrase(), Ok)?;
            let key_file = self.key_file.as_deref().map(keys::make_key_file).transpose()?;
            let keyring = Keyring::create(&database, &passphrase, key_file.as_ref()).await?;
            return Ok(Unlocked { vault: StoredVault::new(database, keyring), is_new: true });
        };
        let opener = match &self.key_file {
            Some(path) => Opener::KeyFile(keys::key_file(path)?),
            None if lock.wants_key_file() => return Err(keys::KeyError::WantsKeyFile.into()),
            None => match self.given()? {
                Some(passphrase) => Opener::Passphrase(passphrase),
                None => Opener::Passphrase(prompt("Passphrase: ")?),
            },
        };
        let keyring = Keyring::unlock(&database, &opener).await?;
        Ok(Unlocked { vault: StoredVault::new(database, keyring), is_new: false })
    }

    fn new_passphrase(&self) -> anyhow::Result<Secret<String>> {
        if let Some(passphrase) = self.given()? {
            return Ok(passphrase);
        }
        if std::io::stdin().is_terminal() {
            out::hint(&format!(
                "A new vault. Choose a passphrase of at least {SHORTEST_PASSPHRASE} characters: it seals \
                 the keys and signs you in. Nobody can bring a lost one back."
            ));
        }
        let passphrase = prompt("New passphrase: ")?;
        let again = prompt("The same again: ")?;
        match passphrase.expose() == again.expose() {
            true => Ok(passphrase),
            false => {
                Err(Usage("the two passphrases differ; nothing was set up, try again".to_owned())
                    .into())
            }
        }
    }

    /// The passphrase from where nobody has to be asked.
    fn given(&self) -> anyhow::Result<Option<Secret<String>>> {
        if let Some(path) = &self.passphrase_file {
            return from_file(path).map(Some);
        }
        match std::env::var("OKAP_PASSPHRASE") {
            Ok(passphrase) => Ok(Some(Secret::new(passphrase))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Usage("OKAP_PASSPHRASE is not UTF-8".to_owned()).into())
            }
        }
    }
}

fn from_file(path: &Path) -> anyhow::Result<Secret<String>> {
    let unread = || format!("passphrase file {} cannot be read", path.display());
    let text = text(std::fs::File::open(path).with_context(unread)?).with_context(unread)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::from(line)),
        _ => {
            Err(Usage(format!("passphrase file {} has an empty first line", path.display())).into())
        }
    }
}

fn prompt(question: &str) -> anyhow::Result<Secret<String>> {
    if !std::io::stdin().is_terminal() {
        let text = "no passphrase, and no terminal to ask in: name a file with --passphrase-file or set OKAP_PASSPHRASE";
        return Err(Usage(text.to_owned()).into());
    }
    let typed =
        rpassword::prompt_password(question).context("the passphrase cannot be asked for")?;
    Ok(Secret::new(typed))
}

/// A provider's key: typed where there is a terminal, else all of standard input.
pub(super) fn provider_key(provider: &str) -> anyhow::Result<Secret<String>> {
    let typed = match std::io::stdin().is_terminal() {
        true => rpassword::prompt_password(format!("Key for {provider} (not shown): "))
            .map(Zeroizing::new),
        false => text(std::io::stdin().lock()),
    };
    let typed = typed.context("the key cannot be read")?;
    let key = typed.trim();
    if key.is_empty() {
        let text = format!("no key came; pipe it in: okap-vault keys add {provider} < key.txt");
        return Err(Usage(text).into());
    }
    // it becomes a header, and a key has no spaces: more than one line is not a key
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        let text =
            "that is no key: a key is one word of printable ASCII characters; nothing was changed";
        return Err(Usage(text.to_owned()).into());
    }
    Ok(Secret::from(key))
}

/// A short text, wiped when it is dropped.
fn text(from: impl Read) -> std::io::Result<Zeroizing<String>> {
    // room from the start, so that growing leaves no copies behind
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or_default() + 1));
    from.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(std::io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        std::io::Error::other("it is not UTF-8")
    })
}
