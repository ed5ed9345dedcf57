//! Public keys of P-256 as JWKs, and what they are called by.

use std::{fmt, str::FromStr};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Says why a JWK is not a public key for ES256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("jwk {0}")]
pub struct InvalidKey(&'static str);

/// A public key of the curve P-256: two coordinates of 32 bytes.
///
/// Only the form is checked; whether the point lies on the curve is seen by whoever verifies.
///
/// ```
/// use okap_engine::jwk::PublicKey;
/// // the key of RFC 9449
/// let jwk = serde_json::json!({"kty": "EC", "crv": "P-256",
///     "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
///     "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"});
/// let key = PublicKey::from_jwk(jwk.as_object().ok_or("not an object")?)?;
/// assert_eq!(key.thumbprint().as_str(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    x: [u8; 32],
    y: [u8; 32],
}

/// Members of a JWK that a public EC key has no place for (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

impl PublicKey {
    /// Reads a JWK. Members that say nothing of the key itself are ignored.
    ///
    /// # Errors
    /// [`InvalidKey`] where it is private, of another kind or curve, for another use, or where a
    /// coordinate is not 32 bytes of unpadded base64url.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, InvalidKey> {
        if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
            return Err(InvalidKey("has private members"));
        }
        let is = |member: &str, wanted: &str| jwk.get(member).is_some_and(|v| *v == wanted);
        let may_be = |member: &str, wanted: &str| jwk.get(member).is_none_or(|v| *v == wanted);
        if !is("kty", "EC") || !is("crv", "P-256") {
            return Err(InvalidKey("is not of kty EC and crv P-256"));
        }
        if !may_be("alg", "ES256") || !may_be("use", "sig") {
            return Err(InvalidKey("is not for ES256 signatures"));
        }
        let coordinate = |member: &str| {
            let text = jwk.get(member).and_then(Value::as_str);
            text.and_then(bytes).ok_or(InvalidKey("has no x and y of 32 bytes base64url"))
        };
        Ok(Self { x: coordinate("x")?, y: coordinate("y")? })
    }

    /// The key as a point, uncompressed: 4, x, y (SEC 1 section 2.3.3).
    #[must_use]
    pub fn to_point(&self) -> [u8; 65] {
        let mut point = [4; 65];
        for (to, from) in point.iter_mut().skip(1).zip(self.x.iter().chain(&self.y)) {
            *to = *from;
        }
        point
    }

    /// What the key is called by (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let [x, y] = [&self.x, &self.y].map(|c| Base64UrlUnpadded::encode_string(c));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Thumbprint(Base64UrlUnpadded::encode_string(&Sha256::digest(jwk)))
    }
}

/// Unpadded base64url of exactly so many bytes, in its one canonical form.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    Base64UrlUnpadded::decode_vec(text).ok()?.try_into().ok()
}

/// The text is no thumbprint of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thumbprint is not the 43 base64url characters of a SHA-256")]
pub struct InvalidThumbprint;

/// What a key is called by: SHA-256 over its JWK (RFC 7638), 43 base64url characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are of the same key, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        match bytes::<32>(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(InvalidThumbprint),
        }
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
