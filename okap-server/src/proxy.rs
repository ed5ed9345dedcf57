//! The guarded walk of one call. Its order is the security of the vault.

mod answered;
mod called;
mod credential;
mod going_on;
mod headers;
mod running;

use std::sync::{Arc, atomic::Ordering};

use http::{HeaderMap, Method, Request, header, request::Parts};
use okap_engine::{
    address::endpoint,
    admit,
    provider::{self, Auth, Operation, Style},
    record::{Allowed, End},
    refusal::Refusal,
};
use okap_types::{ErrorCode, GrantId, ModelId, Models, Provider, Timestamp};
use tokio::time::{Instant, timeout};
use url::Url;

use self::{
    credential::credential,
    going_on::GoingOn,
    headers::{fresh_request, goes_up},
    running::Asked,
};
pub(crate) use self::{
    credential::{Presented, authorization, is_dpop},
    headers::Addresses,
    running::Running,
};
use crate::{
    BoxError, Consent, Vault,
    core::Core,
    holder::Holder,
    ports::SendError,
    reply::{self, Reply},
};

/// A refusal, and the grant that it concerns once that is known.
struct Refused {
    refusal: Refusal,
    grant: Option<GrantId>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, grant: None }
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// A call: `/v1/{provider}/{path}`, `{provider}` at this place of the request's path.
    pub(crate) async fn proxy<B>(self: Arc<Self>, at: usize, request: Request<B>) -> Reply
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let path = head.uri.path().get(at..).unwrap_or_default();
        let (named, path) = path.split_once('/').unwrap_or((path, ""));
        if named.is_empty() {
            return no_provider();
        }
        let known = named.parse::<Provider>().ok();
        let upstream = known.as_ref().and_then(|p| self.config.upstreams.find(p));
        let style = upstream.map_or(Style::OpenAi, |u| u.style_at(path));
        let known = known.filter(|_| upstream.is_some());
        // no route has another method, and a preflight brings no credential
        if !matches!(head.method, Method::GET | Method::POST | Method::DELETE)
            && let Err(refusal) = provider::route(style, head.method.as_str(), path)
        {
            return reply::refusal(style, &refusal, None, None, false);
        }
        match self.walk(&head, (named, known.as_ref()), path, body).await {
            Ok(answer) => answer,
            Err(Refused { refusal, grant }) => {
                let about = known.as_ref().map(|provider| self.protected_resource_url(provider));
                let as_dpop = is_dpop(&head.headers);
                let mut answer =
                    reply::refusal(style, &refusal, grant.as_ref(), about.as_ref(), as_dpop);
                if let (Refusal::UseNonce, Some(nonce)) =
                    (&refusal, Box::pin(self.fresh_nonce()).await)
                {
                    answer.headers_mut().insert("dpop-nonce", nonce);
                }
                match refusal {
                    Refusal::TooLarge(_) | Refusal::RequestTimeout => reply::closing(answer),
                    _ => answer,
                }
            }
        }
    }

    async fn walk<B>(
        self: &Arc<Self>,
        head: &Parts,
        (named, known): (&str, Option<&Provider>),
        path: &str,
        body: B,
    ) -> Result<Reply, Refused>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        if head.headers.contains_key(header::UPGRADE) {
            return Err(Refusal::Upgrade.into());
        }
        let presented = credential(head)?;
        let holding = self.bearer(&presented.token).await?;
        let Holder { access, grant, ancestors } = &holding.holder;
        let about = |refusal| Refused { refusal, grant: Some(grant.id.clone()) };
        admit::alive(grant, ancestors, access, self.clock.now()).map_err(about)?;
        let here = || self.address_of(head);
        self.holds_key(&head.headers, head.method.as_str(), here, &presented, access)
            .await
            .map_err(about)?;
        let found = known.and_then(|p| self.config.upstreams.find(p).map(|found| (p, found)));
        let Some((provider, upstream)) = found else {
            let shown = named.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
            return Err(about(Refusal::ProviderNotAllowed(shown)));
        };
        let now = self.clock.now();
        let parts = admit::parts(access.allows(grant), provider, now).map_err(about)?;
        let query = head.uri.query();
        let provider::Route { operation, style } =
            upstream.route(provider, head.method.as_str(), path, query).map_err(about)?;
        if operation.is_local() {
            return self.models(style, &operation, provider, &parts, now).map_err(about);
        }
        let call = self.called(operation, head, body).await.map_err(about)?;
        let allowed = admit::allowed(&parts, &call, now).map_err(about)?;
        let part = access.allows(grant).iter().position(|part| std::ptr::eq(part, allowed));
        let family = part.and_then(|part| holding.families.get(part)).cloned();
        let family = family.ok_or(Refusal::VaultUnavailable)?;
        // what a rate counts may not lose time behind its hold
        if family.is_rated()
            && let Some(to) = self.addresses.of(provider, upstream, &call.operation)
        {
            let _ = timeout(self.config.answer_within, self.upstream.open(&to)).await;
        }
        let provider = provider.clone();
        let asked = Asked { call, family, ends: allowed.expires, provider, style };
        let running =
            self.admitted(asked, holding.clone(), presented.token).await.map_err(about)?;
        // from here on every way out settles, even that of an app which hangs up
        let going = self.clone().forward(running, goes_up(&head.headers));
        GoingOn::new(going).await.map_err(about)
    }

    /// The address of a call as the app wrote it, below the issuer's own.
    fn address_of(&self, head: &Parts) -> Url {
        let issuer = &self.config.profile.issuer;
        let mut url = endpoint(issuer, "");
        url.set_path(head.uri.path());
        url
    }

    fn models(
        &self,
        style: Style,
        operation: &Operation,
        provider: &Provider,
        parts: &[&Allowed],
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        let parts: Vec<_> = parts.iter().filter(|p| p.expires > now).collect();
        let any = parts.iter().any(|p| p.models == Models::Any);
        let listed: Vec<ModelId> = match any {
            true => self.prices.models(provider.as_str()).filter_map(|m| m.parse().ok()).collect(),
            false => parts.iter().flat_map(|p| p.models.listed()).cloned().collect(),
        };
        match operation {
            Operation::Model(id) if parts.iter().any(|p| p.models.contains(id)) => {
                Ok(reply::json(200, &provider::model(style, id)))
            }
            Operation::Model(id) => Err(Refusal::ModelNotAllowed {
                model: id.chars().take(80).collect(),
                allowed: listed,
            }),
            _ => Ok(reply::json(200, &provider::models(style, &listed))),
        }
    }

    /// Sends an admitted call and settles it.
    async fn forward(
        self: Arc<Self>,
        running: Box<Running<V, C>>,
        up: HeaderMap,
    ) -> Result<Reply, Refusal> {
        let Some(upstream) = self.config.upstreams.find(&running.provider) else {
            return Err(Refusal::ProviderNotAllowed(running.provider.to_string()));
        };
        let key = match self.key(&running.grant().owner, &running.provider).await {
            Ok(key) => key,
            Err(error) => {
                tracing::error!(%error, provider = %running.provider, "a key could not be opened");
                self.settle(&running, admit::settle_refused(), 0, End::UpstreamBroke).await?;
                return Err(Refusal::VaultUnavailable);
            }
        };
        if key.is_none() && upstream.auth_for(&running.call.operation) != Auth::None {
            self.settle(&running, admit::settle_refused(), 0, End::UpstreamBroke).await?;
            return Err(Refusal::ProviderNotConfigured(running.provider.clone()));
        }
        let broke = |running: &Running<V, C>, what: &str| {
            Refusal::Upstream(running.provider.clone(), what.to_owned())
        };
        let address = self.addresses.of(&running.provider, upstream, &running.call.operation);
        let request = address.ok_or_else(|| broke(&running, "its address cannot be used"));
        let request =
            request.and_then(|to| fresh_request((upstream, to), &running, up, key.as_ref()));
        let mut request = match request {
            Ok(request) => request,
            Err(refusal) => {
                self.settle(&running, admit::settle_refused(), 0, End::UpstreamBroke).await?;
                return Err(refusal);
            }
        };
        if let Some(late) = running.not_after() {
            if late.0 < Instant::now() {
                self.settle(&running, admit::settle_refused(), 0, End::TimedOut).await?;
                return Err(Refusal::VaultUnavailable);
            }
            request.extensions_mut().insert(late);
        }
        running.sent.store(true, Ordering::Relaxed);
        let sent = timeout(self.config.answer_within, self.upstream.send(request)).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(SendError::NotSent(error))) => {
                tracing::warn!(%error, provider = %running.provider, "no connection");
                self.settle(&running, admit::settle_refused(), 0, End::UpstreamBroke).await?;
                return Err(broke(&running, "it could not be reached"));
            }
            Ok(Err(SendError::Broken(error))) => {
                tracing::warn!(%error, provider = %running.provider, "the connection broke");
                let bound = admit::settle_unanswered(&running.call, &running.admitted);
                self.settle(&running, bound, 0, End::UpstreamBroke).await?;
                return Err(broke(&running, "the connection broke"));
            }
            Err(_) => {
                let bound = admit::settle_unanswered(&running.call, &running.admitted);
                self.settle(&running, bound, 0, End::TimedOut).await?;
                return Err(Refusal::UpstreamTimeout(running.provider.clone()));
            }
        };
        self.answered(running, answer, key).await
    }
}

/// What a target at another host gets: this is no proxy of the open kind.
pub(crate) fn elsewhere(target: &http::Uri) -> Reply {
    let host = target.host().unwrap_or_default().chars().take(80).collect::<String>();
    let refusal =
        Refusal::RouteNotSupported(format!("a target at {host}"), "targets at this vault");
    reply::refusal(Style::OpenAi, &refusal, None, None, false)
}

/// What an unknown or unauthenticated path below `/v1` gets.
fn no_provider() -> Reply {
    reply::error(ErrorCode::NotFound, "call {base_url}/{path} with the base_url of your grant")
}
