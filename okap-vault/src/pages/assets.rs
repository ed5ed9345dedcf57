//! What pages load beside their HTML: one style sheet.

use std::sync::LazyLock;

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    response::{IntoResponse, Response},
};

const STYLE: &str = include_str!("../../templates/okap.css");

/// Tells one version of the style sheet from the next, so that a browser may keep it for ever.
static VERSION: LazyLock<String> =
    LazyLock::new(|| okap_engine::token::hash(STYLE).chars().take(12).collect());

/// The version that links to the style sheet carry.
pub(super) fn version() -> &'static str {
    &VERSION
}

/// `GET /assets/okap.css`
pub(super) async fn style() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}
