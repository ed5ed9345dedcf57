//! How a published client proves who it is: `private_key_jwt` (RFC 7523), tightened.

use okap_types::{ClientDocument, ClientIdUrl, Timestamp, client_document::AuthMethod};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    jwk::PublicKey,
    jws::{InvalidJws, Jws, NumericDate, Verify, present},
    record::{Change, Record, insert},
    token::hash,
};

/// The one `client_assertion_type`.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why an assertion proves nothing: `invalid_client`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client assertion {0}")]
pub struct InvalidAssertion(String);

impl InvalidAssertion {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<InvalidJws> for InvalidAssertion {
    fn from(error: InvalidJws) -> Self {
        Self(error.to_string())
    }
}

/// A client that holds a key of its document, if the commit of `replay` succeeds.
#[derive(Clone, Debug)]
#[must_use = "an assertion counts once: the change has to be committed"]
pub struct Authenticated {
    /// Who it is.
    pub client_id: ClientIdUrl,
    /// Marks the assertion as used. A conflict says that it was used before: `invalid_client`.
    pub replay: Change,
}

/// A client assertion, read and not yet checked.
#[derive(Clone, Debug)]
pub struct Assertion {
    jws: Jws,
    claims: Claims,
    client_id: ClientIdUrl,
}

#[derive(Clone, Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// One string: a list would let another vault pass the assertion on.
    aud: String,
    exp: NumericDate,
    #[serde(default, deserialize_with = "present")]
    iat: Option<NumericDate>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<NumericDate>,
    jti: String,
}

/// Seconds that an assertion may still live.
const LONGEST: i64 = 300;
/// Seconds that a client's clock may be fast.
const FAST: i64 = 60;

impl Assertion {
    /// Reads a `client_assertion`.
    ///
    /// # Errors
    /// [`InvalidAssertion`].
    pub fn read(text: &str) -> Result<Self, InvalidAssertion> {
        let jws = Jws::read(text)?;
        if !matches!(jws.header.typ.as_deref(), None | Some("JWT" | "client-authentication+jwt")) {
            return Err(InvalidAssertion::new("typ is neither JWT nor client-authentication+jwt"));
        }
        let claims: Claims = jws.claims()?;
        if claims.iss != claims.sub {
            return Err(InvalidAssertion::new("iss and sub are not both the client_id"));
        }
        if !(1..=128).contains(&claims.jti.chars().count()) {
            return Err(InvalidAssertion::new("jti has not 1 to 128 characters"));
        }
        let client_id = claims
            .iss
            .parse()
            .map_err(|_| InvalidAssertion::new("iss is not the address of a client document"))?;
        Ok(Self { jws, claims, client_id })
    }

    /// The client that it claims to be of: says which document to fetch, proves nothing.
    #[must_use]
    pub const fn claimed(&self) -> &ClientIdUrl {
        &self.client_id
    }

    /// Checks an assertion against the document of the client that it claims to be of.
    ///
    /// # Behavior
    /// - The document says `private_key_jwt`; a key of it signed; that of the `kid`, where one is
    ///   named.
    /// - `aud` is the issuer and nothing else, not an endpoint and no list.
    /// - It ends in the next 300 s.
    ///
    /// # Errors
    /// [`InvalidAssertion`].
    pub fn check(
        &self,
        document: &ClientDocument,
        issuer: &str,
        now: Timestamp,
        verify: Verify<'_>,
    ) -> Result<Authenticated, InvalidAssertion> {
        let invalid = |text: &str| Err(InvalidAssertion::new(text));
        let Claims { aud, exp: NumericDate(exp), iat, nbf, jti, .. } = &self.claims;
        if document.client_id != self.client_id {
            return invalid("is of another client");
        }
        if document.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
            return invalid("is of a client whose document does not say private_key_jwt");
        }
        if aud != issuer {
            return invalid("aud is not the issuer as one string");
        }
        let now = now.unix_seconds();
        if *exp <= now || *exp > now.saturating_add(LONGEST) {
            return invalid("exp is not within the next 300 s");
        }
        let ahead = |date: &NumericDate| date.0 > now.saturating_add(FAST);
        if iat.as_ref().is_some_and(ahead) || nbf.as_ref().is_some_and(ahead) {
            return invalid("iat or nbf is more than 60 s ahead");
        }
        if !self.is_signed_by_one_of(document, verify) {
            return invalid("is not signed by a key of the client's document");
        }
        let used = Used { until: Timestamp::from_unix_millis(0).plus_seconds(exp + FAST + 1) };
        let name = hash(&format!("{} {jti}", self.client_id));
        Ok(Authenticated { client_id: self.client_id.clone(), replay: insert(&name, &used) })
    }

    fn is_signed_by_one_of(&self, document: &ClientDocument, verify: Verify<'_>) -> bool {
        let kid = self.jws.header.kid.as_deref();
        document
            .keys()
            .filter(|jwk| kid.is_none() || jwk.get("kid").and_then(Value::as_str) == kid)
            .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
            .any(|key| self.jws.is_signed_by(&key, verify))
    }
}

/// Says that an assertion has been used; kept for as long as it could come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// From then on it has ended in any case.
    pub until: Timestamp,
}

impl Record for Used {
    const KIND: &'static str = "assertion";

    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.until)
    }
}
