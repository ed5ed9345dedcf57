//! Who asks: a client by its document, or an app on the user's own computer.

use okap_types::{
    ClientInfo, ErrorCode,
    client_document::{AuthMethod, ClientDocument, RedirectUri},
};
use url::Url;

use crate::{
    assertion::Authenticated,
    flow::FlowError,
    record::{App, Identity},
};

/// A client, before anything that proves it has been looked at.
#[derive(Clone, Copy, Debug)]
pub enum Client<'a> {
    /// `http://localhost`: an app on the user's own computer.
    Local,
    /// The client of a document.
    Published {
        /// The document.
        document: &'a ClientDocument,
        /// Whether it signed with a key of its document.
        authenticated: bool,
    },
}

impl<'a> Client<'a> {
    /// The client of a document; one that says `private_key_jwt` has to sign.
    ///
    /// # Errors
    /// `invalid_client`.
    pub fn published(
        document: &'a ClientDocument,
        assertion: Option<&Authenticated>,
    ) -> Result<Self, FlowError> {
        let authenticated = assertion.is_some();
        let signs = document.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt;
        if signs && !authenticated {
            let text = "this client's document says private_key_jwt: send client_assertion";
            return Err(FlowError::new(ErrorCode::InvalidClient, text));
        }
        Ok(Self::Published { document, authenticated })
    }

    /// Whether all its tokens are bound to a key.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        match self {
            Self::Local => false,
            Self::Published { document, .. } => document.dpop_bound_access_tokens,
        }
    }

    /// The app of a request whose answer goes to a redirect URI.
    ///
    /// # Errors
    /// `invalid_request` for an address that is not the client's.
    pub fn at_redirect(&self, to: &str, client_name: Option<&str>) -> Result<App, FlowError> {
        match self {
            Self::Local if is_loopback(to) => self.app(Identity::Local, client_name),
            Self::Local => Err(invalid(
                "redirect_uri is not http://127.0.0.1:port/path or http://[::1]:port/path",
            )),
            Self::Published { document, authenticated } if document.allows(to) => {
                // any program on a computer can listen at its loopback, or claim a scheme there
                let proven = *authenticated || to.starts_with("https:");
                let identity = if proven { Identity::Published } else { Identity::Claimed };
                self.app(identity, client_name)
            }
            Self::Published { .. } => {
                Err(invalid("redirect_uri is not one that the client's document lists"))
            }
        }
    }

    /// The app of a request that is decided on another device: without a signature its client id
    /// is a claim.
    ///
    /// # Errors
    /// `invalid_request` for a name that does not fit.
    pub fn on_device(&self, client_name: Option<&str>) -> Result<App, FlowError> {
        let identity = match self {
            Self::Local => Identity::Local,
            Self::Published { authenticated: true, .. } => Identity::Published,
            Self::Published { .. } => Identity::Claimed,
        };
        self.app(identity, client_name)
    }

    /// The app of a direct request that names a document: a request that carries no signature and
    /// no proof of a key.
    ///
    /// # Errors
    /// `invalid_client` for a document that says that its client always signs, or that all its
    /// tokens are bound to a key.
    pub fn claimed(document: &ClientDocument) -> Result<App, FlowError> {
        let client = Client::published(document, None)?;
        if client.is_bound() {
            let text = "this client's document says dpop_bound_access_tokens: push the request";
            return Err(FlowError::new(ErrorCode::InvalidClient, text));
        }
        Ok(App { identity: Identity::Claimed, info: info(document) })
    }

    fn app(&self, identity: Identity, client_name: Option<&str>) -> Result<App, FlowError> {
        match (self, client_name) {
            (Self::Local, None) => Ok(App { identity, info: ClientInfo::default() }),
            (Self::Local, Some(name)) => {
                let info = ClientInfo::new(name).map_err(|e| invalid(&e.to_string()))?;
                Ok(App { identity, info })
            }
            (Self::Published { document, .. }, None) => Ok(App { identity, info: info(document) }),
            (Self::Published { .. }, Some(_)) => {
                Err(invalid("client_name stands in the client's document, not in the request"))
            }
        }
    }
}

/// What a document says of its client.
fn info(document: &ClientDocument) -> ClientInfo {
    ClientInfo {
        name: document.client_name.clone(),
        url: document.client_uri.clone(),
        client_id: Some(document.client_id.to_string()),
        callback: None,
    }
}

fn invalid(text: &str) -> FlowError {
    FlowError::new(ErrorCode::InvalidRequest, text)
}

/// Whether a redirect URI is a plain loopback address with a port (RFC 8252 section 7.3).
fn is_loopback(text: &str) -> bool {
    let plain = |text: &str| text.parse::<RedirectUri>().is_ok();
    // the parser writes a slash behind a bare host
    text.starts_with("http://")
        && (plain(text) || plain(&format!("{text}/")))
        && Url::parse(text).is_ok_and(|url| url.port().is_some())
}
