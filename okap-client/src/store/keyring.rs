use std::{fmt, sync::Arc};

use keyring_core::{CredentialStore, Entry, Error as Refusal};
use okap_types::Secret;

use super::{StoreError, Storing, TokenStore, aside};

/// Keeps access in the operating system's keyring: the kernel's key store on Linux, the keychain
/// on macOS, the credential manager on Windows.
///
/// # Behavior
/// - On Linux the keyring is empty after a restart of the computer.
/// - Windows takes at most 2,560 bytes, which access of many objects may pass.
///
/// ```no_run
/// # async fn keep() -> Result<(), okap_client::StoreError> {
/// use okap_client::{KeyringStore, TokenStore};
/// let store = KeyringStore::new("com.example.notes")?;
/// let kept = store.load("https://vault.example.com").await?;
/// # let _ = kept; Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyringStore {
    service: String,
    store: Arc<CredentialStore>,
}

impl KeyringStore {
    /// Opens the keyring. `service` names the app in it, such as `com.example.notes`.
    ///
    /// # Errors
    /// [`StoreError`] where this system has no keyring.
    pub fn new(service: &str) -> Result<Self, StoreError> {
        Ok(Self { service: service.to_owned(), store: system()? })
    }

    fn entry<T: Send + 'static>(
        &self,
        issuer: &str,
        work: impl FnOnce(Entry) -> Result<T, Refusal> + Send + 'static,
    ) -> Storing<'static, T> {
        let (kept, issuer) = (self.clone(), issuer.to_owned());
        aside(move || {
            let entry = Entry::new_in_store(&kept.store, &kept.service, &issuer);
            // its debug output may hold the secret; its words do not
            entry.and_then(work).map_err(|e| StoreError::new(format!("the keyring: {e}")))
        })
    }
}

impl TokenStore for KeyringStore {
    fn load<'a>(&'a self, issuer: &'a str) -> Storing<'a, Option<Secret<String>>> {
        self.entry(issuer, |entry| match entry.get_secret() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text.into())),
                Err(broken) => Err(Refusal::BadEncoding(broken.into_bytes())),
            },
            Err(Refusal::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn save<'a>(&'a self, issuer: &'a str, access: &'a Secret<String>) -> Storing<'a, ()> {
        let access = access.clone();
        self.entry(issuer, move |entry| entry.set_secret(access.expose().as_bytes()))
    }

    fn remove<'a>(&'a self, issuer: &'a str) -> Storing<'a, ()> {
        self.entry(issuer, |entry| match entry.delete_credential() {
            Ok(()) | Err(Refusal::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
    }
}

impl fmt::Debug for KeyringStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringStore").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(target_os = "linux")]
fn system() -> Result<Arc<CredentialStore>, StoreError> {
    Ok(linux_keyutils_keyring_store::Store::new().map_err(StoreError::new)?)
}

#[cfg(target_os = "macos")]
fn system() -> Result<Arc<CredentialStore>, StoreError> {
    Ok(apple_native_keyring_store::keychain::Store::new().map_err(StoreError::new)?)
}

#[cfg(windows)]
fn system() -> Result<Arc<CredentialStore>, StoreError> {
    Ok(windows_native_keyring_store::Store::new().map_err(StoreError::new)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn system() -> Result<Arc<CredentialStore>, StoreError> {
    Err(StoreError::new("no keyring of this system is known here"))
}

#[cfg(test)]
mod tests {
    use super::{KeyringStore, TokenStore};

    /// The system's own keyring is tried in the tests of the flows, where there is one.
    #[tokio::test]
    async fn entries_are_of_one_app_and_one_vault() {
        let keyring = keyring_core::mock::Store::new().unwrap();
        let of = |service: &str| KeyringStore { service: service.into(), store: keyring.clone() };
        let (store, other) = (of("com.example.notes"), of("com.example.mail"));
        let (one, two) = ("https://vault.test", "https://vault.test/");
        assert!(store.load(one).await.unwrap().is_none());
        store.remove(one).await.unwrap();
        store.save(one, &"first".into()).await.unwrap();
        store.save(one, &"second".into()).await.unwrap();
        store.save(two, &"third".into()).await.unwrap();
        assert_eq!(store.load(one).await.unwrap().unwrap().expose(), "second");
        assert!(other.load(one).await.unwrap().is_none());
        store.remove(one).await.unwrap();
        assert!(store.load(one).await.unwrap().is_none());
        assert_eq!(store.load(two).await.unwrap().unwrap().expose(), "third");
    }
}
