//! The `tower` service: which path leads where, bounded before anything is read.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response, Version, header};
use okap_engine::price::{PriceBook, PriceError};
use okap_types::{ErrorCode, strict::Bounds};
use tokio::sync::Notify;

use crate::{
    BoxError, Config, Consent, Control, Vault,
    allowance::Allowance,
    body::{self, Body},
    clients::Clients,
    core::Core,
    ports::{Clock, Documents, Forward, Upstream},
    proxy::{self, Addresses},
    remembered::Remembered,
    reply::{self, Reply},
    throttle::Throttle,
};

/// The address a request came from; the host puts it into the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Why a vault cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The issuer is no http or https address, or has a query or fragment.
    #[error("issuer {0} is not a plain http or https address")]
    Issuer(url::Url),
    /// The policy decides without a person, for this computer alone, and the issuer is another.
    #[error("issuer {0} is not this computer, and the policy approves without a person")]
    NotLoopback(url::Url),
    /// Whoever reaches the hook is the owner, and the issuer is another computer.
    #[cfg(feature = "conformance-hook")]
    #[error("issuer {0} is not this computer, and the conformance hook is for this computer alone")]
    Hooked(url::Url),
    /// The page for codes of other devices is not at the issuer.
    #[error("device page {0} is not at the issuer's address")]
    DevicePage(url::Url),
    /// The system has no random bits to give.
    #[error(transparent)]
    Entropy(#[from] crate::StoreError),
    /// The price data cannot be read.
    #[error(transparent)]
    Prices(#[from] PriceError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] BoxError),
}

/// A whole OKAP vault as a service: protocol, enforcement and proxy over any [`Vault`].
///
/// Clone it freely. Mount it as the fallback of any `tower` host, at the root of its issuer.
#[derive(Debug)]
pub struct OkapService<V, C> {
    core: Arc<Core<V, C>>,
}

impl<V, C> Clone for OkapService<V, C> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<V: Vault, C: Consent> OkapService<V, C> {
    /// A vault over a store and a way to consent.
    ///
    /// # Errors
    /// [`StartError`].
    #[cfg(feature = "https")]
    pub fn new(config: Config, vault: V, consent: C) -> Result<Self, StartError> {
        use crate::ports::{Https, HttpsDocuments, SystemClock};
        let https = Https::new().map_err(|e| StartError::Tls(e.into()))?;
        let documents = HttpsDocuments::builder().build().map_err(|e| StartError::Tls(e.into()))?;
        Self::assembled(config, vault, consent, https, SystemClock, Some(Clients::new(documents)))
    }

    /// As [`OkapService::new`], with another way out and another clock. Documents of published apps
    /// are not fetched; [`with_documents`](Self::with_documents) brings a way to.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn with_ports(
        config: Config,
        vault: V,
        consent: C,
        upstream: impl Upstream,
        clock: impl Clock,
    ) -> Result<Self, StartError> {
        Self::assembled(config, vault, consent, upstream, clock, None)
    }

    /// As [`with_ports`](Self::with_ports), with a way to the documents of published apps.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn with_documents(
        config: Config,
        vault: V,
        consent: C,
        upstream: impl Upstream,
        clock: impl Clock,
        documents: impl Documents,
    ) -> Result<Self, StartError> {
        Self::assembled(config, vault, consent, upstream, clock, Some(Clients::new(documents)))
    }

    fn assembled(
        config: Config,
        vault: V,
        consent: C,
        upstream: impl Upstream,
        clock: impl Clock,
        clients: Option<Clients>,
    ) -> Result<Self, StartError> {
        let issuer = &config.profile.issuer;
        let plain = matches!(issuer.scheme(), "http" | "https")
            && issuer.host().is_some()
            && issuer.query().is_none()
            && issuer.fragment().is_none()
            && issuer.username().is_empty();
        if !plain {
            return Err(StartError::Issuer(issuer.clone()));
        }
        if consent.is_for_loopback_alone() && !is_loopback(issuer) {
            return Err(StartError::NotLoopback(issuer.clone()));
        }
        let elsewhere = config.device_page.as_ref().filter(|p| p.origin() != issuer.origin());
        if let Some(page) = elsewhere {
            return Err(StartError::DevicePage(page.clone()));
        }
        let prices = match &config.prices {
            Some(prices) => prices.clone(),
            None => Arc::new(PriceBook::embedded()?.clone()),
        };
        let core = Core {
            config,
            prices,
            vault,
            consent,
            upstream: Box::new(upstream),
            clock: Forward::new(clock),
            clients,
            nonces: OnceLock::new(),
            allowance: Allowance::new()?,
            remembered: Remembered::default(),
            addresses: Addresses::default(),
            throttle: Throttle::default(),
            decided: Notify::new(),
        };
        Ok(Self { core: Arc::new(core) })
    }

    /// What the vault's own pages act through.
    #[must_use]
    pub fn control(&self) -> Control<V, C> {
        Control::new(self.core.clone())
    }
}

/// The endpoints below `/okap/` that take a form.
const FORMS: &[&str] = &["par", "token", "revoke", "introspect", "device_authorization"];

