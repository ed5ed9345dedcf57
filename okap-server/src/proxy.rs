//! The guarded walk of one call. Its order is the security of the vault.

mod called;
mod credential;
mod headers;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, header, request::Parts};
use okap_engine::{
    address::endpoint,
    admit::{self, Admitted, Settlement},
    pico::Pico,
    price::ModelPrice,
    provider::{self, Answer, Auth, Call, Meter, Operation, Style},
    record::{Allowed, AuditRow, CallId, End, Grant},
    refusal::Refusal,
};
use okap_types::{
    ErrorCode, GrantId, ModelId, Models, Provider, Secret, Timestamp, token::AccessToken,
};
use tokio::runtime::Handle;

pub(crate) use self::{
    credential::{Presented, authorization, is_dpop},
    headers::Addresses,
};
use url::Url;

use self::{
    credential::credential,
    headers::{fresh_request, holds, passed},
};
use crate::{
    BoxError, Consent, Vault,
    allowance::{Family, Place, Settling},
    body::{self, Body},
    core::Core,
    holder::Holder,
    ports::SendError,
    remembered::Known,
    reply::{self, Reply},
    stream,
};

/// Longest answer that is taken whole.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;
/// Longest error of a provider that is passed on.
const LONGEST_ERROR: usize = 1024 * 1024;

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

/// A call that has been admitted and has to be settled, whatever happens.
pub(crate) struct Running<V: Vault, C: Consent> {
    core: Weak<Core<V, C>>,
    pub(crate) id: CallId,
    /// Whose access it goes by.
    pub(crate) known: Arc<Known>,
    pub(crate) token: AccessToken,
    /// The accounts that it counts in.
    pub(crate) family: Arc<Family>,
    /// When the access that it goes by ends.
    pub(crate) ends: Timestamp,
    pub(crate) provider: Provider,
    pub(crate) style: Style,
    pub(crate) call: Call,
    pub(crate) admitted: Admitted,
    pub(crate) price: Option<Arc<ModelPrice>>,
    /// Counts it among the calls under way, until it is settled.
    place: Mutex<Option<Place>>,
    /// How many bytes may have left for the provider: none, or all.
    sent: AtomicBool,
}

impl<V: Vault, C: Consent> Running<V, C> {
    pub(crate) fn grant(&self) -> &Grant {
        &self.known.holder.grant
    }

    /// What there is to write of it; `None` where that was done.
    fn settling(
        &self,
        core: &Core<V, C>,
        settled: Settlement,
        status: u16,
        end: End,
    ) -> Option<Settling> {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let row = AuditRow {
            id: self.id,
            at: self.admitted.hold.admitted,
            grant: self.grant().id.clone(),
            owner: self.grant().owner.clone(),
            provider: self.provider.clone(),
            model: self.call.model.to_string(),
            operation: self.call.operation.as_str().to_owned(),
            status,
            usage: settled.usage,
            cost: settled.cost,
            estimated: settled.estimated,
            prices: core.prices.version().to_owned(),
            end,
        };
        let held = self.admitted.hold.amount;
        if self.admitted.ceiling.is_some() && held > Pico::ZERO && settled.cost > held {
            tracing::warn!(grant = %row.grant, %held, cost = %settled.cost, "a call cost more than its bound");
        }
        let (family, hold, cost) = (self.family.clone(), self.admitted.hold, settled.cost);
        Some(Settling { family, hold, cost, row: Arc::new(row), place: Some(place) })
    }
}

impl<V: Vault, C: Consent> Drop for Running<V, C> {
    /// Whatever became of it, it is settled.
    fn drop(&mut self) {
        let Some(core) = self.core.upgrade() else { return };
        let settled = match self.sent.load(Ordering::Relaxed) {
            true => admit::settle_unanswered(&self.call, &self.admitted),
            false => admit::settle_refused(),
        };
        if let Some(settling) = self.settling(&core, settled, 0, End::AppLeft)
            && Handle::try_current().is_ok()
        {
            drop(core.book(settling));
        }
    }
}

/// A call that may go, as far as its money and rates allow.
struct Asked {
    call: Call,
    family: Arc<Family>,
    ends: Timestamp,
    provider: Provider,
    style: Style,
}

