//! Providers' keys, sealed at rest.
//!
//! Each key is sealed with XChaCha20-Poly1305 under one random data key, bound to its owner and
//! provider. The data key is sealed under a key that comes from the passphrase (Argon2id) or
//! from a key file. So a copied database opens for nobody, and neither a new passphrase nor a
//! rotated key touches the rest.

mod file;
mod lock;
mod seal;
mod shelf;

use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Provider, Secret};

pub use crate::store::KeptKey;
pub use file::{KeyFileError, key_file, make_key_file};
pub use lock::{Lock, lock};
pub use shelf::{add, find, kept, remove, rotate};

use crate::{
    store::{Database, Sealed},
    user,
};

/// Fewest characters of a new passphrase.
pub const SHORTEST_PASSPHRASE: usize = 8;

/// What opens a vault's keyring.
#[derive(Clone, Debug)]
pub enum Opener {
    /// The passphrase that was set at the first start.
    Passphrase(Secret<String>),
    /// The contents of a key file.
    KeyFile(Secret<[u8; 32]>),
}

/// Why a keyring cannot be made or opened, or a key not sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the passphrase of this vault.
    #[error("wrong passphrase; nothing was changed, try again with the one from the first start")]
    WrongPassphrase,
    /// Not the key file of this vault.
    #[error("wrong key file; nothing was changed, try again with the one from the first start")]
    WrongKeyFile,
    /// The vault is sealed the other way.
    #[error("this vault is sealed with a passphrase, not with a key file; leave --key-file out")]
    WantsPassphrase,
    /// The vault is sealed the other way.
    #[error("this vault is sealed with a key file, not with a passphrase; name it with --key-file")]
    WantsKeyFile,
    /// The passphrase is too short to begin with.
    #[error("a passphrase has at least {SHORTEST_PASSPHRASE} characters")]
    ShortPassphrase,
    /// Another process was faster.
    #[error("the vault has just been set up by another process; start again")]
    SetUpMeanwhile,
    /// A sealed value is not what was sealed.
    #[error("the sealed {0} in the database is damaged; put a backup in its place")]
    Damaged(&'static str),
    /// The provider has a key already.
    #[error("{0} has a key already; replace it with: okap-vault keys rotate {0}")]
    Present(Provider),
    /// The provider has no key.
    #[error("there is no key for {0}; add one with: okap-vault keys add {0}")]
    Absent(Provider),
    /// The system gives no random bits.
    #[error("the operating system gives no random bits")]
    Entropy,
    /// Argon2 cannot run, for want of memory.
    #[error("the passphrase cannot be worked on; {} MiB of memory are needed", lock::MEMORY_KIB / 1024)]
    Derive,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An open keyring: seals and opens providers' keys.
#[derive(Debug)]
pub struct Keyring {
    data_key: Secret<[u8; 32]>,
}

impl Keyring {
    /// Sets a new vault up: a data key, sealed under the key file or else the passphrase, and
    /// the owner's sign-in with the passphrase.
    ///
    /// # Behavior
    /// - All or nothing, and once only for a database.
    ///
    /// # Errors
    /// [`KeyError::ShortPassphrase`], [`KeyError::SetUpMeanwhile`], [`KeyError::Store`] and where
    /// the system is out of random bits or memory.
    pub async fn create(
        database: &Database,
        passphrase: &Secret<String>,
        key_file: Option<&Secret<[u8; 32]>>,
    ) -> Result<Self, KeyError> {
        if passphrase.expose().chars().count() < SHORTEST_PASSPHRASE {
            return Err(KeyError::ShortPassphrase);
        }
        let data_key = Secret::new(seal::random::<32>()?);
        let opener = match key_file {
            Some(key) => Opener::KeyFile(key.clone()),
            None => Opener::Passphrase(passphrase.clone()),
        };
        let lock = Lock::new(&data_key, opener).await?;
        let owner = user::new_owner(passphrase).await?;
        match database.set_up(lock.stored()?, owner).await? {
            true => Ok(Self { data_key }),
            false => Err(KeyError::SetUpMeanwhile),
        }
    }

    /// Opens the keyring of a vault that has been set up.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`], [`KeyError::WrongKeyFile`], the two that ask for the other
    /// way, [`KeyError::Damaged`], [`KeyError::Store`].
    pub async fn unlock(database: &Database, opener: &Opener) -> Result<Self, KeyError> {
        let lock = lock(database).await?.ok_or(KeyError::Damaged("data key"))?;
        Ok(Self { data_key: lock.open(opener.clone()).await? })
    }

    fn seal(
        &self,
        owner: &Owner,
        provider: &Provider,
        key: &Secret<String>,
    ) -> Result<Sealed, KeyError> {
        seal::seal(&self.data_key, &place(owner, provider), key.expose().as_bytes())
    }

    fn open(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: &Sealed,
    ) -> Result<Secret<String>, KeyError> {
        let opened = seal::open(&self.data_key, &place(owner, provider), sealed)
            .ok_or(KeyError::Damaged("key"))?;
        match String::from_utf8(opened) {
            Ok(key) => Ok(Secret::new(key)),
            Err(error) => {
                drop(Secret::new(error.into_bytes()));
                Err(KeyError::Damaged("key"))
            }
        }
    }
}

/// What a sealed key is bound to, so that it opens nowhere else.
fn place(owner: &Owner, provider: &Provider) -> Vec<u8> {
    let owner = owner.as_str();
    format!("okap-vault key v1\n{}\n{owner}\n{provider}", owner.len()).into_bytes()
}
