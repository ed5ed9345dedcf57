//! A key of the app: it signs proofs and assertions (ES256) and never leaves the app.

use std::{fmt, sync::Arc};

use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::Secret;
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Error, error::Kind};

/// A P-256 key. Cheap to clone; wiped when the last clone is gone.
///
/// ```
/// use okap_client::Key;
/// let key = Key::generate()?;
/// assert_eq!(key.thumbprint().len(), 43);
/// assert_eq!(format!("{key:?}"), format!("Key({})", key.thumbprint()));
/// # Ok::<(), okap_client::Error>(())
/// ```
#[derive(Clone)]
pub struct Key(Arc<Inner>);

struct Inner {
    signing: SigningKey,
    x: String,
    y: String,
    thumbprint: String,
}

/// The public half as a JWK, members in the order that RFC 7638 hashes.
#[derive(Serialize)]
struct Jwk<'a> {
    crv: &'static str,
    kty: &'static str,
    x: &'a str,
    y: &'a str,
}

/// What a proof says (RFC 9449 section 4.2).
#[derive(Serialize)]
struct ProofClaims<'a> {
    jti: String,
    htm: &'a str,
    htu: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}

impl Key {
    /// Makes a key of 256 random bits.
    ///
    /// # Errors
    /// [`is_local`](Error::is_local) where the system gives no random bits.
    pub fn generate() -> Result<Self, Error> {
        let mut scalar = Zeroizing::new([0; 32]);
        loop {
            fill(scalar.as_mut_slice())?;
            // one in 2^32 draws lies beyond the curve's order
            if let Ok(secret) = SecretKey::from_slice(scalar.as_slice()) {
                return Self::new(&secret);
            }
        }
    }

    /// Reads a key from its 32 bytes, the private scalar in big-endian order.
    ///
    /// ```
    /// use okap_client::{Key, Secret};
    /// assert!(Key::from_scalar(&Secret::new([7; 32])).is_ok());
    /// assert!(Key::from_scalar(&Secret::new([0; 32])).is_err());
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where they are no key.
    pub fn from_scalar(scalar: &Secret<[u8; 32]>) -> Result<Self, Error> {
        let no_key = |_| Error::new(Kind::InvalidRequest, "the 32 bytes are no P-256 key");
        Self::new(&SecretKey::from_slice(scalar.expose()).map_err(no_key)?)
    }

    /// Reads a key from PEM: `PRIVATE KEY` (PKCS #8) or `EC PRIVATE KEY` (SEC 1).
    ///
    /// ```
    /// let pem = "-----BEGIN EC PRIVATE KEY-----
    /// MHcCAQEEIPx+FeOttnz5n9bhZjWiTraj/pgLLbt1Q//Qsld+N/LYoAoGCCqGSM49
    /// AwEHoUQDQgAEb5X6CPTfX+OFPLasWd/V2HR8w28qSUeIjXaYsXAqdmFAilCWal4s
    /// P/cLVhrmhFzK+2nZ4qDb34KrKI/XxF54Dg==
    /// -----END EC PRIVATE KEY-----";
    /// let key = okap_client::Key::from_pem(&pem.into())?;
    /// # Ok::<(), okap_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`is_invalid_request`](Error::is_invalid_request) where the text is no private P-256 key.
    pub fn from_pem(pem: &Secret<String>) -> Result<Self, Error> {
        use p256::pkcs8::DecodePrivateKey;
        let secret = SecretKey::from_pkcs8_pem(pem.expose())
            .or_else(|_| SecretKey::from_sec1_pem(pem.expose()));
        let no_key = |_| Error::new(Kind::InvalidRequest, "the PEM text is no private P-256 key");
        Self::new(&secret.map_err(no_key)?)
    }

    /// The public half's name: its SHA-256 thumbprint (RFC 7638), 43 characters.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }

    fn new(secret: &SecretKey) -> Result<Self, Error> {
        let point = secret.public_key().to_sec1_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else {
            return Err(Error::new(Kind::InvalidRequest, "the key has no public half"));
        };
        let (x, y) = (Base64UrlUnpadded::encode_string(x), Base64UrlUnpadded::encode_string(y));
        let jwk = json_text(&Jwk { crv: "P-256", kty: "EC", x: &x, y: &y })?;
        let thumbprint = digest(&jwk);
        Ok(Self(Arc::new(Inner { signing: SigningKey::from(secret), x, y, thumbprint })))
    }

