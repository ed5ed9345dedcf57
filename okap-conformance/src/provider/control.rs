//! The control plane under `/__provider/`, for tests in other languages.
//!
//! It has no password: it answers callers on the same machine only.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Query, Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::desk::Desk;
use super::ledger::Ledger;
use super::listen::Peer;

/// The control plane, and the provider on every other path.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    let control = Router::new()
        .route("/ledger", get(ledger))
        .route("/fault", post(add_rule).get(rules).delete(clear_rules))
        .route("/barrier", post(arm))
        .route("/release", post(release))
        .route("/reset", post(reset))
        .fallback(unknown)
        .layer(from_fn(same_machine));
    Router::new().nest("/__provider", control).fallback(provide).with_state(desk)
}

async fn provide(State(desk): State<Arc<Desk>>, request: Request) -> Response<Body> {
    desk.answer(request).await
}

async fn same_machine(
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response<Body> {
    if peer.ip().to_canonical().is_loopback() {
        return next.run(request).await;
    }
    let text = "the control plane answers callers on the same machine only";
    Refusal(StatusCode::FORBIDDEN, text.to_owned()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    /// Milliseconds to wait until no call is open.
    settle_ms: Option<u64>,
}

async fn ledger(
    State(desk): State<Arc<Desk>>,
    Query(Settle { settle_ms }): Query<Settle>,
) -> Json<Ledger> {
    let patience = Duration::from_millis(settle_ms.unwrap_or_default());
    let settled = desk.books.wait_until(patience, |ledger| ledger.totals.open == 0).await;
    Json(settled.unwrap_or_else(|_| desk.books.ledger()))
}

async fn rules(State(desk): State<Arc<Desk>>) -> Json<Value> {
    Json(json!({ "rules": desk.rules.list() }))
}

async fn add_rule(State(desk): State<Arc<Desk>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    desk.rules.add(parsed(&body)?);
    Ok(rules(State(desk)).await)
}

async fn clear_rules(State(desk): State<Arc<Desk>>) -> Json<Value> {
    desk.rules.clear();
    rules(State(desk)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arm {
    calls: usize,
    quiet_ms: Option<u64>,
}

async fn arm(State(desk): State<Arc<Desk>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Arm { calls, quiet_ms } = parsed(&body)?;
    desk.barriers.for_all().arm(calls, quiet_ms.map(Duration::from_millis));
    Ok(Json(json!({ "armed": calls })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    calls: Option<usize>,
}

async fn release(State(desk): State<Arc<Desk>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Release { calls } = parsed(&body)?;
    Ok(Json(json!({ "released": desk.barriers.for_all().release(calls) })))
}

async fn reset(State(desk): State<Arc<Desk>>) -> Json<Value> {
    desk.reset();
    Json(json!({ "reset": true }))
}

async fn unknown() -> Refusal {
    let text = "no such control; there are ledger, fault, barrier, release and reset";
    Refusal(StatusCode::NOT_FOUND, text.to_owned())
}

/// Reads a JSON body; an empty one is `{}`.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))
}

struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}
