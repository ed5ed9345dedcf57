//! Proofs that whoever sends a request holds a key (RFC 9449), right ones and spoiled ones.

use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{
    Case, Key,
    key::{hmac_jws, sha256},
};
use crate::{
    http::{Call, Reply},
    outcome::Stop,
};

/// Who holds a key, and the nonce that the vault told them last.
pub struct Holder {
    /// The key.
    pub key: Key,
    nonce: Mutex<Option<String>>,
}

impl Holder {
    /// Takes note of the nonce of an answer.
    pub fn heard(&self, reply: &Reply) {
        if let Some(nonce) = reply.header("dpop-nonce") {
            self.set_nonce(Some(nonce.to_owned()));
        }
    }

    /// The nonce that goes into the next proof.
    #[must_use]
    pub fn nonce(&self) -> Option<String> {
        self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets it.
    pub fn set_nonce(&self, nonce: Option<String>) {
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = nonce;
    }
}

/// A proof that is not signed yet.
#[derive(Clone, Debug)]
pub struct Proof {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Proof {
    /// A member of the header.
    #[must_use]
    pub fn head(mut self, member: &str, value: Value) -> Self {
        self.header.insert(member.to_owned(), value);
        self
    }

    /// A claim.
    #[must_use]
    pub fn claim(mut self, claim: &str, value: Value) -> Self {
        self.claims.insert(claim.to_owned(), value);
        self
    }

    /// Without a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Signed by a key, which its header names unless it was told otherwise.
    #[must_use]
    pub fn by(mut self, key: &Key) -> String {
        self.header.entry("jwk").or_insert_with(|| key.jwk());
        key.jws(&self.header.into(), &self.claims.into())
    }

    /// Signed by HS256 with a key that its header gives away.
    #[must_use]
    pub fn by_mac(mut self, key: &str) -> String {
        use base64ct::{Base64UrlUnpadded as Base64, Encoding};
        let jwk = json!({ "kty": "oct", "k": Base64::encode_string(key.as_bytes()) });
        self.header.insert("alg".to_owned(), json!("HS256"));
        self.header.insert("jwk".to_owned(), jwk);
        hmac_jws(&self.header.into(), &self.claims.into(), key.as_bytes())
    }
}

impl Case {
    /// Somebody with a key that no other test knows.
    #[must_use]
    pub fn holder(&self) -> Holder {
        let key = Key::of(self.seed().of(&self.nonce()));
        Holder { key, nonce: Mutex::default() }
    }

    /// The right proof for a call, to be signed; with the hash of the access token where it goes to
    /// a resource.
    #[must_use]
    pub fn proof(&self, holder: &Holder, call: &Call, token: Option<&str>) -> Proof {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256" });
        let address = call.url.split(['?', '#']).next().unwrap_or_default();
        let claims = json!({
            "jti": self.nonce(), "htm": call.method, "htu": address, "iat": self.epoch(),
        });
        let members = |value: Value| value.as_object().cloned().unwrap_or_default();
        let mut proof = Proof { header: members(header), claims: members(claims) };
        if let Some(token) = token {
            proof = proof.claim("ath", json!(sha256(token)));
        }
        match holder.nonce() {
            Some(nonce) => proof.claim("nonce", json!(nonce)),
            None => proof,
        }
    }

    /// Sends a call with a proof, and once more where the vault asks for its nonce. A token goes out
    /// as `Authorization: DPoP`.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn send_proven(
        &self,
        holder: &Holder,
        call: &Call,
        token: Option<&str>,
    ) -> Result<Reply, Stop> {
        let signed = || self.proof(holder, call, token).by(&holder.key);
        let reply = self.send(proven(call, token, &signed())).await?;
        holder.heard(&reply);
        if reply.code() != "use_dpop_nonce" {
            return Ok(reply);
        }
        let reply = self.send(proven(call, token, &signed())).await?;
        holder.heard(&reply);
        Ok(reply)
    }
}

/// The call with its token, where it has one, and a proof.
pub(crate) fn proven(call: &Call, token: Option<&str>, proof: &str) -> Call {
    as_dpop(call, token).header("dpop", proof)
}

/// The call with its token, where it has one, and no proof.
pub(crate) fn as_dpop(call: &Call, token: Option<&str>) -> Call {
    match token {
        Some(token) => call.clone().header("authorization", format!("DPoP {token}")),
        None => call.clone(),
    }
}
