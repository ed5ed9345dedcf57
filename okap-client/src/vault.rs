use url::{Host, Origin, Url};

use crate::{Error, address, error::Kind};

/// The vault that the app chose: its name, and which addresses are its own.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    issuer: String,
    url: Url,
}

impl Vault {
    /// Takes the address that the app was given.
    pub(crate) fn new(url: Url, http_anywhere: bool) -> Result<Self, Error> {
        let refused = |why: &str| {
            let scheme = url.scheme();
            let host = url.host_str().unwrap_or_default();
            Error::new(Kind::InvalidRequest, format!("vault address {scheme}://{host} {why}"))
        };
        match url.scheme() {
            "https" => {}
            "http" if http_anywhere || is_loopback(&url) => {}
            "http" => return Err(refused("is plain http and not on this computer")),
            _ => return Err(refused("is not an https address")),
        }
        if has_userinfo(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("has a user, query or fragment"));
        }
        let issuer = match url.path() {
            "/" => url.as_str().trim_end_matches('/').to_owned(),
            _ => url.as_str().to_owned(),
        };
        Ok(Self { issuer, url })
    }

    /// The vault's identity (RFC 8414 section 2), compared byte by byte.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Checks that the address is not of a private network, as far as it shows that.
    pub(crate) fn is_public(&self) -> Result<(), Error> {
        let public = match self.url.host() {
            Some(Host::Ipv4(ip)) => address::is_public(ip.into()),
            Some(Host::Ipv6(ip)) => address::is_public(ip.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name != "localhost" && !name.ends_with(".localhost")
            }
            None => false,
        };
        if public {
            return Ok(());
        }
        let text = format!("vault address {} is in a private network", self.issuer);
        Err(Error::new(Kind::InvalidRequest, text))
    }

    /// Whether certificates matter.
    #[cfg(feature = "reqwest")]
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Where the vault describes itself: the well-known part stands before the issuer's path
    /// (RFC 8414 section 3.1).
    pub(crate) fn metadata_url(&self) -> Url {
        let mut url = self.url.clone();
        let path = self.url.path().trim_end_matches('/');
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        url
    }

    /// Checks that an address from an answer is the vault's own, so that no token or code is
    /// carried elsewhere.
    pub(crate) fn owns(&self, what: &str, url: &Url) -> Result<(), Error> {
        let origin: Origin = url.origin();
        if origin == self.url.origin() && !has_userinfo(url) && url.fragment().is_none() {
            return Ok(());
        }
        let text = format!(
            "{what} is at {}, not at the vault {}",
            origin.ascii_serialization(),
            self.issuer
        );
        Err(Error::untrusted(text))
    }
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Vault;

    fn vault(url: &str) -> Option<Vault> {
        Vault::new(url.parse().ok()?, false).ok()
    }

    #[test]
    fn plain_http_is_for_this_computer_alone() {
        for local in ["http://127.0.0.1:7777", "http://[::1]:7777", "http://localhost:7777"] {
            assert!(vault(local).is_some(), "{local}");
        }
        for far in
            ["http://vault.test", "http://10.0.0.1", "http://localhost.vault.test", "http://[::2]"]
        {
            assert!(vault(far).is_none(), "{far}");
            assert!(far.parse().is_ok_and(|url| Vault::new(url, true).is_ok()), "{far}");
            assert!(vault(&far.replace("http:", "https:")).is_some(), "{far}");
        }
        for odd in [
            "ftp://vault.test",
            "https://a@vault.test",
            "https://vault.test/?a",
            "https://vault.test/#a",
            "data:a",
        ] {
            assert!(vault(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn issuer_and_metadata_url_follow_the_path() {
        let cases = [
            ("https://vault.test", "https://vault.test", ""),
            ("https://vault.test/", "https://vault.test", ""),
            ("https://vault.test/ann", "https://vault.test/ann", "/ann"),
            ("https://vault.test/ann/", "https://vault.test/ann/", "/ann"),
        ];
        for (given, issuer, end) in cases {
            let vault = vault(given);
            assert_eq!(vault.as_ref().map(Vault::issuer), Some(issuer));
            let metadata =
                format!("https://vault.test/.well-known/oauth-authorization-server{end}");
            assert_eq!(vault.map(|v| v.metadata_url().to_string()), Some(metadata));
        }
    }
}
