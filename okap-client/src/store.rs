//! Where access is kept between two starts of an app.

use std::{error::Error as StdError, fmt, future::Future, pin::Pin};

use okap_types::Secret;

mod file;
#[cfg(feature = "keyring")]
mod keyring;
mod memory;

pub use file::FileStore;
#[cfg(feature = "keyring")]
pub use keyring::KeyringStore;
pub use memory::MemoryStore;

/// What a [`TokenStore`] gives, when it is ready.
pub type Storing<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps one access for each vault.
///
/// The text is what [`Access::save`](crate::Access::save) writes: to the store it is a secret
/// without a form.
///
/// # Behavior
/// - The key is the vault's issuer, byte by byte: what is kept for one is never given for another.
/// - [`save`](Self::save) is all or nothing, and what it saved is there after a crash: the old
///   refresh token is worth nothing any more.
/// - Nobody but the app's own user can read it.
///
/// ```
/// use okap_client::{Secret, StoreError, TokenStore, store::Storing};
///
/// /// Forgets everything.
/// struct NoStore;
///
/// impl TokenStore for NoStore {
///     fn load<'a>(&'a self, _: &'a str) -> Storing<'a, Option<Secret<String>>> {
///         Box::pin(async { Ok(None) })
///     }
///     fn save<'a>(&'a self, _: &'a str, _: &'a Secret<String>) -> Storing<'a, ()> {
///         Box::pin(async { Err(StoreError::new("nothing is kept here")) })
///     }
///     fn remove<'a>(&'a self, _: &'a str) -> Storing<'a, ()> {
///         Box::pin(async { Ok(()) })
///     }
/// }
/// ```
pub trait TokenStore: Send + Sync {
    /// What was saved last for this vault.
    fn load<'a>(&'a self, issuer: &'a str) -> Storing<'a, Option<Secret<String>>>;

    /// Keeps this for the vault, in place of what was there.
    fn save<'a>(&'a self, issuer: &'a str, access: &'a Secret<String>) -> Storing<'a, ()>;

    /// Forgets what was saved for this vault; nothing there is no error.
    fn remove<'a>(&'a self, issuer: &'a str) -> Storing<'a, ()>;
}

/// Says why a store failed.
///
/// ```
/// let error = okap_client::StoreError::new("the disk is full");
/// assert_eq!(error.to_string(), "the disk is full");
/// ```
#[derive(Debug)]
pub struct StoreError(Box<dyn StdError + Send + Sync>);

impl StoreError {
    /// Wraps the store's own error, or a sentence.
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Runs work that waits for the system, beside the tasks that must not.
fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Storing<'static, T> {
    Box::pin(async { tokio::task::spawn_blocking(work).await.map_err(StoreError::new)? })
}
