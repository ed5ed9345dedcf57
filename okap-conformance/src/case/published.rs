//! Clients that publish a document about themselves, and sign with a key of theirs.

use base64ct::{Base64UrlUnpadded, Encoding};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::{Case, Parameters, with};
use crate::{driver::Order, outcome::Stop};

/// A client with an address of its own, where a document may be found.
#[derive(Clone, Debug)]
pub struct Published {
    /// The address.
    pub client_id: String,
    /// Where it takes the browser back, on its own site.
    pub redirect_uri: String,
    key: SigningKey,
}

impl Published {
    /// The document, of a client that does not sign.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "client_id": self.client_id,
            "client_name": "Conformance",
            "redirect_uris": [self.redirect_uri, "http://127.0.0.1/back"],
        })
    }

    /// The document, of a client that signs.
    #[must_use]
    pub fn signing_document(&self) -> Value {
        let document =
            with(self.document(), "token_endpoint_auth_method", json!("private_key_jwt"));
        with(document, "jwks", json!({ "keys": [self.jwk()] }))
    }

    /// Its public key.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        let text = |half: Option<&p256::FieldBytes>| {
            half.map(|half| Base64UrlUnpadded::encode_string(half)).unwrap_or_default()
        };
        json!({ "kty": "EC", "crv": "P-256", "x": text(point.x()), "y": text(point.y()) })
    }

    /// Header and claims, signed.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let text = format!("{}.{}", part(header), part(claims));
        let signature: Signature = self.key.sign(text.as_bytes());
        format!("{text}.{}", Base64UrlUnpadded::encode_string(&signature.to_bytes()))
    }
}

impl Case {
    /// A client that no other test knows. Nothing stands at its address yet.
    ///
    /// # Errors
    /// [`Stop::Broken`] where no key comes of the seed.
    pub fn published(&self) -> Result<Published, Stop> {
        let site = format!("https://{}.okapconf.example", self.nonce());
        let key = SigningKey::from_slice(&Sha256::digest(&site));
        let key = key.map_err(|error| Stop::Broken(error.to_string()))?;
        let (client_id, redirect_uri) = (format!("{site}/client.json"), format!("{site}/back"));
        Ok(Published { client_id, redirect_uri, key })
    }

    /// A client whose document stands at its address.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn published_client(&self) -> Result<Published, Stop> {
        let client = self.published()?;
        self.publish(&client, &client.document()).await?;
        Ok(client)
    }

    /// From now on this stands at a client's address, and is fetched each time.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver cannot, [`Stop::Broken`] where it fails.
    pub async fn publish(&self, client: &Published, document: &Value) -> Result<(), Stop> {
        self.publish_text(client, Some(document.to_string()), 0).await
    }

    /// As [`publish`](Self::publish): any text, or nothing, that stays fresh for so many seconds.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_text(
        &self,
        client: &Published,
        document: Option<String>,
        fresh: u32,
    ) -> Result<(), Stop> {
        let order = Order::Publish { url: client.client_id.clone(), document, fresh };
        self.order(order).await.map(drop)
    }

    /// The claims of an assertion that is good, and good once.
    #[must_use]
    pub fn claims(&self, client: &Published) -> Value {
        let now = self.unix_now();
        json!({
            "iss": client.client_id,
            "sub": client.client_id,
            "aud": self.issuer(),
            "jti": self.nonce(),
            "iat": now,
            "exp": now + 60,
        })
    }

    /// Seconds since 1970 by the vault's clock.
    #[must_use]
    pub fn unix_now(&self) -> i64 {
        OffsetDateTime::now_utc().unix_timestamp().saturating_add(self.turned())
    }

    /// A form with an assertion of these claims.
    #[must_use]
    pub fn signed(&self, form: &Parameters, client: &Published, claims: &Value) -> Parameters {
        let assertion = client.sign(&json!({ "alg": "ES256" }), claims);
        self.with_assertion(form, &assertion)
    }

    /// A form with an assertion.
    #[must_use]
    pub fn with_assertion(&self, form: &Parameters, assertion: &str) -> Parameters {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = form.clone().with("client_assertion_type", kind);
        form.with("client_assertion", assertion)
    }
}
