//! What a published client says of itself: a JSON document whose address is its `client_id`.

mod client_id;
mod redirect;

pub use client_id::{ClientIdUrl, InvalidClientId};
pub use redirect::{InvalidRedirect, RedirectUri};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value, value::RawValue};
use url::Url;

use crate::{
    AppName,
    error::said,
    limits::present,
    object,
    strict::{self, Bounds},
};

/// Says why a document does not describe a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client document: {0}")]
pub struct InvalidDocument(String);

/// How a client proves at an endpoint who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub enum AuthMethod {
    /// Not at all: an app that anybody can take apart.
    #[default]
    None,
    /// By a signed assertion (RFC 7523) under one of its `jwks`.
    PrivateKeyJwt,
}

/// What a published client says of itself, at the address that is its `client_id`.
///
/// ```
/// use okap_types::client_document::{ClientDocument, ClientIdUrl};
/// let url: ClientIdUrl = "https://notes.example/okap.json".parse()?;
/// let bytes = br#"{"client_id":"https://notes.example/okap.json","client_name":"Notes",
///     "redirect_uris":["https://notes.example/cb","http://127.0.0.1/cb"]}"#;
/// let document = ClientDocument::parse(&url, bytes)?;
/// assert!(document.allows("https://notes.example/cb"));
/// assert!(document.allows("http://127.0.0.1:51004/cb"));
/// assert!(!document.allows("https://notes.example/cb/"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("not" = {"anyOf": [
        {"required": ["client_secret"]}, {"required": ["client_secret_expires_at"]},
        {"required": ["jwks_uri"]},
    ]}))
)]
pub struct ClientDocument {
    /// The address of this document.
    pub client_id: ClientIdUrl,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<AppName>,
    /// Its home page, http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[Hh][Tt][Tt][Pp][Ss]?:")))]
    pub client_uri: Option<Url>,
    /// Where a browser may go back to; none where only the device flow is used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(default, length(max = 16)))]
    pub redirect_uris: Vec<RedirectUri>,
    /// How it proves who it is.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub token_endpoint_auth_method: AuthMethod,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<KeySet>,
    /// Whether every token has to be bound to a key (RFC 9449 section 5.2).
    #[cfg_attr(feature = "schema", schemars(default))]
    pub dpop_bound_access_tokens: bool,
}

/// Public keys (RFC 7517 section 5): one to eight, each of P-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeySet {
    /// The keys as they stand in the document.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 8)))]
    pub keys: Vec<Map<String, Value>>,
}

impl ClientDocument {
    /// Longest document in bytes.
    pub const LONGEST: usize = 5120;

    /// Reads the document that stands at an address.
    ///
    /// # Behavior
    /// - Unknown members are ignored, repeated ones refused.
    /// - Refused are: a `client_id` other than the document's address, client secrets, `jwks_uri`,
    ///   keys that are not public P-256 keys, and a redirect URI that could lead astray.
    ///
    /// # Errors
    /// [`InvalidDocument`].
    pub fn parse(url: &ClientIdUrl, bytes: &[u8]) -> Result<Self, InvalidDocument> {
        let text = strict::check(bytes, Bounds { bytes: Self::LONGEST, depth: 8 });
        let text = text.map_err(|e| InvalidDocument(e.to_string()))?;
        let wire: Wire<'_> = object::read(text).map_err(|e| InvalidDocument(said(&e)))?;
        wire.checked(url).map_err(|e| InvalidDocument(e.to_string()))
    }

    /// Whether a redirect URI of a request is one of the document's: the same characters, the
    /// port of a loopback address aside (RFC 8252 section 7.3).
    #[must_use]
    pub fn allows(&self, redirect_uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.allows(redirect_uri))
    }

    /// The document's public keys, where it has any.
    pub fn keys(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.jwks.iter().flat_map(|set| &set.keys)
    }
}

