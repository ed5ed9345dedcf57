//! What an honest vault checks of proofs (RFC 9449 section 4.3) and assertions (RFC 7523).

use std::collections::HashSet;

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::{
    PublicKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Call, Vault};

#[derive(Default)]
pub(super) struct Proofs {
    nonce: Option<String>,
    seen: HashSet<String>,
    /// The client that has to sign, and its key's thumbprint.
    client: Option<(String, Value)>,
}

/// A signed text, opened.
pub(crate) struct Opened {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

/// Opens a JWS and checks it by the key in its header, or by `key`.
pub(crate) fn open(jws: &str, key: Option<&Value>) -> Opened {
    let parts: Vec<_> = jws.split('.').collect();
    let read = |part: &str| Base64UrlUnpadded::decode_vec(part).unwrap();
    let header: Value = serde_json::from_slice(&read(parts[0])).unwrap();
    let claims: Value = serde_json::from_slice(&read(parts[1])).unwrap();
    let jwk = key.unwrap_or(&header["jwk"]);
    assert_eq!((&jwk["kty"], &jwk["crv"]), (&json!("EC"), &json!("P-256")));
    assert_eq!(jwk.as_object().unwrap().len(), 4, "{jwk}");
    let mut point = vec![4];
    point.extend(read(jwk["x"].as_str().unwrap()));
    point.extend(read(jwk["y"].as_str().unwrap()));
    let public = PublicKey::from_sec1_bytes(&point).unwrap();
    let signed = format!("{}.{}", parts[0], parts[1]);
    let signature = Signature::from_slice(&read(parts[2])).unwrap();
    VerifyingKey::from(public).verify(signed.as_bytes(), &signature).unwrap();
    assert_eq!(header["alg"], "ES256");
    Opened { header, claims }
}

pub(crate) fn thumbprint(jwk: &Value) -> String {
    let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
    digest(&text)
}

pub(crate) fn digest(text: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(text))
}

impl Vault {
    /// Wants this nonce in every proof from now on.
    #[cfg(feature = "dpop")]
    pub(crate) fn want_nonce(&self, nonce: &str) {
        self.0.proofs.lock().unwrap().nonce = Some(nonce.to_owned());
    }

    pub(super) fn nonce(&self) -> Option<String> {
        self.0.proofs.lock().unwrap().nonce.clone()
    }

    /// Wants this client to sign who it is, with this key.
    #[cfg(feature = "dpop")]
    pub(crate) fn want_signature(&self, client_id: &str, jwk: Value) {
        self.0.proofs.lock().unwrap().client = Some((client_id.to_owned(), jwk));
    }

    /// The thumbprint of the key that a call was proven with.
    pub(crate) fn shown_key(&self, call: &Call) -> Option<String> {
        let proof = call.headers.get("dpop")?.to_str().unwrap();
        Some(thumbprint(&open(proof, None).header["jwk"]))
    }

    /// What a call is refused for, before it means anything.
    pub(super) fn refused(&self, line: &str, call: &Call) -> Option<(u16, Value)> {
        let mut proofs = self.0.proofs.lock().unwrap();
        if let Some((client, jwk)) = &proofs.client
            && (line.ends_with("/par") || line.ends_with("/token") || line.ends_with("ization"))
            && line.starts_with("POST ")
        {
            let form = call.form();
            assert_eq!(&form["client_id"], client);
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            let Opened { header, claims } = open(&form["client_assertion"], Some(jwk));
            assert_eq!(header["typ"], "JWT");
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!(client), &json!(client)));
            assert_eq!(claims["aud"], json!(self.0.issuer));
            let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert!((1..=300).contains(&lives));
            let jti = claims["jti"].as_str().unwrap().to_owned();
            if !proofs.seen.insert(jti) {
                return Some((401, json!({"error": "invalid_client"})));
            }
        }
        let proof = call.headers.get("dpop")?.to_str().unwrap();
        assert_eq!(call.headers.get_all("dpop").iter().count(), 1);
        let Opened { header, claims } = open(proof, None);
        assert_eq!(header["typ"], "dpop+jwt");
        let (method, path) = line.split_once(' ').unwrap();
        assert_eq!(claims["htm"], method);
        assert_eq!(claims["htu"], self.own(path));
        let issuing = call.form().contains_key("grant_type");
        let token = call.headers.get("authorization");
        let token = token.map(|t| t.to_str().unwrap().strip_prefix("DPoP ").unwrap());
        assert_eq!(claims.get("ath"), token.map(|t| json!(digest(t))).as_ref());
        let status = if issuing { 400 } else { 401 };
        if !proofs.seen.insert(claims["jti"].as_str().unwrap().to_owned()) {
            return Some((status, json!({"error": "invalid_dpop_proof"})));
        }
        let nonce = proofs.nonce.as_ref()?;
        (claims.get("nonce") != Some(&json!(nonce)))
            .then(|| (status, json!({"error": "use_dpop_nonce"})))
    }
}
