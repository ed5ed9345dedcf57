use std::{io, net::SocketAddr};

use url::Url;

use crate::config::is_loopback;

/// Why a vault does not listen there, or not under that name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Others could read along.
    #[error(
        "{0} can be reached from other computers, and there is no TLS: \
         give --tls-cert and --tls-key, or --behind-tls-proxy where a proxy in front speaks TLS"
    )]
    Exposed(SocketAddr),
    /// Apps could not reach it under its own name.
    #[error(
        "--issuer is missing: say under which https address apps and browsers reach the vault, such as --issuer https://vault.example.com"
    )]
    Unnamed,
    /// Tokens would cross a network in the clear.
    #[error("issuer {0} is plain http to another computer; use https")]
    PlainIssuer(Url),
    /// Whoever reaches the hook is the owner.
    #[error(
        "the conformance hook is for this computer alone: leave --conformance-hook out, \
         or listen on 127.0.0.1 without a proxy in front or a name elsewhere"
    )]
    Hooked,
    /// Somebody else listens there.
    #[error("port {} on {} is taken by another program; stop that, or name another port with --listen (0 takes a free one)", .0.port(), .0.ip())]
    Taken(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {0}; name another address with --listen")]
    NotBound(SocketAddr, #[source] io::Error),
}

/// Refuses what would carry tokens and the passphrase over a network in the clear.
pub(crate) fn check(
    listen: SocketAddr,
    issuer: Option<&Url>,
    tls: bool,
    behind_tls_proxy: bool,
) -> Result<(), AddressError> {
    if !listen.ip().is_loopback() && !tls && !behind_tls_proxy {
        return Err(AddressError::Exposed(listen));
    }
    match issuer {
        Some(issuer) if issuer.scheme() != "https" && !is_loopback(issuer) => {
            Err(AddressError::PlainIssuer(issuer.clone()))
        }
        None if behind_tls_proxy || listen.ip().is_unspecified() => Err(AddressError::Unnamed),
        _ => Ok(()),
    }
}

/// Refuses to make the owner of whoever reaches a vault that others reach.
pub(super) fn check_hook(
    listen: SocketAddr,
    issuer: Option<&Url>,
    behind_tls_proxy: bool,
) -> Result<(), AddressError> {
    let here = listen.ip().is_loopback() && issuer.is_none_or(is_loopback);
    if here && !behind_tls_proxy { Ok(()) } else { Err(AddressError::Hooked) }
}

/// The address of a vault that was given no other name.
pub(super) fn of_listener(listen: SocketAddr, tls: bool) -> Result<Url, AddressError> {
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{listen}").parse().map_err(|_| AddressError::Unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(
        listen: &str,
        issuer: Option<&str>,
        tls: bool,
        proxy: bool,
    ) -> Result<(), AddressError> {
        let issuer = issuer.map(|issuer| issuer.parse().unwrap());
        check(listen.parse().unwrap(), issuer.as_ref(), tls, proxy)
    }

    #[test]
    fn other_computers_are_served_over_tls_alone() {
        for listen in ["0.0.0.0:1", "[::]:1", "192.168.1.1:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"]
        {
            let named = Some("https://vault.example.com");
            let error = checked(listen, named, false, false).unwrap_err().to_string();
            assert!(
                error.contains("--tls-cert") && error.contains("--behind-tls-proxy"),
                "{error}"
            );
            assert!(checked(listen, named, true, false).is_ok(), "{listen}");
            assert!(checked(listen, named, false, true).is_ok(), "{listen}");
        }
        assert!(checked("127.0.0.1:0", None, false, false).is_ok());
        assert!(checked("[::1]:0", None, false, false).is_ok());
    }

    #[test]
    fn an_issuer_elsewhere_is_https() {
        let with = |issuer| checked("127.0.0.1:1", Some(issuer), false, false);
        assert!(matches!(with("http://vault.example.com"), Err(AddressError::PlainIssuer(_))));
        assert!(matches!(with("http://localhost.example.com"), Err(AddressError::PlainIssuer(_))));
        assert!(with("https://vault.example.com").is_ok());
        assert!(with("http://localhost:1").is_ok());
    }

    #[test]
    fn a_vault_that_cannot_know_its_name_asks_for_it() {
        for (listen, tls, proxy) in [("0.0.0.0:1", true, false), ("127.0.0.1:1", false, true)] {
            assert!(matches!(checked(listen, None, tls, proxy), Err(AddressError::Unnamed)));
            assert!(checked(listen, Some("https://vault.example.com"), tls, proxy).is_ok());
        }
    }

    #[test]
    fn its_own_address_names_the_port() {
        let at = |listen: &str, tls| of_listener(listen.parse().unwrap(), tls).unwrap().to_string();
        assert_eq!(at("127.0.0.1:8787", false), "http://127.0.0.1:8787/");
        assert_eq!(at("[::1]:8787", true), "https://[::1]:8787/");
    }
}
