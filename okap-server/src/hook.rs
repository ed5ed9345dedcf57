//! The hook of the conformance suite: decides, seeds, revokes, turns the clock, over HTTP.
//!
//! `okap-conformance/HOOK.md` says what is ordered and how. Whoever reaches a hook is the owner: mount
//! it where somebody has asked for it by a flag, on a loopback listener, in front of keys that open
//! nothing. A host that puts a [`Peer`](crate::Peer) into its requests has those from other computers
//! refused, whatever the listener.
//!
//! ```
//! use okap_server::{
//!     Config, ConsentPage, MemoryVault, OkapService, Owner,
//!     hook::{self, Hook, Rig},
//! };
//!
//! struct Desk;
//!
//! impl Rig for Desk {
//!     fn owner(&self) -> Owner {
//!         Owner::new("me")
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let hooked = true;
//! let issuer = "http://127.0.0.1:8787".parse()?;
//! let (consent, vault) = (ConsentPage::at(&issuer, "consent"), MemoryVault::new());
//! let app = axum::Router::new();
//! let app = match hooked {
//!     true => {
//!         let (okap, hook) = Hook::danger_around(Config::at(issuer), vault, consent, Desk)?;
//!         app.route_service(hook::PATH, hook).fallback_service(okap)
//!     }
//!     false => app.fallback_service(OkapService::new(Config::at(issuer), vault, consent)?),
//! };
//! # let _: axum::Router = app;
//! # Ok(()) }
//! ```

mod decide;
mod door;
mod order;
mod refused;
mod rig;
mod routes;
mod shelf;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use serde_json::{Value, json};

use crate::{
    Body, BoxError, Config, Consent, Control, OkapService, StartError, Vault,
    ports::{Clock, Documents, Upstream},
    reply,
};
use order::Order;
use refused::{Refused, failed};
use routes::Routes;
use shelf::Shelf;

pub use rig::{Rig, Verb};

/// Where the suite looks for it, unless its description says another path.
pub const PATH: &str = "/__okap_test";

/// The verbs that every vault has with the hook.
const VERBS: [&str; 5] = ["decide", "revoke", "reset", "publish", "advance"];

/// Takes the suite's orders, as a `tower` service at [`PATH`].
///
/// # Behavior
/// - Answers `POST` with JSON alone, to requests that name this computer and, where the host says
///   where they come from ([`Peer`](crate::Peer)), come from it.
/// - Leads calls for a provider to where a `seed` says, on this computer alone; finds the documents
///   that were `publish`ed; turns the clock that all of the vault goes by. What no order was about
///   stays as it is.
#[derive(Debug)]
pub struct Hook<V, C, R>(Arc<Parts<V, C, R>>);

#[derive(Debug)]
struct Parts<V, C, R> {
    control: Control<V, C>,
    rig: R,
    routes: Routes,
    shelf: Shelf,
}

impl<V, C, R> Clone for Hook<V, C, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V: Vault, C: Consent, R: Rig> Hook<V, C, R> {
    /// A vault as [`OkapService::new`] makes it, and the hook that has a hand on it: whoever reaches
    /// that is the owner.
    ///
    /// # Errors
    /// [`StartError`]: as for any vault, and where the issuer is not this computer.
    #[cfg(feature = "https")]
    pub fn danger_around(
        config: Config,
        vault: V,
        consent: C,
        rig: R,
    ) -> Result<(OkapService<V, C>, Self), StartError> {
        use crate::ports::{Https, HttpsDocuments, SystemClock};
        let upstream = Https::new().map_err(|e| StartError::Tls(e.into()))?;
        let documents = HttpsDocuments::builder().build().map_err(|e| StartError::Tls(e.into()))?;
        Self::danger_with_ports(config, vault, consent, rig, (upstream, SystemClock, documents))
    }

