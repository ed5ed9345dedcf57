//! Who the app is to a vault.

use okap_types::{ClientInfo, oauth};
use url::Url;

use crate::{Error, error::Kind, key::Key, wire::Form};

/// The app's name, its document if it has one, and the key that it signs with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) info: ClientInfo,
    pub(crate) document: Option<Url>,
    pub(crate) signer: Option<Key>,
}

impl App {
    /// The `client_id`.
    pub(crate) fn id(&self) -> &str {
        self.document.as_ref().map_or(oauth::LOCAL_CLIENT, Url::as_str)
    }

    /// What to say of the app in a direct request.
    pub(crate) fn introduction(&self) -> ClientInfo {
        let document = self.document.as_ref().map(|d| d.as_str().to_owned());
        ClientInfo { client_id: document.or(self.info.client_id.clone()), ..self.info.clone() }
    }

    /// Adds the app's name, where it has no document: a document names its app.
    pub(crate) fn introduce(&self, form: &mut Form) {
        if let (None, Some(name)) = (&self.document, &self.info.name) {
            form.add("client_name", name.as_str());
        }
    }

    /// Adds who calls: the id, and what proves it.
    pub(crate) fn identify(&self, form: &mut Form, issuer: &str) -> Result<(), Error> {
        form.add("client_id", self.id());
        if let Some(key) = &self.signer {
            form.add("client_assertion_type", oauth::JWT_BEARER);
            form.add("client_assertion", key.assertion(self.id(), issuer)?.expose());
        }
        Ok(())
    }

    /// Finds out here what every vault would refuse.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refused = |why: &str| Err(Error::new(Kind::InvalidRequest, format!("client_id {why}")));
        match &self.document {
            None if self.signer.is_some() => refused("is missing: the signing key stands in it"),
            None => Ok(()),
            Some(url) if url.scheme() != "https" => refused("is not an https address"),
            Some(url) if url.query().is_some() || url.fragment().is_some() => {
                refused("has a query or fragment")
            }
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                refused("has a user name")
            }
            Some(url) if url.path() == "/" => refused("has no path"),
            Some(url) if url.as_str().len() > 512 => refused("is longer than 512 bytes"),
            Some(_) => Ok(()),
        }
    }
}
