//! Signed texts (RFC 7515): the compact form, one algorithm, nothing optional.

use base64ct::{Base64UrlUnpadded, Encoding};
use okap_types::strict::{self, Bounds};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};

use crate::jwk::{self, PublicKey};

/// Checks an ES256 signature over a message: a port, since the engine does no curve arithmetic.
///
/// Gives false for a key that is no point of the curve.
pub type Verify<'a> = &'a (dyn Fn(&PublicKey, &[u8], &[u8; 64]) -> bool + Send + Sync);

/// Says why a text is not a signed text for this vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJws(String);

impl InvalidJws {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What stands in the protected header. Members that are not here are ignored and never followed
/// (`jku`, `x5u`, …).
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// What kind of text it is.
    #[serde(default, deserialize_with = "present")]
    pub typ: Option<String>,
    /// Always `ES256`.
    pub alg: String,
    /// Which of the signer's keys.
    #[serde(default, deserialize_with = "present")]
    pub kid: Option<String>,
    /// The signer's public key itself.
    #[serde(default, deserialize_with = "present")]
    pub jwk: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// A signed text, read and not yet verified.
#[derive(Clone, Debug)]
pub struct Jws {
    /// The protected header.
    pub header: Header,
    payload: Vec<u8>,
    signing_input: String,
    signature: [u8; 64],
}

/// Eight levels are more than any header or claim here needs.
const BOUNDS: Bounds = Bounds { bytes: Jws::LONGEST, depth: 8 };

impl Jws {
    /// Longest text in bytes.
    pub const LONGEST: usize = 4096;

    /// Reads `header.payload.signature`.
    ///
    /// # Behavior
    /// - Each part is unpadded base64url in its one canonical form; the signature is 64 bytes.
    /// - The header is one JSON object in which nothing stands twice; `alg` is `ES256`, there is
    ///   no `crit`.
    ///
    /// # Errors
    /// [`InvalidJws`].
    pub fn read(text: &str) -> Result<Self, InvalidJws> {
        if text.len() > Self::LONGEST {
            return Err(InvalidJws::new("is longer than 4096 bytes"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidJws::new("is not three parts with periods between them"));
        };
        let signing_input = format!("{header}.{payload}");
        let signature =
            jwk::bytes(signature).ok_or_else(|| InvalidJws::new("has no 64-byte signature"))?;
        let (header, payload) = (decoded("header", header)?, decoded("payload", payload)?);
        let header: Header =
            strict::read(&header, BOUNDS).map_err(|e| InvalidJws::new(format!("header: {e}")))?;
        if header.alg != "ES256" {
            return Err(InvalidJws::new("alg is not ES256"));
        }
        if header.crit.is_some() {
            return Err(InvalidJws::new("crit names what is not understood here"));
        }
        Ok(Self { header, payload, signing_input, signature })
    }

    /// Reads the payload as claims: one JSON object in which nothing stands twice.
    ///
    /// # Errors
    /// [`InvalidJws`].
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, InvalidJws> {
        strict::read(&self.payload, BOUNDS).map_err(|e| InvalidJws::new(format!("payload: {e}")))
    }

    /// Whether the text was signed by a key.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey, verify: Verify<'_>) -> bool {
        verify(key, self.signing_input.as_bytes(), &self.signature)
    }
}

fn decoded(part: &str, text: &str) -> Result<Vec<u8>, InvalidJws> {
    Base64UrlUnpadded::decode_vec(text)
        .map_err(|_| InvalidJws::new(format!("{part} is not unpadded base64url")))
}

/// Reads a member that may be absent but not null.
pub(crate) fn present<'de, D, T>(d: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(d).map(Some)
}

/// Whole seconds since 1970 (RFC 7519 section 2); a fraction is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NumericDate(pub(crate) i64);

/// 3000-01-01, beyond which our own moments do not reach.
const END: i64 = 32_503_680_000;

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(d)?;
        let seconds = match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(whole),
            #[allow(clippy::cast_possible_truncation, reason = "a fraction is cut off")]
            (None, Some(part)) if (0.0..1e11).contains(&part) => Some(part as i64),
            _ => None,
        };
        match seconds {
            Some(seconds) if (0..END).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(serde::de::Error::custom("a date is not between the years 1970 and 2999")),
        }
    }
}