    /// The private scalar, for a store.
    pub(crate) fn scalar(&self) -> Secret<[u8; 32]> {
        Secret::new(self.0.signing.to_bytes().into())
    }

    /// A proof that whoever sends this request holds the key (RFC 9449 section 4.2); `token` is
    /// the access token that goes with it.
    pub(crate) fn proof(
        &self,
        method: &http::Method,
        url: &str,
        nonce: Option<&str>,
        token: Option<&Secret<String>>,
    ) -> Result<String, Error> {
        let jwk = Jwk { crv: "P-256", kty: "EC", x: &self.0.x, y: &self.0.y };
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let address = url.split(['?', '#']).next().unwrap_or_default();
        let claims = ProofClaims {
            jti: unique()?,
            htm: method.as_str(),
            htu: address,
            iat: now(),
            nonce,
            ath: token.map(|token| digest(token.expose())),
        };
        self.sign(&header, &claims)
    }

    /// A statement of who calls (RFC 7523 section 3), for one vault: the audience is its issuer
    /// and never an address, which another vault could have made up.
    pub(crate) fn assertion(&self, client_id: &str, issuer: &str) -> Result<Secret<String>, Error> {
        let now = now();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": issuer, "jti": unique()?,
            "iat": now, "exp": now.saturating_add(ASSERTION),
        });
        self.sign(&json!({"typ": "JWT", "alg": "ES256"}), &claims).map(Secret::new)
    }

    fn sign(&self, header: &impl Serialize, claims: &impl Serialize) -> Result<String, Error> {
        let part = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
        let mut jws = format!("{}.{}", part(json_text(header)?), part(json_text(claims)?));
        let signature: Signature = self.0.signing.sign(jws.as_bytes());
        jws.push('.');
        jws.push_str(&Base64UrlUnpadded::encode_string(&signature.to_bytes()));
        Ok(jws)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.thumbprint())
    }
}

/// How long an assertion is good for, in seconds: a vault takes 300 at most, and clocks differ.
const ASSERTION: i64 = 120;

fn now() -> i64 {
    crate::clock::wall().unix_seconds()
}

/// A name that was never used: 128 random bits.
fn unique() -> Result<String, Error> {
    let mut bits = [0; 16];
    fill(&mut bits)?;
    Ok(Base64UrlUnpadded::encode_string(&bits))
}

fn fill(bits: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bits).map_err(|e| Error::local("the system gives no random bits", e))
}

/// SHA-256 in base64url.
fn digest(text: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(text.as_bytes()))
}

fn json_text(value: &impl Serialize) -> Result<String, Error> {
    crate::wire::json(value)
}

#[cfg(test)]
mod tests {
    use super::{Key, digest};
    use okap_types::Secret;

    /// The example key of RFC 7517 appendix A.2 has this public half, and RFC 9449 section 6.1
    /// names no other; the digest is checked against RFC 9449 section 7.1.
    #[test]
    fn thumbprint_and_digest_are_those_of_the_standards() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(digest(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        let jwk = concat!(
            r#"{"crv":"P-256","kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","#,
            r#""y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#
        );
        assert_eq!(digest(jwk), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    #[test]
    fn one_key_in_three_forms_is_one_key() {
        let scalar = Secret::new([7; 32]);
        let key = Key::from_scalar(&scalar).unwrap();
        assert_eq!(key.scalar().expose(), &[7; 32]);
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let ending = p256::pkcs8::LineEnding::LF;
        let sec1 = secret.to_sec1_pem(ending).unwrap().to_string();
        let pkcs8 = p256::pkcs8::EncodePrivateKey::to_pkcs8_pem(&secret, ending).unwrap();
        for pem in [sec1, pkcs8.to_string()] {
            let again = Key::from_pem(&pem.into()).unwrap();
            assert_eq!(again.thumbprint(), key.thumbprint());
        }
        assert!(Key::from_pem(&"-----BEGIN PUBLIC KEY-----".into()).is_err());
    }
}
