use std::{fmt, sync::Arc};

use http::StatusCode;
use okap_types::{ClientInfo, Version};
use url::Url;

use crate::{
    Access, Ask, Error, Pending, Transport,
    discovery::Discovery,
    error::Kind,
    vault::Vault,
    wire::{self, Direct, PROMPT},
};

/// One app's door to one vault. Cheap to clone; keeps nothing between calls.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    vault: Vault,
    info: ClientInfo,
    transport: Box<dyn Transport>,
}

impl Client {
    /// Takes the vault's address, as the user gives it, and the app's own name.
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the address is not `https`, nor
    /// `http` on this computer (`127.0.0.1`, `[::1]`, `localhost`);
    /// [`is_local`](Error::is_local) where the system has no certificates.
    #[cfg(feature = "reqwest")]
    pub fn new(vault: Url, info: ClientInfo) -> Result<Self, Error> {
        Self::builder(vault, info).build()
    }

    /// As `new`, over your own HTTP stack.
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the address is not `https`, nor
    /// `http` on this computer.
    pub fn with_transport(
        vault: Url,
        info: ClientInfo,
        transport: impl Transport + 'static,
    ) -> Result<Self, Error> {
        Self::builder(vault, info).transport(transport).build()
    }

    /// Begins a client that differs from the ordinary one.
    #[must_use]
    pub fn builder(vault: Url, info: ClientInfo) -> ClientBuilder {
        ClientBuilder { vault, info, transport: None, http_anywhere: false }
    }

    /// Asks directly: the vault answers with a link for the user, and the app waits.
    ///
    /// ```no_run
    /// # async fn ask(okap: okap_client::Client) -> Result<(), okap_client::Error> {
    /// use okap_client::{ModelAccess, Provider};
    /// let pending = okap.start(ModelAccess::new(Provider::Anthropic)).await?;
    /// # let _ = pending; Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the ask is not valid, here or in
    /// the vault's eyes; [`is_denied`](Error::is_denied) where the vault's policy says no at once;
    /// [`is_network`](Error::is_network), [`is_vault`](Error::is_vault),
    /// [`is_untrusted`](Error::is_untrusted) where there is no good answer.
    pub async fn start(&self, ask: impl Into<Ask>) -> Result<Pending, Error> {
        let ask = ask.into().check()?;
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let direct = Direct {
            okap: Version::CURRENT,
            authorization_details: ask.access(),
            client: self.info(),
        };
        let request = direct.to(found.direct()?)?;
        let reply = wire::exchange(self.transport(), request, PROMPT).await?;
        Pending::new(self.clone(), ask, &reply)
    }

    /// Gives access back: from now on its token is refused. Doing so twice is no error.
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the access is another vault's: its
    /// token is not shown to this one. Else as [`start`](Self::start).
    pub async fn revoke(&self, access: &Access) -> Result<(), Error> {
        if access.issuer() != self.vault().issuer() {
            let text = format!(
                "this access is from {}, not from {}",
                access.issuer(),
                self.vault().issuer()
            );
            return Err(Error::new(Kind::InvalidRequest, text));
        }
        let found = Discovery::fetch(self.vault(), self.transport()).await?;
        let pairs = [("token", access.token().expose()), ("token_type_hint", "access_token")];
        let request = wire::form(found.revocation()?, &pairs)?;
        let reply = wire::exchange(self.transport(), request, PROMPT).await?;
        match reply.status {
            StatusCode::OK => Ok(()),
            _ => Err(reply.refusal()),
        }
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn info(&self) -> &ClientInfo {
        &self.0.info
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        self.0.transport.as_ref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("vault", &self.vault().issuer()).finish_non_exhaustive()
    }
}

/// A [`Client`] in the making.
pub struct ClientBuilder {
    vault: Url,
    info: ClientInfo,
    transport: Option<Box<dyn Transport>>,
    http_anywhere: bool,
}

impl ClientBuilder {
    /// Brings your own HTTP stack.
    #[must_use]
    pub fn transport(self, transport: impl Transport + 'static) -> Self {
        Self { transport: Some(Box::new(transport)), ..self }
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
    /// [`is_invalid_request`](Error::is_invalid_request) for an address that is not allowed;
    /// [`is_local`](Error::is_local) where there is no transport, or the system has no
    /// certificates.
    pub fn build(self) -> Result<Client, Error> {
        let vault = Vault::new(self.vault, self.http_anywhere)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => ordinary(&vault)?,
        };
        Ok(Client(Arc::new(Inner { vault, info: self.info, transport })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("info", &self.info).finish_non_exhaustive()
    }
}

#[cfg(feature = "reqwest")]
fn ordinary(vault: &Vault) -> Result<Box<dyn Transport>, Error> {
    let transport = crate::transport::Reqwest::new(vault.is_https());
    Ok(Box::new(transport.map_err(|e| Error::local("TLS cannot be set up", e))?))
}

#[cfg(not(feature = "reqwest"))]
fn ordinary(_: &Vault) -> Result<Box<dyn Transport>, Error> {
    Err(Error::new(Kind::Local, "no transport was given, and the feature reqwest is off"))
}
