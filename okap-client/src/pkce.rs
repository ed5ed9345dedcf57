//! The one room that names the oauth2 crate: secrets that tie an answer to its request.
//!
//! Its PKCE and `state` are used, its client is not. The code exchange is one form of five
//! members; through oauth2 it takes five type parameters, an adapter to `AsyncHttpClient`, token
//! types of its own that do not wipe themselves and lose duplicate members, and errors that hide
//! the vault's words.

use oauth2::{CsrfToken, PkceCodeChallenge};
use okap_types::Secret;

/// What one run of the code flow must see again.
pub(crate) struct Pkce {
    /// `code_challenge`, for method S256 (RFC 7636 section 4.2).
    pub(crate) challenge: String,
    /// `code_verifier`, 256 random bits.
    pub(crate) verifier: Secret<String>,
    /// `state`, 256 random bits.
    pub(crate) state: Secret<String>,
}

impl Pkce {
    pub(crate) fn random() -> Self {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        Self {
            challenge: challenge.as_str().to_owned(),
            verifier: verifier.into_secret().into(),
            state: CsrfToken::new_random_len(32).into_secret().into(),
        }
    }
}
