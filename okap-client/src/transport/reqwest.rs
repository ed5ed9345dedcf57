use std::{io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::address;

use super::{MAX_ANSWER, Sending, Transport, TransportError};

/// The transport that comes with the crate: reqwest over rustls with ring, trusting what the
/// operating system trusts.
pub(crate) struct Reqwest(reqwest::Client);

impl Reqwest {
    /// Makes a client of its own. Nothing is shared with other users of reqwest or rustls in the
    /// process: the TLS provider is passed in and never installed.
    pub(crate) fn new(https: bool, public_only: bool) -> Result<Self, TransportError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TransportError::new)?;
        let tls = match https {
            true => tls.with_platform_verifier().map_err(TransportError::new)?,
            // a vault on this computer must not fail for want of a certificate store
            false => tls.with_root_certificates(RootCertStore::empty()),
        };
        let builder = match public_only {
            true => reqwest::Client::builder().dns_resolver(Arc::new(PublicOnly)),
            false => reqwest::Client::builder(),
        };
        builder
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .https_only(https)
            .redirect(reqwest::redirect::Policy::none())
            // an environment variable must not send a loopback vault's traffic elsewhere
            .no_proxy()
            .referer(false)
            .user_agent(concat!("okap-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(TransportError::new)
    }

    async fn fetch(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        // the error's own words would hold the address with its query
        let cause = |e: reqwest::Error| TransportError::new(e.without_url());
        let request = request.try_into().map_err(cause)?;
        let mut answer = self.0.execute(request).await.map_err(cause)?;
        let mut body = Vec::new();
        while body.len() <= MAX_ANSWER
            && let Some(chunk) = answer.chunk().await.map_err(cause)?
        {
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl Transport for Reqwest {
    fn send(&self, request: http::Request<Vec<u8>>) -> Sending<'_> {
        Box::pin(self.fetch(request))
    }
}

/// Finds the addresses of a name, where all of them are public: one private address among them
/// is a name that somebody prepared.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.iter().all(|a| address::is_public(a.ip())) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            Err(io::Error::other("the name leads into a private network").into())
        })
    }
}
