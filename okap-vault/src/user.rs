//! Who signs in: one owner, with the vault's passphrase.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use okap_engine::record::Owner;
use okap_server::StoreError;
use okap_types::Secret;
use tokio::sync::Semaphore;

use crate::{
    keys::KeyError,
    store::{Database, UserRow},
};

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
    let Some(stored) = database.password_hash(OWNER).await? else { return Ok(false) };
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

/// Hashes a passphrase for the owner's row.
pub(crate) async fn new_owner(passphrase: &Secret<String>) -> Result<UserRow, KeyError> {
    let passphrase = passphrase.clone();
    let hash = move || {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| KeyError::Entropy)?;
        let hash = Argon2::default().hash_password_with_salt(passphrase.expose().as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|_| KeyError::Derive)
    };
    let hash = tokio::task::spawn_blocking(hash).await.unwrap_or(Err(KeyError::Derive))?;
    let created = time::OffsetDateTime::now_utc().into();
    Ok(UserRow { name: OWNER.to_owned(), password_hash: hash, created })
}
