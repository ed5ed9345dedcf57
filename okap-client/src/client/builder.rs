use std::{fmt, sync::Arc};

use okap_types::ClientInfo;
use url::Url;

#[cfg(not(feature = "reqwest"))]
use crate::error::Kind;
#[cfg(feature = "dpop")]
use crate::key::Key;

use super::{Client, Inner, Keys};
use crate::{Error, TokenStore, Transport, app::App, nonces::Nonces, vault::Vault};

/// A [`Client`] in the making.
///
/// ```no_run
/// # #[cfg(all(feature = "reqwest", feature = "dpop"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use okap_client::{Client, ClientInfo, FileStore};
/// let okap = Client::builder("https://vault.example.com".parse()?, ClientInfo::new("Notes")?)
///     .client_id("https://notes.example.com/okap.json".parse()?)
///     .store(FileStore::new("/home/ann/.config/notes/access.json"))
///     .bind_tokens()
///     .build()?;
/// # let _ = okap; Ok(())
/// # }
/// # #[cfg(not(all(feature = "reqwest", feature = "dpop")))]
/// # fn main() {}
/// ```
pub struct ClientBuilder {
    vault: Url,
    app: App,
    transport: Option<Box<dyn Transport>>,
    keys: Keys,
    store: Option<Arc<dyn TokenStore>>,
    http_anywhere: bool,
    public_only: bool,
}

impl ClientBuilder {
    pub(super) fn new(vault: Url, info: ClientInfo) -> Self {
        Self {
            vault,
            app: App { info, document: None, signer: None },
            transport: None,
            keys: Keys::default(),
            store: None,
            http_anywhere: false,
            public_only: false,
        }
    }

    /// Brings your own HTTP stack.
    #[must_use]
    pub fn transport(self, transport: impl Transport + 'static) -> Self {
        Self { transport: Some(Box::new(transport)), ..self }
    }

    /// Says who the app is by the address of its document (Client ID Metadata Document). The
    /// document names the app, so its name is not sent; an app without one is shown to the user
    /// as an unverified app on this computer.
    #[must_use]
    pub fn client_id(mut self, document: Url) -> Self {
        self.app.document = Some(document);
        self
    }

    /// Signs who the app is, with a key whose public half stands in the app's document
    /// (`private_key_jwt`).
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn signing_key(mut self, key: Key) -> Self {
        self.app.signer = Some(key);
        self
    }

    /// Asks for tokens that are bound to a key of their own (DPoP), so that nobody else can use
    /// them. Each call then needs headers of its own, which a provider's SDK does not make: see
    /// [`Access::headers`](crate::Access::headers).
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn bind_tokens(mut self) -> Self {
        self.keys.wanted = true;
        self
    }

    /// Takes a token that is bound to no key, although [`bind_tokens`](Self::bind_tokens) was
    /// asked for. Whoever finds such a token can use it.
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn danger_allow_unbound(mut self) -> Self {
        self.keys.unbound_will_do = true;
        self
    }

    /// Keeps access of [sessions](Client::session) between two starts of the app.
    #[must_use]
    pub fn store(self, store: impl TokenStore + 'static) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Refuses vaults in private networks: for a server whose users say where their vault is.
    /// The transport that comes with the crate checks the addresses that it connects to; your
    /// own has to do the same.
    #[must_use]
    pub fn public_vaults_only(self) -> Self {
        Self { public_only: true, ..self }
    }

    /// Allows a plain `http` vault on another computer. Everyone on the way can read the token
    /// and use it.
    #[must_use]
    pub fn danger_allow_http(self) -> Self {
        Self { http_anywhere: true, ..self }
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) for an address that is not allowed, a
    /// `client_id` that no vault would take, or a signing key without one;
    /// [`is_local`](Error::is_local) where there is no transport, or the system has no
    /// certificates.
    pub fn build(self) -> Result<Client, Error> {
        let vault = Vault::new(self.vault, self.http_anywhere)?;
        if self.public_only {
            vault.is_public()?;
        }
        self.app.check()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => ordinary(&vault, self.public_only)?,
        };
        Ok(Client(Arc::new(Inner {
            vault,
            app: self.app,
            transport,
            keys: self.keys,
            nonces: Arc::new(Nonces::default()),
            store: self.store,
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("app", &self.app).finish_non_exhaustive()
    }
}

#[cfg(feature = "reqwest")]
fn ordinary(vault: &Vault, public_only: bool) -> Result<Box<dyn Transport>, Error> {
    let transport = crate::transport::Reqwest::new(vault.is_https(), public_only);
    Ok(Box::new(transport.map_err(|e| Error::local("TLS cannot be set up", e))?))
}

#[cfg(not(feature = "reqwest"))]
fn ordinary(_: &Vault, _: bool) -> Result<Box<dyn Transport>, Error> {
    Err(Error::new(Kind::Local, "no transport was given, and the feature reqwest is off"))
}
