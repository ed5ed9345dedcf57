use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64, Encoding};
use okap_server::StoreError;
use okap_types::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyError, Opener, Sealed, seal};
use crate::store::Database;

/// Memory that Argon2id takes for a new passphrase.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What the data key is bound to.
const PLACE: &[u8] = b"okap-vault data key v1";

/// The sealed data key and how its seal opens; stored as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lock {
    #[serde(flatten)]
    way: Way,
    nonce: String,
    sealed: String,
}

/// Where the key that seals the data key comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "opens_with", rename_all = "snake_case")]
enum Way {
    Passphrase { kdf: Kdf, memory_kib: u32, passes: u32, lanes: u32, salt: String },
    KeyFile,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kdf {
    Argon2id,
}

/// How a database's keyring opens; `None` before the first start.
///
/// # Errors
/// [`KeyError::Damaged`], [`KeyError::Store`].
pub async fn lock(database: &Database) -> Result<Option<Lock>, KeyError> {
    let stored = database.keyring().await?;
    let read =
        |stored: String| serde_json::from_str(&stored).map_err(|_| KeyError::Damaged("data key"));
    stored.map(read).transpose()
}

impl Lock {
    /// Whether a key file opens it, and not a passphrase.
    #[must_use]
    pub const fn wants_key_file(&self) -> bool {
        matches!(self.way, Way::KeyFile)
    }

    /// Seals a data key.
    pub(super) async fn new(data_key: &Secret<[u8; 32]>, opener: Opener) -> Result<Self, KeyError> {
        let way = match &opener {
            Opener::KeyFile(_) => Way::KeyFile,
            Opener::Passphrase(_) => Way::Passphrase {
                kdf: Kdf::Argon2id,
                memory_kib: MEMORY_KIB,
                passes: PASSES,
                lanes: LANES,
                salt: Base64::encode_string(&seal::random::<16>()?),
            },
        };
        let key = way.key(opener).await?;
        let Sealed { nonce, bytes } = seal::seal(&key, PLACE, data_key.expose())?;
        Ok(Self {
            way,
            nonce: Base64::encode_string(&nonce),
            sealed: Base64::encode_string(&bytes),
        })
    }

    /// Opens the data key.
    pub(super) async fn open(&self, opener: Opener) -> Result<Secret<[u8; 32]>, KeyError> {
        let damaged = || KeyError::Damaged("data key");
        let wrong = match &opener {
            Opener::Passphrase(_) => KeyError::WrongPassphrase,
            Opener::KeyFile(_) => KeyError::WrongKeyFile,
        };
        let nonce = decoded(&self.nonce)?.try_into().map_err(|_| damaged())?;
        let sealed = Sealed { nonce, bytes: decoded(&self.sealed)? };
        let key = self.way.key(opener).await?;
        let opened = Secret::new(seal::open(&key, PLACE, &sealed).ok_or(wrong)?);
        let opened = <[u8; 32]>::try_from(opened.expose()).map_err(|_| damaged())?;
        Ok(Secret::new(opened))
    }

    /// As the database keeps it.
    pub(super) fn stored(&self) -> Result<String, KeyError> {
        serde_json::to_string(self).map_err(|error| KeyError::Store(StoreError::new(error)))
    }
}

impl Way {
    /// The key that seals the data key.
    async fn key(&self, opener: Opener) -> Result<Secret<[u8; 32]>, KeyError> {
        match (self, opener) {
            (Self::KeyFile, Opener::KeyFile(key)) => Ok(key),
            (Self::KeyFile, Opener::Passphrase(_)) => Err(KeyError::WantsKeyFile),
            (Self::Passphrase { .. }, Opener::KeyFile(_)) => Err(KeyError::WantsPassphrase),
            (
                Self::Passphrase { memory_kib, passes, lanes, salt, .. },
                Opener::Passphrase(passphrase),
            ) => {
                // a tampered file may not ask for all memory there is
                if *memory_kib > 1024 * 1024 || *passes > 100 || *lanes > 16 {
                    return Err(KeyError::Damaged("data key"));
                }
                let params = Params::new(*memory_kib, *passes, *lanes, Some(32))
                    .map_err(|_| KeyError::Damaged("data key"))?;
                let salt = decoded(salt)?;
                let derive = move || derive(params, &passphrase, &salt);
                tokio::task::spawn_blocking(derive).await.unwrap_or(Err(KeyError::Derive))
            }
        }
    }
}

fn derive(
    params: Params,
    passphrase: &Secret<String>,
    salt: &[u8],
) -> Result<Secret<[u8; 32]>, KeyError> {
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), salt, key.as_mut())
        .map_err(|_| KeyError::Derive)?;
    Ok(Secret::new(*key))
}

fn decoded(text: &str) -> Result<Vec<u8>, KeyError> {
    Base64::decode_vec(text).map_err(|_| KeyError::Damaged("data key"))
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error,
            error => Self::new(error),
        }
    }
}
