use std::sync::atomic::{AtomicU64, Ordering};

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use okap_engine::jwk::PublicKey;
use okap_server::ports::Clock;
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Ask, House};

/// A key pair of P-256.
#[derive(Clone)]
pub(crate) struct Key(SigningKey);

/// A key of its own for each number.
pub(crate) fn key(number: u8) -> Key {
    Key(SigningKey::from_slice(&[number.max(1); 32]).unwrap())
}

impl Key {
    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.verifying_key().to_sec1_point(false);
        let coordinate = |at: usize| Base64::encode_string(&point.as_bytes()[at..at + 32]);
        json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)})
    }

    pub(crate) fn thumbprint(&self) -> String {
        let key = PublicKey::from_jwk(self.jwk().as_object().unwrap()).unwrap();
        key.thumbprint().as_str().to_owned()
    }

    /// The key as it would stand in a file that nobody may see.
    pub(crate) fn private_jwk(&self) -> Value {
        let mut jwk = self.jwk();
        jwk["d"] = json!(Base64::encode_string(&self.0.to_bytes()));
        jwk
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| Base64::encode_string(value.to_string().as_bytes());
        let input = format!("{}.{}", part(header), part(payload));
        let signature: Signature = self.0.sign(input.as_bytes());
        format!("{input}.{}", Base64::encode_string(&signature.to_bytes()))
    }
}

/// A number that no other signed text of this run has.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A text that is right, to be made wrong in one thing and signed.
#[derive(Clone)]
pub(crate) struct Signed {
    key: Key,
    header: Value,
    claims: Value,
}

impl Signed {
    /// Sets a claim; `null` takes it out.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Sets a member of the header; `null` takes it out.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Adds the hash of an access token.
    pub(crate) fn ath(self, token: &str) -> Self {
        self.claim("ath", Base64::encode_string(&Sha256::digest(token)))
    }

    /// Signs with another key than it names.
    pub(crate) fn by(self, key: &Key) -> Self {
        Self { key: key.clone(), ..self }
    }

    pub(crate) fn text(&self) -> String {
        self.key.sign(&self.header, &self.claims)
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let object: &mut Map<String, Value> = object.as_object_mut().unwrap();
    match value {
        Value::Null => object.remove(name),
        value => object.insert(name.to_owned(), value),
    };
}

impl House {
    /// A proof for a request to a path, made now.
    pub(crate) fn proof(&self, key: &Key, method: &str, path: &str) -> Signed {
        Signed {
            key: key.clone(),
            header: json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk()}),
            claims: json!({
                "jti": unique(), "htm": method, "htu": format!("{}{path}", self.issuer),
                "iat": self.seconds(),
            }),
        }
    }

    /// What a published client signs to say who it is.
    pub(crate) fn assertion(&self, key: &Key, client_id: &str) -> Signed {
        Signed {
            key: key.clone(),
            header: json!({"alg": "ES256"}),
            claims: json!({
                "iss": client_id, "sub": client_id, "aud": self.issuer, "jti": unique(),
                "exp": self.seconds() + 60,
            }),
        }
    }

    /// Now, in seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.clock.now().unix_seconds()
    }

    /// A chat call with a token that is bound to a key.
    pub(crate) fn bound_chat(&self, token: &str, key: &Key) -> Ask {
        let proof = self.proof(key, "POST", "/v1/openai/chat/completions").ath(token);
        Ask::chat(token, json!({})).dpop(token, &proof)
    }
}

impl Ask {
    /// Presents a token as bound, with a proof.
    pub(crate) fn dpop(self, token: &str, proof: &Signed) -> Self {
        self.without("authorization")
            .header("authorization", &format!("DPoP {token}"))
            .proven(proof)
    }

    /// Sends a proof along.
    pub(crate) fn proven(self, proof: &Signed) -> Self {
        self.header("dpop", &proof.text())
    }
}
