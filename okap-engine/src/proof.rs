//! Proofs of possession (DPoP, RFC 9449): whoever sends the token holds the key.

mod nonce;
mod replay;

pub use nonce::nonce;
pub use replay::Used;

use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::{Secret, Timestamp, token::AccessToken};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use crate::{
    jwk::{PublicKey, Thumbprint},
    jws::{InvalidJws, Jws, NumericDate, Verify, present},
    record::Change,
};

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is wrong: `invalid_dpop_proof`.
    #[error("DPoP proof {0}")]
    Invalid(String),
    /// It has to be made again with the vault's [`nonce`]: `use_dpop_nonce`.
    #[error("DPoP proof lacks the nonce of the DPoP-Nonce header")]
    UseNonce,
}

impl From<InvalidJws> for ProofError {
    fn from(error: InvalidJws) -> Self {
        Self::Invalid(error.to_string())
    }
}

fn invalid(text: &str) -> ProofError {
    ProofError::Invalid(text.to_owned())
}

/// What the request is that a proof came with.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its address; query and fragment do not count.
    pub url: &'a Url,
    /// When it came.
    pub now: Timestamp,
    /// The access token that it came with, where it came with one.
    pub token: Option<&'a AccessToken>,
    /// The secret behind the vault's nonces, where it wants them.
    pub nonces: Option<&'a Secret<[u8; 32]>>,
}

/// A proof that holds, if the commit of `replay` succeeds.
#[derive(Clone, Debug)]
#[must_use = "a proof counts once: the change has to be committed"]
pub struct Proven {
    /// Names the key that was proven.
    pub thumbprint: Thumbprint,
    /// Marks the proof as used. A conflict says that it was used before: `invalid_dpop_proof`.
    pub replay: Change,
}

/// A proof, read and not yet checked.
#[derive(Clone, Debug)]
pub struct Proof {
    jws: Jws,
    key: PublicKey,
    claims: Claims,
}

#[derive(Clone, Debug, Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: NumericDate,
    #[serde(default, deserialize_with = "present")]
    ath: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nonce: Option<String>,
}

/// Seconds that a proof may be old.
const OLDEST: i64 = 300;
/// Seconds that a client's clock may be fast.
const FAST: i64 = 60;

impl Proof {
    /// Reads the `DPoP` header's text: `typ` `dpop+jwt`, `ES256`, a public P-256 `jwk`.
    ///
    /// # Errors
    /// [`ProofError::Invalid`].
    pub fn read(text: &str) -> Result<Self, ProofError> {
        let jws = Jws::read(text)?;
        if jws.header.typ.as_deref() != Some("dpop+jwt") {
            return Err(invalid("typ is not dpop+jwt"));
        }
        let jwk = jws.header.jwk.as_ref().ok_or_else(|| invalid("has no jwk"))?;
        let key = PublicKey::from_jwk(jwk).map_err(|e| ProofError::Invalid(e.to_string()))?;
        let claims: Claims = jws.claims()?;
        if !(1..=128).contains(&claims.jti.chars().count()) {
            return Err(invalid("jti has not 1 to 128 characters"));
        }
        Ok(Self { jws, key, claims })
    }

    /// Names the key that the proof claims; [`check`](Self::check) says whether it is true.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        self.key.thumbprint()
    }

    /// Checks a proof against the request that it came with (RFC 9449 section 4.3).
    ///
    /// # Behavior
    /// - The method is equal, the address is equal but for query and fragment.
    /// - It was made at most 300 s ago and at most 60 s ahead of our clock.
    /// - `ath` is that of the request's access token, where it came with one.
    /// - The nonce is judged last: only a proof that is right otherwise is asked to come again.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check(&self, of: &Expected<'_>, verify: Verify<'_>) -> Result<Proven, ProofError> {
        let Claims { jti, htm, htu, iat: NumericDate(iat), ath, nonce } = &self.claims;
        if !self.jws.is_signed_by(&self.key, verify) {
            return Err(invalid("is not signed by its jwk"));
        }
        if htm != of.method {
            return Err(invalid("htm is not the request's method"));
        }
        let htu = Url::parse(htu).map_err(|_| invalid("htu is not an address"))?;
        if place(htu) != place(of.url.clone()) {
            return Err(invalid("htu is not the request's address"));
        }
        let now = of.now.unix_seconds();
        if *iat < now.saturating_sub(OLDEST) || *iat > now.saturating_add(FAST) {
            return Err(invalid("iat is more than 300 s ago or 60 s ahead"));
        }
        if let Some(token) = of.token
            && !ath.as_ref().is_some_and(|ath| is_hash_of(ath, token))
        {
            return Err(invalid("ath is not the hash of the access token"));
        }
        if let Some(secret) = of.nonces
            && !nonce.as_ref().is_some_and(|text| nonce::is_current(secret, text, of.now))
        {
            return Err(ProofError::UseNonce);
        }
        let thumbprint = self.thumbprint();
        let replay = replay::once(&thumbprint, jti, *iat);
        Ok(Proven { thumbprint, replay })
    }
}

/// An address without what a proof leaves out.
fn place(mut url: Url) -> Url {
    url.set_query(None);
    url.set_fragment(None);
    url
}

fn is_hash_of(ath: &str, token: &AccessToken) -> bool {
    let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(token.expose()));
    hash.as_bytes().ct_eq(ath.as_bytes()).into()
}
