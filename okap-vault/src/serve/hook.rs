//! The hook of the conformance suite: decides, seeds, revokes, turns the clock, over HTTP.
//!
//! Whoever reaches it is the owner. So it is there only where the vault was started with
//! `--conformance-hook`, on a loopback listener with no proxy in front.

mod decide;
mod documents;
mod order;
mod ports;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use okap_server::{
    Config, ConsentPage, Control, OkapService, StoreError,
    ports::{Https, SystemClock},
};
use okap_types::{Provider, Secret};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    keys::{self, KeyError},
    store::StoredVault,
    user::owner,
};
use documents::Shelf;
use order::Order;
use ports::Routes;

/// Where it answers, at the root of the vault's address.
pub(super) const PATH: &str = "/__okap_test";

/// What may be ordered.
const VERBS: [&str; 9] =
    ["decide", "seed", "revoke", "audit", "reset", "publish", "sign_in", "advance", "dump"];
/// How often is looked whether the vault goes by a clock that was turned.
const TURNED: Duration = Duration::from_millis(20);

/// Rows of the audit that one answer holds.
const ROWS: usize = 1000;

/// What the hook acts on.
#[derive(Clone)]
pub(super) struct Hook(Arc<Parts>);

struct Parts {
    control: Control<StoredVault, ConsentPage>,
    routes: Routes,
    shelf: Shelf,
    /// Where what a server keeps is laid out to be searched.
    dump: TempDir,
}

/// Why an order was not carried out.
enum Refused {
    /// It makes no sense.
    Order(String),
    /// This vault cannot do it.
    Unsupported(&'static str),
    /// What it names is not there.
    Missing(String),
    /// The vault failed.
    Failed(String),
}

impl Hook {
    /// A vault whose clock and whose ways to providers can be turned, and what turns them.
    pub(super) fn around(
        config: Config,
        vault: StoredVault,
        consent: ConsentPage,
    ) -> anyhow::Result<(OkapService<StoredVault, ConsentPage>, Self)> {
        let routes = Routes::over(config.upstreams.clone(), Https::new()?);
        let shelf = Shelf::over(okap_server::ports::HttpsDocuments::builder().build()?);
        let okap = OkapService::with_documents(
            config,
            vault,
            consent,
            routes.clone(),
            SystemClock,
            shelf.clone(),
        )?;
        let parts = Parts { control: okap.control(), routes, shelf, dump: TempDir::new()? };
        Ok((okap, Self(Arc::new(parts))))
    }

    pub(super) fn router(self) -> Router {
        Router::new().route(PATH, post(take)).with_state(self)
    }

    async fn carry_out(&self, order: Order) -> Result<Value, Refused> {
        let Parts { control, routes, shelf, dump } = &*self.0;
        match order {
            Order::Capabilities => Ok(json!({ "verbs": VERBS })),
            Order::Decide(order) => decide::decide(control, order).await,
            Order::Seed { provider, key, upstream } => {
                if let Some(upstream) = upstream {
                    routes.lead(&provider, upstream).map_err(Refused::Order)?;
                }
                self.keep(&provider, &key).await
            }
            Order::Revoke { grant } => {
                control.revoke(&owner(), &grant).await?;
                Ok(json!({ "revoked": grant }))
            }
            Order::Advance { seconds } => self.advance(seconds).await,
            Order::Audit { grant } => {
                let rows = control.vault().database().latest_calls(&grant, ROWS).await?;
                let rows: Vec<_> = rows.into_iter().filter_map(|entry| entry.row).collect();
                Ok(json!({ "rows": rows }))
            }
            Order::Dump => {
                // each order has files of its own: the suite may still read those of another
                let folder = TempDir::new_in(dump.path()).map_err(StoreError::new)?.keep();
                let kept = control.vault().database().laid_out(&folder).await?;
                Ok(json!({ "path": kept }))
            }
            Order::Publish { url, document, cache_control } => {
                shelf.put(url, document, cache_control.as_deref()).map_err(Refused::Order)?;
                Ok(json!({}))
            }
            Order::SignIn => {
                let (database, now) = (control.vault().database(), control.now());
                let secure = control.issuer().starts_with("https:");
                let cookie = crate::pages::signed_in(database, &owner(), secure, now).await?;
                Ok(json!({ "cookie": cookie.expose() }))
            }
            Order::Reset => self.reset().await,
            Order::Other => Err(Refused::Unsupported("no such verb")),
        }
    }

    /// Turns the clock, and waits until the vault has seen it.
    async fn advance(&self, seconds: u32) -> Result<Value, Refused> {
        let control = &self.0.control;
        let now = control.now();
        let then = now.plus_seconds(control.vault().turn_clock(seconds));
        while control.now() < then {
            if !control.look_around().await {
                return Err(Refused::Failed("the store does not tell the time".to_owned()));
            }
            tokio::time::sleep(TURNED).await;
        }
        Ok(json!({ "now": control.now() }))
    }

    async fn keep(&self, provider: &Provider, key: &Secret<String>) -> Result<Value, Refused> {
        let (control, owner) = (&self.0.control, owner());
        let (database, keyring) = (control.vault().database(), control.vault().keyring()?);
        let now = control.now();
        match keys::add(database, keyring, &owner, provider, key, now).await {
            Err(KeyError::Present(_)) => {
                keys::rotate(database, keyring, &owner, provider, key, now).await?;
                // nodes go by the older key until then
                tokio::time::sleep(okap_server::REMEMBERED).await;
            }
            added => added?,
        }
        Ok(json!({ "seeded": provider }))
    }

    /// Ends every grant, so that nothing of an earlier group can be called.
    async fn reset(&self) -> Result<Value, Refused> {
        let control = &self.0.control;
        let mut revoked = 0;
        for grant in control.grants(&owner()).await? {
            if grant.revoked.is_none() {
                control.revoke(&owner(), &grant.id).await?;
                revoked += 1;
            }
        }
        Ok(json!({ "revoked": revoked }))
    }
}

async fn take(State(hook): State<Hook>, headers: HeaderMap, body: Bytes) -> Response {
    // a page of another site can post a form or plain text without asking; JSON it cannot
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some("application/json") {
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json");
    }
    let order = match Order::read(&body) {
        Ok(order) => order,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
    };
    match hook.carry_out(order).await {
        Ok(done) => Json(done).into_response(),
        Err(Refused::Order(why)) => refusal(StatusCode::BAD_REQUEST, &why),
        Err(Refused::Unsupported(why)) => refusal(StatusCode::NOT_IMPLEMENTED, why),
        Err(Refused::Missing(why)) => refusal(StatusCode::CONFLICT, &why),
        Err(Refused::Failed(why)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &why),
    }
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<KeyError> for Refused {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<okap_server::ControlError> for Refused {
    fn from(error: okap_server::ControlError) -> Self {
        match error {
            okap_server::ControlError::Store(error) => error.into(),
            error => Self::Missing(error.to_string()),
        }
    }
}