    /// As [`danger_around`](Self::danger_around), with the ways and the clock of
    /// [`OkapService::with_documents`].
    ///
    /// # Errors
    /// As [`danger_around`](Self::danger_around).
    pub fn danger_with_ports(
        config: Config,
        vault: V,
        consent: C,
        rig: R,
        (upstream, clock, documents): (impl Upstream, impl Clock, impl Documents),
    ) -> Result<(OkapService<V, C>, Self), StartError> {
        let issuer = &config.profile.issuer;
        if !crate::service::is_loopback(issuer) {
            return Err(StartError::Hooked(issuer.clone()));
        }
        let routes = Routes::over(config.upstreams.clone(), upstream);
        let shelf = Shelf::over(documents);
        let (ways, found) = (routes.clone(), shelf.clone());
        let okap = OkapService::with_documents(config, vault, consent, ways, clock, found)?;
        let parts = Parts { control: okap.control(), rig, routes, shelf };
        Ok((okap, Self(Arc::new(parts))))
    }

    async fn answer<B>(self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        let within = self.0.control.core().config.request_within;
        let order = match door::taken(request, within).await {
            Ok(body) => Order::read(&body),
            Err(refusal) => return refusal,
        };
        let done = match order {
            Ok(order) => self.carry_out(order).await,
            Err(why) => Err(Refused::Order(why)),
        };
        match done {
            Ok(done) => reply::json(200, &done),
            Err(Refused::Order(why)) => door::refusal(400, &why),
            Err(Refused::Unsupported) => door::refusal(501, "this vault has no such verb"),
            Err(Refused::Missing(why)) => door::refusal(409, &why),
            Err(Refused::Failed(why)) => door::refusal(500, &why),
        }
    }

    async fn carry_out(&self, order: Order) -> Result<Value, Refused> {
        let Parts { control, rig, routes, shelf } = &*self.0;
        let owner = rig.owner();
        if order.verb().is_some_and(|verb| !rig.verbs().contains(&verb)) {
            return Err(Refused::Unsupported);
        }
        match order {
            Order::Capabilities => {
                let own = rig.verbs().iter().map(|verb| verb.word());
                Ok(json!({ "verbs": VERBS.into_iter().chain(own).collect::<Vec<_>>() }))
            }
            Order::Decide(order) => decide::decide(control, &owner, order).await,
            Order::Revoke { grant } => {
                control.revoke(&owner, &grant).await?;
                Ok(json!({ "revoked": grant }))
            }
            Order::Reset => self.reset().await,
            Order::Publish { url, document, cache_control } => {
                shelf.put(url, document, cache_control.as_deref()).map_err(Refused::Order)?;
                Ok(json!({}))
            }
            Order::Advance { seconds } => {
                control.core().clock.turn(seconds);
                Ok(json!({ "now": control.now() }))
            }
            Order::Seed { provider, key, upstream } => {
                let way = upstream.map(|to| routes.way(&provider, &to)).transpose();
                let way = way.map_err(Refused::Order)?;
                rig.seed(&provider, key, control.now()).await.map_err(failed)?;
                // not before: an earlier key would go that way
                if let Some(way) = way {
                    routes.lead(way);
                }
                Ok(json!({ "seeded": provider }))
            }
            Order::Audit { grant } => {
                Ok(json!({ "rows": rig.audit(&grant).await.map_err(failed)? }))
            }
            Order::Dump => Ok(json!({ "path": rig.dump().await.map_err(failed)? })),
            Order::SignIn => {
                let cookie = rig.sign_in(control.now()).await.map_err(failed)?;
                Ok(json!({ "cookie": cookie.expose() }))
            }
            Order::Other => Err(Refused::Unsupported),
        }
    }

    /// Ends every grant, so that nothing of an earlier group can be called.
    async fn reset(&self) -> Result<Value, Refused> {
        let Parts { control, rig, .. } = &*self.0;
        let owner = rig.owner();
        let mut revoked = 0;
        for grant in control.grants(&owner).await? {
            if grant.revoked.is_none() {
                control.revoke(&owner, &grant.id).await?;
                revoked += 1;
            }
        }
        Ok(json!({ "revoked": revoked }))
    }
}

impl<V, C, R, B> tower_service::Service<Request<B>> for Hook<V, C, R>
where
    V: Vault,
    C: Consent,
    R: Rig,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let hook = self.clone();
        Box::pin(async move { Ok(hook.answer(request).await) })
    }
}