impl<V: Vault, C: Consent> Core<V, C> {
    /// Where a request goes. Calls and endpoints are boxed apart: a call carries no room for what
    /// endpoints do.
    fn answer<B>(self: Arc<Self>, request: Request<B>) -> Answering
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        if request.uri().path().len() > 2_048
            || request.uri().query().is_some_and(|q| q.len() > 4_096)
        {
            return Answering::now(reply::error(
                ErrorCode::InvalidRequest,
                "the address is too long",
            ));
        }
        if request.method() == Method::CONNECT {
            return Answering::now(reply::method_not_allowed("GET, POST"));
        }
        if self.is_elsewhere(&request) {
            return Answering::now(proxy::elsewhere(request.uri()));
        }
        let below = below(&self.config.profile.issuer, request.uri().path());
        match below.and_then(|path| path.strip_prefix("/v1/")) {
            Some(call) => {
                let at = request.uri().path().len() - call.len();
                Answering(Box::pin(self.proxy(at, request)))
            }
            None => Answering(Box::pin(self.endpoint(request))),
        }
    }

    /// Everything but calls.
    async fn endpoint<B>(self: Arc<Self>, request: Request<B>) -> Reply
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let issuer_path = self.config.profile.issuer.path().trim_end_matches('/').to_owned();
        let path = request.uri().path().to_owned();
        let source =
            request.extensions().get::<Peer>().map_or("unknown".to_owned(), |p| p.0.to_string());
        let metadata = format!("/.well-known/oauth-authorization-server{issuer_path}");
        if path == metadata {
            return match *request.method() {
                Method::GET => self.metadata(),
                _ => reply::method_not_allowed("GET"),
            };
        }
        let resource = format!("/.well-known/oauth-protected-resource{issuer_path}/v1/");
        if let Some(provider) = path.strip_prefix(&resource) {
            let known = provider.parse().ok();
            let known = known.filter(|p| self.config.profile.providers.contains(p));
            return match (known, request.method()) {
                (None, _) => not_found(),
                (Some(provider), &Method::GET) => self.protected_resource(&provider),
                (Some(_), _) => reply::method_not_allowed("GET"),
            };
        }
        let Some(path) = below(&self.config.profile.issuer, &path) else { return not_found() };
        let method = request.method().clone();
        match (path, &method) {
            ("/okap/authorize", &Method::GET) => self.authorize(request.uri().query()).await,
            ("/okap/authorize", &Method::POST) => match self.json(request).await {
                Ok(body) => self.direct(&source, &body).await,
                Err(refused) => refused,
            },
            ("/okap/request", &Method::POST) => match self.json(request).await {
                Ok(body) => self.flat(&source, &body).await,
                Err(refused) => refused,
            },
            ("/okap/continue", &Method::POST) => self.proceed(request.headers()).await,
            ("/okap/limits", &Method::GET) => self.limits(request.headers()).await,
            ("/okap/authorize", _) => reply::method_not_allowed("GET, POST"),
            ("/okap/request" | "/okap/continue", _) => reply::method_not_allowed("POST"),
            ("/okap/limits", _) => reply::method_not_allowed("GET"),
            _ => match path.strip_prefix("/okap/") {
                Some(name) if FORMS.contains(&name) && method == Method::POST => {
                    self.form(name, &source, request).await
                }
                Some(name) if FORMS.contains(&name) => reply::method_not_allowed("POST"),
                Some(name) => match name.strip_prefix("grants/") {
                    Some(_) if !matches!(method, Method::GET | Method::DELETE) => {
                        reply::method_not_allowed("GET, DELETE")
                    }
                    Some(id) => self.own_grant(request.headers(), &method, id).await,
                    None => not_found(),
                },
                None => not_found(),
            },
        }
    }

    /// The endpoints that take a form.
    async fn form<B>(&self, name: &str, source: &str, request: Request<B>) -> Reply
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let body = match self.message(body).await {
            Ok(body) => body,
            Err(refused) => return refused,
        };
        let headers = &head.headers;
        match name {
            "par" => self.par(source, headers, &body).await,
            "token" => self.token(source, headers, &body).await,
            "revoke" => self.give_back(source, headers, &body).await,
            "introspect" => self.introspect(headers, &body).await,
            "device_authorization" => self.device(source, headers, &body).await,
            _ => not_found(),
        }
    }

    /// Whether an HTTP/1 target names a host, as to a proxy, and it is not ours.
    fn is_elsewhere<B>(&self, request: &Request<B>) -> bool {
        let named = request.uri().authority().filter(|_| request.version() < Version::HTTP_2);
        named.is_some_and(|named| named.as_str() != self.config.profile.issuer.authority())
    }

    async fn json<B>(&self, request: Request<B>) -> Result<Bytes, Reply>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        // a page of another origin can post a form or plain text without asking; JSON it cannot
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(reply::error(ErrorCode::UnsupportedMediaType, "send application/json"));
        }
        self.message(request.into_body()).await
    }

    async fn message<B>(&self, body: B) -> Result<Bytes, Reply>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let most = Bounds::MESSAGE.bytes;
        body::read(body, most, self.config.request_within)
            .await
            .map_err(|error| reply::closing(reply::read_error(&error, most)))
    }
}

/// A path below the issuer's own.
fn below<'a>(issuer: &url::Url, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(issuer.path().trim_end_matches('/'))
}

pub(crate) fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn not_found() -> Reply {
    reply::error(
        ErrorCode::NotFound,
        "no such endpoint; see /.well-known/oauth-authorization-server",
    )
}

impl<V, C, B> tower_service::Service<Request<B>> for OkapService<V, C>
where
    V: Vault,
    C: Consent,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.core.clone().answer(request)
    }
}

/// An answer of an [`OkapService`] that is on its way.
#[must_use = "futures do nothing unless polled"]
pub struct Answering(Pin<Box<dyn Future<Output = Reply> + Send>>);

impl Answering {
    fn now(reply: Reply) -> Self {
        Self(Box::pin(std::future::ready(reply)))
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map(Ok)
    }
}
