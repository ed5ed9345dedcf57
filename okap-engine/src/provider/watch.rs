//! Looks for a secret in what passes, also where it comes in pieces.

use std::fmt;

use memchr::memmem;
use okap_types::Secret;

/// Shorter secrets would be found everywhere.
const SHORTEST: usize = 8;

/// A secret, and the end of the text so far.
pub(super) struct Watch {
    secret: Secret<String>,
    tail: Vec<u8>,
    alarmed: bool,
}

impl Watch {
    pub(super) fn new(secret: &Secret<String>) -> Option<Self> {
        let long = secret.expose().len() >= SHORTEST;
        long.then(|| Self { secret: secret.clone(), tail: Vec::new(), alarmed: false })
    }

    pub(super) const fn alarmed(&self) -> bool {
        self.alarmed
    }

    /// Takes an event as it came.
    pub(super) fn event(&mut self, event: &[u8]) {
        self.alarmed |= memmem::find(event, self.secret.expose().as_bytes()).is_some();
    }

    /// Takes generated text or sound, which goes on from event to event.
    pub(super) fn bytes(&mut self, piece: &[u8]) {
        let secret = self.secret.expose().as_bytes();
        self.tail.extend_from_slice(piece);
        self.alarmed |= memmem::find(&self.tail, secret).is_some();
        let keep = secret.len().saturating_sub(1);
        self.tail.drain(..self.tail.len().saturating_sub(keep));
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch(…)")
    }
}
