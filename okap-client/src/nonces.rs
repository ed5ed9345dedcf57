//! The nonces that the vault wants to see in the next proofs (RFC 9449 sections 8 and 9).

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;

/// Which of its two roles a vault speaks in. Their nonces need not be the same.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Issues tokens.
    Issuer,
    /// Takes tokens.
    Resource,
}

/// The last nonce of each role.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    issuer: Mutex<Option<String>>,
    resource: Mutex<Option<String>>,
}

impl Nonces {
    fn of(&self, role: Role) -> &Mutex<Option<String>> {
        match role {
            Role::Issuer => &self.issuer,
            Role::Resource => &self.resource,
        }
    }

    pub(crate) fn current(&self, role: Role) -> Option<String> {
        self.of(role).lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers the nonce of an answer; says whether there was one.
    pub(crate) fn hear(&self, role: Role, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all("dpop-nonce").iter();
        let (Some(nonce), None) = (all.next(), all.next()) else {
            return false;
        };
        // RFC 9449 section 8.1: printable ASCII without quotes and backslash
        let fits = |text: &&str| (1..=512).contains(&text.len()) && !text.contains(['"', '\\']);
        let Some(nonce) = nonce.to_str().ok().filter(fits) else {
            return false;
        };
        let mut known = self.of(role).lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(nonce.to_owned());
        true
    }
}
