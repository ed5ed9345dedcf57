use okap_types::{AppName, ClientInfo};
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
    /// What it says of itself.
    pub info: ClientInfo,
}

/// How sure a vault is of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An app on the user's own computer: `http://localhost` and a loopback redirect.
    Local,
    /// A direct request: nothing is known beyond its claims.
    Unverified,
}

impl App {
    /// What counters of this app are kept under: the same for the same claims.
    #[must_use]
    pub fn counted_as(&self) -> String {
        let name = self.info.name.as_ref().map_or("", AppName::as_str);
        match self.identity {
            Identity::Local => format!("local\n{name}"),
            Identity::Unverified => {
                let home = self.info.url.as_ref().map(|u| u.origin().ascii_serialization());
                format!("unverified\n{name}\n{}", home.unwrap_or_default())
            }
        }
    }
}
