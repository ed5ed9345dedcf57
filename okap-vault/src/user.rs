//! Who signs in: one owner, with the vault's passphrase.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::{Secret, Timestamp};
use rusqlite::{OptionalExtension, Transaction};
use tokio::sync::Semaphore;

use crate::{keys::KeyError, store::Database};

/// The name of the one owner.
pub const OWNER: &str = "owner";

/// Sign-ins that are worked on at one time: each takes 19 MiB and a core for a moment.
static TURNS: Semaphore = Semaphore::const_new(2);

/// The one owner.
#[must_use]
pub fn owner() -> Owner {
    Owner::new(OWNER)
}

/// Whether this is the owner's passphrase.
///
/// # Errors
/// [`StoreError`].
pub async fn verify_password(
    database: &Database,
    password: &Secret<String>,
) -> Result<bool, StoreError> {
    let stored = database
        .read(|moment| {
            let found = "SELECT password_hash FROM users WHERE name = ?1";
            moment.query_row(found, [OWNER], |row| row.get::<_, String>(0)).optional()
        })
        .await?;
    let Some(stored) = stored else { return Ok(false) };
    let _turn = TURNS.acquire().await.map_err(StoreError::new)?;
    let password = password.clone();
    let verify = move || {
        let stored = PasswordHash::new(&stored).map_err(|error| error.to_string())?;
        Ok(Argon2::default().verify_password(password.expose().as_bytes(), &stored).is_ok())
    };
    match tokio::task::spawn_blocking(verify).await {
        Ok(verified) => verified.map_err(|error: String| StoreError::new(error)),
        Err(error) => Err(StoreError::new(error)),
    }
}

/// The owner's row, before it is stored.
pub(crate) struct NewOwner {
    hash: String,
    created: Timestamp,
}

/// Hashes a passphrase for the owner's row.
pub(crate) async fn new_owner(passphrase: &Secret<String>) -> Result<NewOwner, KeyError> {
    let passphrase = passphrase.clone();
    let hash = move || {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| KeyError::Entropy)?;
        let hash = Argon2::default().hash_password_with_salt(passphrase.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|_| KeyError::Derive)
    };
    let hash = tokio::task::spawn_blocking(hash).await.unwrap_or(Err(KeyError::Derive))?;
    Ok(NewOwner { hash, created: time::OffsetDateTime::now_utc().into() })
}

impl NewOwner {
    /// Writes it; `false` where there is one already.
    pub(crate) fn store(&self, tx: &Transaction<'_>) -> rusqlite::Result<bool> {
        let insert = "INSERT INTO users (name, password_hash, created) VALUES (?1, ?2, ?3)
                      ON CONFLICT DO NOTHING";
        Ok(tx.execute(insert, (OWNER, &self.hash, self.created.unix_millis()))? == 1)
    }
}
