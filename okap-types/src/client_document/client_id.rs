use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// Says why a text is not the address of a client document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "client_id is not an https address of at most 512 bytes with a path, without user name, \
     query and fragment, and written as a browser writes it"
)]
pub struct InvalidClientId;

/// The address of a client's document, which is the client's `client_id`.
///
/// `https`, a host, a path other than `/`; no user name, query, fragment or dot segment; at most
/// 512 bytes, written exactly as the URL parser writes it.
///
/// ```
/// use okap_types::client_document::ClientIdUrl;
/// let client: ClientIdUrl = "https://notes.example/okap.json".parse()?;
/// assert_eq!(client.host(), "notes.example");
/// assert!("http://notes.example/okap.json".parse::<ClientIdUrl>().is_err());
/// assert!("https://notes.example".parse::<ClientIdUrl>().is_err());
/// # Ok::<(), okap_types::client_document::InvalidClientId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientIdUrl(Url);

impl ClientIdUrl {
    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address, parsed.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// What a person is shown as the client's name that can be trusted.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for ClientIdUrl {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        if text.len() > 512 {
            return Err(InvalidClientId);
        }
        let url = Url::parse(text).map_err(|_| InvalidClientId)?;
        // what the parser would change was not written plainly: `\`, case, dots, default port
        let plain = url.as_str() == text;
        let fits = url.scheme() == "https"
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.path() != "/"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain && fits { Ok(Self(url)) } else { Err(InvalidClientId) }
    }
}

impl fmt::Display for ClientIdUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClientIdUrl {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ClientIdUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClientIdUrl".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The https address of the client's document.",
            "type": "string",
            "pattern": "^https://[^/?#@]+/[^?#]+$",
            "maxLength": 512,
            "examples": ["https://notes.example/okap.json"],
        })
    }
}
