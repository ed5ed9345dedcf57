//! Makes of a proof that a careful vault would refuse one that it takes.
//!
//! No liar can sign with the app's key. So it has a key of its own for each key that it meets, and
//! shows the vault proofs of these alone: what is bound is bound to the liar's key for the app's.

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use okap_conformance::{case::Key, seed::Seed};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::lie::Scene;

/// A proof that came in.
pub(super) struct Draft {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    /// Whether its key signed it.
    pub(super) genuine: bool,
    /// Names that key; empty where it is no such key.
    pub(super) jkt: String,
    /// How long it was.
    pub(super) bytes: usize,
}

/// The request that it came with.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) token: String,
}

impl Asked {
    pub(super) fn of(scene: &Scene<'_>, request: &Request<Bytes>) -> Self {
        let host = request.headers()["host"].to_str().unwrap();
        Self {
            method: request.method().to_string(),
            url: format!("http://{host}{}", request.uri().path()),
            token: scene.token().to_owned(),
        }
    }
}

impl Draft {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let [header, claims] = [header, claims]
            .map(|part| serde_json::from_slice(&Base64::decode_vec(part).ok()?).ok());
        let (header, claims): (Map<_, _>, Map<_, _>) = (header?, claims?);
        let jwk = header.get("jwk")?;
        let part = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let (x, y) = (part("x"), part("y"));
        let point = [vec![4], Base64::decode_vec(x).ok()?, Base64::decode_vec(y).ok()?].concat();
        let key = VerifyingKey::from_sec1_bytes(&point).ok();
        let jkt = match key {
            Some(_) => sha256(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)),
            None => String::new(),
        };
        let signature = Base64::decode_vec(signature).ok();
        let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
        let genuine = key
            .zip(signature)
            .is_some_and(|(key, signature)| key.verify(signed.as_bytes(), &signature).is_ok());
        Some(Self { genuine, jkt, bytes: text.len(), header, claims })
    }

    /// A right one, by the liar's key for this key.
    pub(super) fn fresh(asked: &Asked, jkt: &str) -> Self {
        let claims = json!({
            "jti": unique(), "htm": asked.method, "htu": asked.url, "iat": now(),
            "ath": sha256(&asked.token),
        });
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": {} });
        let members = |value: Value| value.as_object().unwrap().clone();
        let (header, claims) = (members(header), members(claims));
        Self { header, claims, genuine: true, jkt: jkt.to_owned(), bytes: 0 }
    }

    pub(super) fn write(mut self) -> HeaderValue {
        let key = double(&self.jkt);
        let private = self.header["jwk"].get("d").is_some();
        self.header.insert("jwk".into(), if private { key.private_jwk() } else { key.jwk() });
        let mut text = key.jws(&self.header.into(), &self.claims.into());
        if !self.genuine {
            let signature = text.rfind('.').unwrap() + 1;
            text.truncate(signature);
            text.push_str(&"A".repeat(86));
        }
        text.parse().unwrap()
    }

    pub(super) fn says(&self, claim: &str) -> &str {
        self.claims.get(claim).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn set(&mut self, claim: &str, value: impl Into<Value>) {
        self.claims.insert(claim.to_owned(), value.into());
    }
}

/// The liar's key for an app's key.
fn double(jkt: &str) -> Key {
    let seed: Seed = "d0b1e".parse().unwrap();
    Key::of(seed.of(jkt))
}

/// Rewrites every proof of a request, and the key that a form names.
pub(super) fn forge(
    scene: &Scene<'_>,
    request: &mut Request<Bytes>,
    relax: fn(&Scene<'_>, &Asked, &mut Draft),
) {
    change_form(request, |form| {
        for (_, value) in form.iter_mut().filter(|(name, _)| name == "dpop_jkt") {
            *value = double(value).thumbprint();
        }
    });
    let asked = Asked::of(scene, request);
    let proofs: Vec<_> = request.headers().get_all("dpop").iter().cloned().collect();
    request.headers_mut().remove("dpop");
    for proof in proofs {
        let written = match proof.to_str().ok().and_then(Draft::read) {
            Some(mut draft) => {
                relax(scene, &asked, &mut draft);
                if draft.genuine {
                    scene.memory.keep(&format!("bound {}", asked.token), json!(draft.jkt));
                }
                draft.write()
            }
            None => proof,
        };
        request.headers_mut().append("dpop", written);
    }
}

/// The key that a token was last used with.
pub(super) fn bound_to(scene: &Scene<'_>, token: &str) -> Option<String> {
    let kept = scene.memory.kept(&format!("bound {token}"))?;
    kept.as_str().map(str::to_owned).filter(|_| !token.is_empty())
}

/// Changes the fields of a form, where the body is one.
pub(super) fn change_form(
    request: &mut Request<Bytes>,
    change: impl FnOnce(&mut Vec<(String, String)>),
) {
    let kind = request.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    if kind == Some("application/x-www-form-urlencoded") {
        let mut form = url::form_urlencoded::parse(request.body()).into_owned().collect();
        change(&mut form);
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        *request.body_mut() = text.into();
    }
}

/// The first proof of a request as it came.
pub(super) fn came(headers: &HeaderMap) -> Option<Draft> {
    headers.get("dpop").and_then(|proof| proof.to_str().ok()).and_then(Draft::read)
}

pub(super) fn sha256(text: &str) -> String {
    Base64::encode_string(&Sha256::digest(text))
}

pub(super) fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

pub(super) fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    format!("a name by the liar {:08}", DRAWN.fetch_add(1, Ordering::Relaxed))
}
