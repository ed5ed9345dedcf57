use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

use crate::name::shortened;

/// Says why a browser may not be sent to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "redirect URI {0:?} is not https, http to 127.0.0.1 or [::1], or a scheme with a period, \
     written as a browser writes it, without user name, fragment and *"
)]
pub struct InvalidRedirect(String);

/// Where a browser may be sent back to.
///
/// `https` with any host; `http` to 127.0.0.1 or \[::1\]; a private-use scheme with a period
/// (`com.example.app:/cb`). At most 512 bytes, written exactly as the URL parser writes it, no
/// user name, fragment or `*`.
///
/// ```
/// use okap_types::client_document::RedirectUri;
/// let home: RedirectUri = "http://127.0.0.1/cb".parse()?;
/// assert!(home.allows("http://127.0.0.1:51004/cb"));
/// assert!(!home.allows("http://localhost:51004/cb"));
/// assert!("javascript:alert(1)".parse::<RedirectUri>().is_err());
/// # Ok::<(), okap_types::client_document::InvalidRedirect>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RedirectUri(Url);

impl RedirectUri {
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

    /// Whether it leads to the user's own computer.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether a request that names `asked` may be answered there: the same characters, the port
    /// of a loopback address aside.
    #[must_use]
    pub fn allows(&self, asked: &str) -> bool {
        self.as_str() == asked
            || self.is_loopback()
                && asked.parse::<Self>().is_ok_and(|asked| {
                    asked.is_loopback() && self.without_port() == asked.without_port()
                })
    }

    fn without_port(&self) -> Url {
        let mut url = self.0.clone();
        // fails for addresses without a host only, and a loopback address has one
        let _ = url.set_port(None);
        url
    }
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirect;

    fn from_str(text: &str) -> Result<Self, InvalidRedirect> {
        let invalid = || InvalidRedirect(shortened(text));
        if text.len() > 512 || !text.bytes().all(is_plain) {
            return Err(invalid());
        }
        let url = Url::parse(text).map_err(|_| invalid())?;
        let leads_home = match url.scheme() {
            "https" => url.host_str().is_some_and(|host| !host.is_empty()),
            "http" => is_loopback(&url),
            scheme => scheme.contains('.') && !url.cannot_be_a_base(),
        };
        let plain = url.as_str() == text
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none();
        if leads_home && plain { Ok(Self(url)) } else { Err(invalid()) }
    }
}

/// The characters of RFC 3986 without `*`, which some servers take for a pattern.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b':'
                | b'/'
                | b'?'
                | b'#'
                | b'['
                | b']'
                | b'@'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'+'
                | b','
                | b';'
                | b'='
                | b'%'
        )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == Ipv6Addr::LOCALHOST,
        _ => false,
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RedirectUri {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RedirectUri".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where a browser may be sent back to: https, http to 127.0.0.1 or \
                [::1], or a private-use scheme with a period.",
            "type": "string",
            "pattern": "^(https://[^/?#@*]+/|http://(127[.]0[.]0[.]1|\\[::1\\])(:[0-9]+)?/|\
                [a-z][a-z0-9+-]*[.][a-z0-9.+-]*:/)[^#*]*$",
            "maxLength": 512,
            "examples": ["https://notes.example/cb", "http://127.0.0.1/cb", "com.example.notes:/cb"],
        })
    }
}
