use std::{fmt, sync::Arc, time::Duration};

use okap_types::ClientInfo;
use url::Url;

use crate::{
    Access, Error, TokenStore, Transport,
    access::header,
    app::App,
    error::Kind,
    key::Key,
    nonces::{Nonces, Role},
    vault::Vault,
    wire::{self, Form, Reply, Request},
};

mod builder;

pub use builder::ClientBuilder;

/// One app's door to one vault. Cheap to clone; keeps nothing between calls but the vault's
/// nonces.
///
/// ```no_run
/// # #[cfg(feature = "reqwest")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use okap_client::{Client, ClientInfo};
/// let okap = Client::new("https://vault.example.com".parse()?, ClientInfo::new("Notes")?)?;
/// # let _ = okap; Ok(())
/// # }
/// # #[cfg(not(feature = "reqwest"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    vault: Vault,
    app: App,
    transport: Box<dyn Transport>,
    keys: Keys,
    nonces: Arc<Nonces>,
    store: Option<Arc<dyn TokenStore>>,
}

/// Whether tokens shall be bound to a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys {
    pub(crate) wanted: bool,
    pub(crate) unbound_will_do: bool,
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
    /// ```
    /// # fn make(stack: impl okap_client::Transport + 'static) -> Result<(), Box<dyn std::error::Error>> {
    /// use okap_client::{Client, ClientInfo};
    /// let vault = "https://vault.example.com".parse()?;
    /// let okap = Client::with_transport(vault, ClientInfo::new("Notes")?, stack)?;
    /// # let _ = okap; Ok(())
    /// # }
    /// ```
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
        ClientBuilder::new(vault, info)
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        self.0.transport.as_ref()
    }

    pub(crate) fn keys(&self) -> Keys {
        self.0.keys
    }

    pub(crate) fn nonces(&self) -> &Arc<Nonces> {
        &self.0.nonces
    }

    pub(crate) fn store(&self) -> Option<&Arc<dyn TokenStore>> {
        self.0.store.as_ref()
    }

    /// Checks that a token may be shown to this vault.
    pub(crate) fn issued(&self, access: &Access) -> Result<(), Error> {
        if access.issuer() == self.vault().issuer() {
            return Ok(());
        }
        let (theirs, ours) = (access.issuer(), self.vault().issuer());
        let text = format!("this access is from {theirs}, not from {ours}");
        Err(Error::new(Kind::InvalidRequest, text))
    }

    /// Sends a request, with a proof where there is a key; once more where the vault wants its
    /// nonce in the proof (RFC 9449 section 8). Never a third time. `make` is called for each
    /// try, since what is signed counts once.
    pub(crate) async fn send(
        &self,
        make: impl Fn() -> Result<Request, Error>,
        proof: Proof<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        let reply = self.send_once(make()?, proof, within).await?;
        if proof.key.is_none() || !self.hear(proof, &reply) || !reply.wants_nonce() {
            return Ok(reply);
        }
        let reply = self.send_once(make()?, proof, within).await?;
        self.hear(proof, &reply);
        Ok(reply)
    }

    fn hear(&self, proof: Proof<'_>, reply: &Reply) -> bool {
        self.nonces().hear(proof.role(), &reply.headers)
    }

    async fn send_once(
        &self,
        mut request: Request,
        proof: Proof<'_>,
        within: Duration,
    ) -> Result<Reply, Error> {
        if let Some(key) = proof.key {
            let nonce = self.nonces().current(proof.role());
            let url = request.uri().to_string();
            let token = proof.access.map(Access::token);
            let proof = key.proof(request.method(), &url, nonce.as_deref(), token)?;
            request.headers_mut().insert("dpop", header(&proof)?);
        }
        wire::exchange(self.transport(), request, within).await
    }

    /// Posts a form to the vault as issuer, with who calls.
    pub(crate) async fn post(
        &self,
        url: &Url,
        form: &Form,
        key: Option<&Key>,
        within: Duration,
    ) -> Result<Reply, Error> {
        let make = || {
            let mut form = form.clone();
            self.app().identify(&mut form, self.vault().issuer())?;
            form.to(url)
        };
        self.send(make, Proof { key, access: None }, within).await
    }
}

/// What a request is proven with.
#[derive(Clone, Copy)]
pub(crate) struct Proof<'a> {
    pub(crate) key: Option<&'a Key>,
    /// The access whose token goes with it; `None` at the endpoints that issue tokens.
    pub(crate) access: Option<&'a Access>,
}

impl Proof<'_> {
    fn role(self) -> Role {
        if self.access.is_some() { Role::Resource } else { Role::Issuer }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("vault", &self.vault().issuer()).finish_non_exhaustive()
    }
}
