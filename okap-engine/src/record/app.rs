use okap_types::{AppName, ClientInfo, oauth::LOCAL_CLIENT};
use serde::{Deserialize, Serialize};

/// Who owns keys and grants in a vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(String);

impl Owner {
    /// An owner by the vault's own name for them.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An app as the vault knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// How sure the vault is of it.
    pub identity: Identity,
    /// What it says of itself; for a published app what its document says.
    pub info: ClientInfo,
}

/// How sure a vault is of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An app on the user's own computer: `http://localhost` and a loopback redirect.
    Local,
    /// The app of a document: the answer goes to an `https` address that the document lists, or
    /// the app signed with a key that it lists.
    Published,
    /// It names a document, and nothing proves that it is the document's app.
    Claimed,
    /// A direct request: nothing is known beyond its claims.
    Unverified,
}

impl App {
    /// The `client_id` that tokens of this app are bound to; none where it has none.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self.identity {
            Identity::Local => Some(LOCAL_CLIENT),
            Identity::Published | Identity::Claimed => self.info.client_id.as_deref(),
            Identity::Unverified => None,
        }
    }

    /// What counters of this app are kept under: the same for the same claims.
    #[must_use]
    pub fn counted_as(&self) -> String {
        let name = self.info.name.as_ref().map_or("", AppName::as_str);
        let id = self.info.client_id.as_deref().unwrap_or_default();
        match self.identity {
            Identity::Local => format!("local\n{name}"),
            Identity::Published => format!("published\n{id}"),
            Identity::Claimed => format!("claimed\n{id}"),
            Identity::Unverified => {
                let home = self.info.url.as_ref().map(|u| u.origin().ascii_serialization());
                format!("unverified\n{name}\n{}", home.unwrap_or_default())
            }
        }
    }
}
