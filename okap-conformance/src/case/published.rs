//! Clients that publish a document about themselves, and sign with a key of theirs.

use serde_json::{Value, json};

use super::{Case, Key, Parameters, with};
use crate::{driver::Order, outcome::Stop};

/// What a site says whose documents are fetched each time.
pub const FETCHED: &str = "max-age=0";

/// A client with an address of its own, where a document may be found.
#[derive(Clone)]
pub struct Published {
    /// The address.
    pub client_id: String,
    /// Where it takes the browser back, on its own site.
    pub redirect_uri: String,
    key: Key,
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
        self.key.jwk()
    }

    /// Header and claims, signed.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.key.jws(header, claims)
    }
}

impl Case {
    /// A client that no other test knows. Nothing stands at its address yet.
    pub fn published(&self) -> Published {
        let site = format!("https://{}.okapconf.example", self.nonce());
        let key = Key::of(self.seed().of(&site));
        let (client_id, redirect_uri) = (format!("{site}/client.json"), format!("{site}/back"));
        Published { client_id, redirect_uri, key }
    }

    /// A client whose document stands at its address.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn published_client(&self) -> Result<Published, Stop> {
        let client = self.published();
        self.publish(&client, &client.document()).await?;
        Ok(client)
    }

    /// From now on this stands at a client's address, and is fetched each time.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver cannot, [`Stop::Broken`] where it fails.
    pub async fn publish(&self, client: &Published, document: &Value) -> Result<(), Stop> {
        self.publish_text(client, Some(document.to_string()), Some(FETCHED)).await
    }

    /// As [`publish`](Self::publish): any text, or nothing, with what the site says in
    /// `Cache-Control`.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_text(
        &self,
        client: &Published,
        document: Option<String>,
        cache_control: Option<&str>,
    ) -> Result<(), Stop> {
        let (url, cache_control) = (client.client_id.clone(), cache_control.map(str::to_owned));
        let order = Order::Publish { url, document, cache_control };
        self.order(order).await.map(drop)
    }

    /// The claims of an assertion that is good, and good once.
    #[must_use]
    pub fn claims(&self, client: &Published) -> Value {
        let now = self.epoch();
        json!({
            "iss": client.client_id,
            "sub": client.client_id,
            "aud": self.issuer(),
            "jti": self.nonce(),
            "iat": now,
            "exp": now + 60,
        })
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
