use std::{
    collections::HashMap,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use okap_types::{ClientDocument, ClientIdUrl};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tower_service::Service;
use url::Host;

use super::{Documents, FetchError, Fetched, Fetching, freshness::fresh_for, is_public};
use crate::{
    BoxError,
    body::{ReadError, read},
};

/// Fetches client documents over HTTPS, from public addresses.
///
/// # Behavior
/// - All addresses of a host have to be public, and one of those that were judged is connected
///   to, whatever the name service says a moment later.
/// - One connection for one document, HTTP/1.1, no cookies, no credentials, no redirects.
///
/// ```
/// let documents = okap_server::ports::HttpsDocuments::builder().build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpsDocuments {
    client: Client<HttpsConnector<HttpConnector<Guard>>, Empty<Bytes>>,
    guard: Guard,
    deadline: Duration,
}

/// Prepares [`HttpsDocuments`].
#[derive(Clone, Debug)]
pub struct HttpsDocumentsBuilder {
    guard: Guard,
    roots: Vec<CertificateDer<'static>>,
    deadline: Duration,
}

impl HttpsDocuments {
    /// Starts from the rules of the protocol: public addresses, public authorities, 5 s.
    #[must_use]
    pub fn builder() -> HttpsDocumentsBuilder {
        HttpsDocumentsBuilder {
            guard: Guard { known: HashMap::new().into(), private_allowed: false },
            roots: Vec::new(),
            deadline: Duration::from_secs(5),
        }
    }
}

impl HttpsDocumentsBuilder {
    /// Sets the time for one document in all, at most 5 s.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: deadline.min(Duration::from_secs(5)), ..self }
    }

    /// Says where a host is, in place of the name service. The addresses are judged all the same.
    #[must_use]
    pub fn resolve(mut self, host: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut known = HashMap::clone(&self.guard.known);
        known.insert(host.to_owned(), addresses.into_iter().collect());
        self.guard.known = known.into();
        self
    }

    /// Connects to private and loopback addresses too, so that a stranger can make the vault ask
    /// its own network. For tests, and for closed networks without strangers.
    #[must_use]
    pub fn danger_allow_private_addresses(mut self) -> Self {
        self.guard.private_allowed = true;
        self
    }

    /// Trusts one more certificate authority, in DER: it can speak for every host.
    #[must_use]
    pub fn danger_trust(mut self, authority: &[u8]) -> Self {
        self.roots.push(CertificateDer::from(authority.to_vec()));
        self
    }

    /// Prepares; opens no connection.
    ///
    /// # Errors
    /// A TLS configuration error, such as a certificate that is none.
    pub fn build(self) -> Result<HttpsDocuments, rustls::Error> {
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        for authority in self.roots {
            roots.add(authority)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new_with_resolver(self.guard.clone());
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(16 * 1024)
            .build(https);
        Ok(HttpsDocuments { client, guard: self.guard, deadline: self.deadline })
    }
}

impl Documents for HttpsDocuments {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        Box::pin(async move {
            let fetching = tokio::time::timeout(self.deadline, self.fetch_at_leisure(url));
            fetching.await.unwrap_or_else(|_| Err(self.too_slow()))
        })
    }
}

impl HttpsDocuments {
    async fn fetch_at_leisure(&self, url: &ClientIdUrl) -> Result<Fetched, FetchError> {
        // one sentence for all that goes wrong on the way: it tells nothing of what is where
        let unreachable = || FetchError::new("no connection to it at a public address");
        // the connector asks the resolver for names only
        let literal = match url.url().host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        self.guard.judge(literal.as_slice()).map_err(|e| unreachable().because(e))?;
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("okap/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|e| FetchError::new("its address cannot be requested").because(e))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|e| unreachable().because(e))?;
        check(&answer)?;
        let fresh_for = fresh_for(answer.headers());
        match read(answer.into_body(), ClientDocument::LONGEST, self.deadline).await {
            Ok(bytes) => Ok(Fetched { bytes, fresh_for }),
            Err(ReadError::TooLarge) => {
                let text = format!("it is larger than {} bytes", ClientDocument::LONGEST);
                Err(FetchError::new(text))
            }
            Err(ReadError::TooSlow) => Err(self.too_slow()),
            Err(ReadError::Broken) => Err(FetchError::new("its answer broke off")),
        }
    }

    fn too_slow(&self) -> FetchError {
        FetchError::new(format!("no answer within {:?}", self.deadline))
    }
}

fn check<B>(answer: &Response<B>) -> Result<(), FetchError> {
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => {
            return Err(FetchError::new("it redirects, which is not followed"));
        }
        status => return Err(FetchError::new(format!("its status is {}", status.as_u16()))),
    }
    if !is_json(answer.headers()) {
        return Err(FetchError::new("its content type is not JSON"));
    }
    Ok(())
}

/// `application/json` or `application/*+json`, with whatever parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = one.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/");
    subtype.is_some_and(|s| s == "json" || s.ends_with("+json") && s.len() > 5)
}

/// Looks names up and lets through only what may be connected to.
#[derive(Clone, Debug)]
struct Guard {
    known: Arc<HashMap<String, Vec<IpAddr>>>,
    private_allowed: bool,
}

impl Guard {
    /// One address that is not public spoils them all: the host is then not what it seems.
    fn judge(&self, addresses: &[IpAddr]) -> Result<(), BoxError> {
        match addresses.iter().find(|ip| !self.private_allowed && !is_public(**ip)) {
            Some(ip) => Err(format!("{ip} is not a public address").into()),
            None => Ok(()),
        }
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let addresses: Vec<IpAddr> = match guard.known.get(name.as_str()) {
                Some(addresses) => addresses.clone(),
                None => {
                    let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                    found.map(|socket| socket.ip()).collect()
                }
            };
            guard.judge(&addresses)?;
            // port 0: the connector puts in that of the address
            let sockets: Vec<_> = addresses.into_iter().map(|ip| (ip, 0).into()).collect();
            Ok(sockets.into_iter())
        })
    }
}
