//! Profiles of the specification.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A profile of the specification that a vault may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Requests, consent, grants, tokens, revocation, expiry. Every vault has it.
    Core,
    /// Pushed requests, code flow, refresh.
    Oauth,
    /// Calling models through the vault.
    Proxy,
    /// Money, rates, windows, holds.
    Limits,
    /// The device flow.
    Device,
    /// Tokens bound to a key.
    Dpop,
    /// Token exchange, child grants.
    Delegation,
    /// The vault's own pages, keys at rest, audit.
    Admin,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Core,
        Self::Oauth,
        Self::Proxy,
        Self::Limits,
        Self::Device,
        Self::Dpop,
        Self::Delegation,
        Self::Admin,
    ];

    /// The word of the specification.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Oauth => "oauth",
            Self::Proxy => "proxy",
            Self::Limits => "limits",
            Self::Device => "device",
            Self::Dpop => "dpop",
            Self::Delegation => "delegation",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|profile| profile.word() == text);
        known.ok_or_else(|| {
            let words = Self::ALL.map(Self::word).join(", ");
            format!("{text:?} is no profile; there are {words}")
        })
    }
}