/// The document as it is written. A null member is there, and of the wrong type.
#[derive(Deserialize)]
struct Wire<'a> {
    client_id: String,
    #[serde(default, deserialize_with = "present")]
    client_name: Option<AppName>,
    #[serde(default, deserialize_with = "present")]
    client_uri: Option<Url>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    token_endpoint_auth_method: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    jwks: Option<&'a RawValue>,
    #[serde(default)]
    dpop_bound_access_tokens: bool,
    #[serde(default, deserialize_with = "present")]
    jwks_uri: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    client_secret: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    client_secret_expires_at: Option<IgnoredAny>,
}

impl Wire<'_> {
    fn checked(self, url: &ClientIdUrl) -> Result<ClientDocument, String> {
        if self.client_id != url.as_str() {
            return Err("client_id is not the address that the document was found at".into());
        }
        if self.client_secret.is_some() || self.client_secret_expires_at.is_some() {
            return Err("a public document has no client_secret".into());
        }
        if self.jwks_uri.is_some() {
            return Err("jwks_uri is not read here: put the keys into jwks".into());
        }
        if self.client_uri.as_ref().is_some_and(|uri| !is_home_page(uri)) {
            let text = "client_uri is not an http or https address without a user name";
            return Err(text.into());
        }
        if self.redirect_uris.len() > 16 {
            return Err("redirect_uris has more than 16 members".into());
        }
        let redirect_uris = self.redirect_uris.iter().map(|text| text.parse::<RedirectUri>());
        let redirect_uris =
            redirect_uris.collect::<Result<_, _>>().map_err(|e: InvalidRedirect| e.to_string())?;
        let jwks = self.jwks.map(key_set).transpose()?;
        let token_endpoint_auth_method = match self.token_endpoint_auth_method.as_deref() {
            None | Some("none") => AuthMethod::None,
            Some("private_key_jwt") if jwks.is_some() => AuthMethod::PrivateKeyJwt,
            Some("private_key_jwt") => return Err("private_key_jwt without jwks".into()),
            Some(_) => {
                let text = "token_endpoint_auth_method is neither none nor private_key_jwt";
                return Err(text.into());
            }
        };
        Ok(ClientDocument {
            client_id: url.clone(),
            client_name: self.client_name.filter(|name| !name.is_empty()),
            client_uri: self.client_uri,
            redirect_uris,
            token_endpoint_auth_method,
            jwks,
            dpop_bound_access_tokens: self.dpop_bound_access_tokens,
        })
    }
}

fn is_home_page(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none()
}

/// Members of a JWK that are nobody else's business (RFC 7518 section 6, RFC 8037).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

fn key_set(raw: &RawValue) -> Result<KeySet, String> {
    #[derive(Deserialize)]
    struct Wire {
        keys: Vec<Map<String, Value>>,
    }
    let Wire { keys } = object::read(raw.get()).map_err(|e| format!("jwks: {}", said(&e)))?;
    if keys.is_empty() || keys.len() > 8 {
        return Err("jwks has not 1 to 8 keys".into());
    }
    for key in &keys {
        if PRIVATE.iter().any(|member| key.contains_key(*member)) {
            return Err("jwks has a key that is not public: replace it, it is burnt".into());
        }
        let is = |member: &str, wanted: &str| key.get(member).is_some_and(|v| *v == wanted);
        let may_be = |member: &str, wanted: &str| key.get(member).is_none_or(|v| *v == wanted);
        let coordinate = |member: &str| {
            key.get(member).and_then(Value::as_str).is_some_and(|text| text.len() == 43)
        };
        if !is("kty", "EC") || !is("crv", "P-256") || !coordinate("x") || !coordinate("y") {
            return Err("jwks has a key that is not of kty EC and crv P-256 with x and y".into());
        }
        if !may_be("alg", "ES256") || !may_be("use", "sig") {
            return Err("jwks has a key that is not for ES256 signatures".into());
        }
        if key.get("kid").is_some_and(|kid| !kid.is_string()) {
            return Err("jwks has a kid that is not a text".into());
        }
    }
    Ok(KeySet { keys })
}
