//! Signs what the engine checks, with a library that the engine does not use.

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use okap_engine::jwk::PublicKey;
use p256::ecdsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{Signer as _, Verifier as _},
};
use serde_json::{Map, Value, json};

pub(crate) struct Signer(SigningKey);

/// A key of its own for each number.
pub(crate) fn signer(number: u8) -> Signer {
    Signer(SigningKey::from_slice(&[number.max(1); 32]).unwrap())
}

impl Signer {
    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        assert_eq!(point[0], 4, "uncompressed");
        let coordinate = |at: usize| Base64::encode_string(&point[at..at + 32]);
        json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)})
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::from_jwk(self.jwk().as_object().unwrap()).unwrap()
    }

    /// A compact JWS over JSON texts as they are.
    pub(crate) fn sign_texts(&self, header: &str, payload: &str) -> String {
        let input = format!(
            "{}.{}",
            Base64::encode_string(header.as_bytes()),
            Base64::encode_string(payload.as_bytes())
        );
        let signature: Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", Base64::encode_string(&signature.to_bytes()))
    }

    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_texts(&header.to_string(), &payload.to_string())
    }
}

/// The port that the engine wants.
pub(crate) fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_sec1_bytes(&key.to_point()) else { return false };
    Signature::from_slice(signature).is_ok_and(|s| key.verify(message, &s).is_ok())
}

/// A JSON object with one member set, or taken out by `null`.
pub(crate) fn with(object: &Value, member: &str, value: Value) -> Value {
    let mut object: Map<String, Value> = object.as_object().unwrap().clone();
    match value {
        Value::Null => object.remove(member),
        value => object.insert(member.to_owned(), value),
    };
    object.into()
}