/// Goes on with what was begun, also where nobody waits for it any more: an app that hangs up leaves
/// a call that has to be settled.
struct GoingOn<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Future for GoingOn<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(going) = &mut self.0 else { return Poll::Pending };
        let done = std::task::ready!(going.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for GoingOn<T> {
    fn drop(&mut self) {
        if let Some(going) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(going);
        }
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// `/v1/{provider}/{path}`
    pub(crate) async fn proxy<B>(
        self: &Arc<Self>,
        provider: &str,
        path: &str,
        request: Request<B>,
    ) -> Reply
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let named = provider.parse::<Provider>().ok();
        let upstream = named.as_ref().and_then(|p| self.config.upstreams.find(p));
        let style = upstream.map_or(Style::OpenAi, |u| u.style_at(path));
        let known = named.filter(|_| upstream.is_some());
        // no route has another method, and a preflight brings no credential
        if !matches!(*request.method(), Method::GET | Method::POST | Method::DELETE)
            && let Err(refusal) = provider::route(style, request.method().as_str(), path)
        {
            return reply::refusal(style, &refusal, None, None, false);
        }
        let as_dpop = is_dpop(request.headers());
        match self.walk(provider, known.clone(), path, request).await {
            Ok(answer) => answer,
            Err(Refused { refusal, grant }) => {
                let about = known.as_ref().map(|provider| self.protected_resource_url(provider));
                let mut answer =
                    reply::refusal(style, &refusal, grant.as_ref(), about.as_ref(), as_dpop);
                if let (Refusal::UseNonce, Some(nonce)) = (&refusal, self.fresh_nonce().await) {
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
        named: &str,
        known: Option<Provider>,
        path: &str,
        request: Request<B>,
    ) -> Result<Reply, Refused>
    where
        B: http_body::Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if head.headers.contains_key(header::UPGRADE) {
            return Err(Refusal::Upgrade.into());
        }
        let presented = credential(&head)?;
        let holding = self.bearer(&presented.token).await?;
        let Holder { access, grant, ancestors } = &holding.holder;
        let about = |refusal| Refused { refusal, grant: Some(grant.id.clone()) };
        admit::alive(grant, ancestors, access, self.clock.now()).map_err(about)?;
        let here = || self.address_of(&head);
        self.holds_key(&head.headers, head.method.as_str(), here, &presented, access)
            .await
            .map_err(about)?;
        let found = known.and_then(|p| self.config.upstreams.find(&p).map(|found| (p, found)));
        let Some((provider, upstream)) = found else {
            let shown = named.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
            return Err(about(Refusal::ProviderNotAllowed(shown)));
        };
        let now = self.clock.now();
        let parts = admit::parts(access.allows(grant), &provider, now).map_err(about)?;
        let query = head.uri.query();
        let provider::Route { operation, style } =
            upstream.route(&provider, head.method.as_str(), path, query).map_err(about)?;
        if operation.is_local() {
            return self.models(style, &operation, &provider, &parts, now).map_err(about);
        }
        let call = self.called(operation, &head, body).await.map_err(about)?;
        let allowed = admit::allowed(&parts, &call, now).map_err(about)?;
        let part = access.allows(grant).iter().position(|part| std::ptr::eq(part, allowed));
        let family = part.and_then(|part| holding.families.get(part)).cloned();
        let family = family.ok_or(Refusal::VaultUnavailable)?;
        let asked = Asked { call, family, ends: allowed.expires, provider, style };
        let running =
            self.admitted(asked, holding.clone(), presented.token).await.map_err(about)?;
        // from here on every way out settles, even that of an app which hangs up
        let core = self.clone();
        let going = async move { core.forward(running, &head.headers).await };
        GoingOn(Some(Box::pin(going))).await.map_err(about)
    }

    /// Holds a call's bound; the grant still stands once it is held, else it is let go.
    async fn admitted(
        self: &Arc<Self>,
        asked: Asked,
        known: Arc<Known>,
        token: AccessToken,
    ) -> Result<Running<V, C>, Refusal> {
        let Asked { call, family, ends, provider, style } = asked;
        let place = family.enter(self.config.calls_at_once)?;
        let call = call.sent_to(&provider);
        let price = self.prices.find_shared(provider.as_str(), call.model.as_str());
        let admitted = self
            .hold(&family, |chain| admit::admit(chain, &call, price.as_deref(), self.clock.now()))
            .await?;
        let running = Running {
            core: Arc::downgrade(self),
            id: self.allowance.next_call(),
            known,
            token,
            family,
            ends,
            provider,
            style,
            call,
            admitted,
            price,
            place: Mutex::new(Some(place)),
            sent: AtomicBool::new(false),
        };
        if admitted.hold.pause > 0 {
            tokio::time::sleep(Duration::from_millis(admitted.hold.pause.into())).await;
        }
        // body and hold may have taken their time: a revocation that came before is seen here
        let still = self.bearer(&running.token).await.and_then(|known| {
            let Holder { access, grant, ancestors } = &known.holder;
            admit::alive(grant, ancestors, access, self.clock.now())
        });
        match still {
            Ok(()) => Ok(running),
            Err(refusal) => {
                self.settle(&running, admit::settle_refused(), 0, End::Revoked).await?;
                Err(refusal)
            }
        }
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
        running: Running<V, C>,
        headers: &HeaderMap,
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
            request.and_then(|to| fresh_request((upstream, to), &running, headers, key.as_ref()));
        let request = match request {
            Ok(request) => request,
            Err(refusal) => {
                self.settle(&running, admit::settle_refused(), 0, End::UpstreamBroke).await?;
                return Err(refusal);
            }
        };
        running.sent.store(true, Ordering::Relaxed);
        let sent =
            tokio::time::timeout(self.config.answer_within, self.upstream.send(request)).await;
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

    /// Passes a provider's answer on, or what it means for the app.
    async fn answered(
        self: Arc<Self>,
        running: Running<V, C>,
        answer: http::Response<Body>,
        key: Option<Secret<String>>,
    ) -> Result<Reply, Refusal> {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let encoded = head.headers.get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity");
        if !head.status.is_success() {
            // a gateway that gave up says nothing of what was generated behind it
            let settled = match status {
                408 | 499 | 502 | 504 | 520..=526 => {
                    admit::settle_unanswered(&running.call, &running.admitted)
                }
                _ => admit::settle_refused(),
            };
            self.settle(&running, settled, status, End::Finished).await?;
            let provider = running.provider.clone();
            return match status {
                401 | 403 => Err(Refusal::UpstreamCredential(provider)),
                300..=399 => Err(Refusal::UpstreamRedirect(provider)),
                400..=499 if !encoded => self.pass_error(head, body, provider, key.as_ref()).await,
                _ => Err(Refusal::Upstream(provider, format!("it answered with status {status}"))),
            };
        }
        let kind = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let Some(answer) = running.call.answer(kind).filter(|_| !encoded) else {
            let bound = admit::settle_unanswered(&running.call, &running.admitted);
            self.settle(&running, bound, status, End::UpstreamBroke).await?;
            let what = "its answer is of a type that no answer to this call has".to_owned();
            return Err(Refusal::Upstream(running.provider.clone(), what));
        };
        let lowered = running.admitted.ceiling.filter(|_| running.admitted.lowered);
        let mut reply = passed(&head, key.as_ref());
        *reply.body_mut() = match answer {
            Answer::Streamed => stream::pump(self, running, body, status, key.as_ref()),
            Answer::Whole => body::full(self.whole(running, body, status, key.as_ref()).await?),
        };
        if let Some(ceiling) = lowered {
            reply::set(
                &mut reply,
                HeaderName::from_static("okap-output-ceiling"),
                &ceiling.to_string(),
            );
        }
        Ok(reply)
    }

    /// Takes an answer whole; it goes to the app after its row is durable.
    async fn whole(
        self: &Arc<Self>,
        running: Running<V, C>,
        body: Body,
        status: u16,
        key: Option<&Secret<String>>,
    ) -> Result<Bytes, Refusal> {
        let read = body::read(body, LONGEST_ANSWER, self.config.answer_within).await;
        let mut meter = Meter::new(&running.call);
        let bytes = read.ok().filter(|bytes| meter.whole(bytes) && !holds(bytes, key));
        let Some(bytes) = bytes else {
            let bound = admit::settle_unanswered(&running.call, &running.admitted);
            self.settle(&running, bound, status, End::UpstreamBroke).await?;
            let what = "its answer broke off or makes no sense".to_owned();
            return Err(Refusal::Upstream(running.provider.clone(), what));
        };
        let settled = admit::settle(
            &running.call,
            &running.admitted,
            &meter.metered(),
            running.price.as_deref(),
        );
        self.settle(&running, settled, status, End::Finished).await?;
        Ok(bytes)
    }

    /// Passes a provider's own complaint on unchanged: a bad prompt, its own rate limit.
    async fn pass_error(
        &self,
        head: http::response::Parts,
        body: Body,
        provider: Provider,
        key: Option<&Secret<String>>,
    ) -> Result<Reply, Refusal> {
        let read = body::read(body, LONGEST_ERROR, self.config.request_within).await;
        match read {
            Ok(bytes) if !holds(&bytes, key) && !speaks_as_us(&bytes) => {
                Ok(passed(&head, key).map(|_| body::full(bytes)))
            }
            _ => {
                Err(Refusal::Upstream(provider, format!("it answered with status {}", head.status)))
            }
        }
    }

    /// Settles a call: its hold becomes its cost, and its audit row is durable.
    ///
    /// # Errors
    /// [`Refusal::VaultUnavailable`] where the row does not get to the store in time; it will get
    /// there later, and the hold stands until then.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        running: &Running<V, C>,
        settled: Settlement,
        status: u16,
        end: End,
    ) -> Result<(), Refusal> {
        let Some(settling) = running.settling(self, settled, status, end) else { return Ok(()) };
        match self.book(settling).wait().await {
            true => Ok(()),
            false => Err(Refusal::VaultUnavailable),
        }
    }
}

/// Whether a provider's error has the member by which apps know the vault's own refusals.
fn speaks_as_us(error: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Ours {
        okap: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Ours>(error).is_ok_and(|error| error.okap.is_some())
}

/// What a target at another host gets: this is no proxy of the open kind.
pub(crate) fn elsewhere(target: &http::Uri) -> Reply {
    let host = target.host().unwrap_or_default().chars().take(80).collect::<String>();
    let refusal =
        Refusal::RouteNotSupported(format!("a target at {host}"), "targets at this vault");
    reply::refusal(Style::OpenAi, &refusal, None, None, false)
}

/// What an unknown or unauthenticated path below `/v1` gets.
pub(crate) fn no_provider() -> Reply {
    reply::error(ErrorCode::NotFound, "call {base_url}/{path} with the base_url of your grant")
}
