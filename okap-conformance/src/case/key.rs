//! Keys of apps, made from the run's seed, so that a run can be repeated to the byte.

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::seed::Seed;

/// A P-256 key. It protects nothing.
#[derive(Clone)]
pub struct Key {
    signing: SigningKey,
    x: String,
    y: String,
    d: String,
}

impl Key {
    /// The key of a seed.
    #[must_use]
    pub fn of(seed: Seed) -> Self {
        let mut scalar = Sha256::digest(format!("key of {seed}"));
        loop {
            // one in 2^32 lies beyond the curve's order
            if let Ok(secret) = SecretKey::from_slice(&scalar) {
                let point = secret.public_key().to_sec1_point(false);
                let text = |bytes: &[u8]| Base64::encode_string(bytes);
                let x = point.x().map(|x| text(x)).unwrap_or_default();
                let y = point.y().map(|y| text(y)).unwrap_or_default();
                return Self { signing: SigningKey::from(&secret), x, y, d: text(&scalar) };
            }
            scalar = Sha256::digest(scalar);
        }
    }

    /// The public half (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y })
    }

    /// Both halves.
    #[must_use]
    pub fn private_jwk(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "d": self.d })
    }

    /// Names the public half (RFC 7638).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let Self { x, y, .. } = self;
        sha256(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// A compact JWS (RFC 7515), signed with ES256 whatever its header says.
    #[must_use]
    pub fn jws(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature: Signature = self.signing.sign(signed.as_bytes());
        format!("{signed}.{}", Base64::encode_string(&signature.to_bytes()))
    }
}

/// A compact JWS, signed with HS256 and these bytes.
pub(super) fn hmac_jws(header: &Value, claims: &Value, key: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let tag = Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(&signed).finalize().into_bytes().to_vec());
    format!("{signed}.{}", Base64::encode_string(&tag.unwrap_or_default()))
}

/// SHA-256 in base64url.
#[must_use]
pub(crate) fn sha256(text: &str) -> String {
    Base64::encode_string(&Sha256::digest(text))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] =
        [header, claims].map(|part| Base64::encode_string(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_key_again_and_another_seed_another() {
        let seed: Seed = "7".parse().unwrap();
        assert_eq!(Key::of(seed).jwk(), Key::of(seed).jwk());
        assert_ne!(Key::of(seed).thumbprint(), Key::of(seed.of("b")).thumbprint());
        assert_eq!(Key::of(seed).thumbprint().len(), 43);
    }

    #[test]
    fn a_mac_is_that_of_the_rfc() {
        // RFC 7515 appendix A.1 has other spacing in its header, so this is held to RFC 4231 case 2
        let mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        let tag = mac.chain_update("what do ya want for nothing?").finalize().into_bytes();
        assert_eq!(tag[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let header = json!({ "alg": "HS256" });
        assert_ne!(hmac_jws(&header, &header, b"a"), hmac_jws(&header, &header, b"b"));
    }
}
