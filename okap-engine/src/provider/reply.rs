//! What the vault says in a provider's own words: errors, model lists, the end of a stream.

use okap_types::{GrantId, ModelId};
use serde_json::{Value, json};

use super::Style;
use crate::refusal::Refusal;

/// An error in the shape that the provider's SDK turns into its own typed exception, with an
/// added `okap` member for apps that know OKAP.
#[must_use]
pub fn error_body(style: Style, refusal: &Refusal, grant: Option<&GrantId>) -> Value {
    let code = refusal.code().as_str();
    let message = format!("OKAP: {refusal}");
    let mut body = match style {
        Style::OpenAi => json!({
            "error": {"message": message, "type": code, "param": null, "code": code},
        }),
        Style::Anthropic => json!({
            "type": "error", "error": {"type": code, "message": message}, "message": message,
        }),
        Style::Google => json!({
            "error": {
                "code": refusal.status(), "message": message, "status": status(refusal.status()),
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": code.to_ascii_uppercase(), "domain": "okap",
                }],
            },
        }),
    };
    let mut okap = serde_json::Map::new();
    okap.insert("code".into(), code.into());
    if let Some(grant) = grant {
        okap.insert("grant_id".into(), grant.as_str().into());
    }
    if let Some((limit, used, resets_at)) = refusal.limit() {
        okap.insert("limit".into(), limit.into());
        okap.insert("used".into(), used.into());
        if let Some(resets_at) = resets_at {
            okap.insert("resets_at".into(), resets_at.to_string().into());
        }
    }
    if let Some(body) = body.as_object_mut() {
        body.insert("okap".into(), Value::Object(okap));
    }
    body
}

/// The event that ends a stream before its time, as the provider itself would send it.
#[must_use]
pub fn stop_event(style: Style, refusal: &Refusal, grant: Option<&GrantId>) -> Vec<u8> {
    let body = error_body(style, refusal, grant);
    match style {
        Style::OpenAi | Style::Google => format!("data: {body}\n\n"),
        Style::Anthropic => format!("event: error\ndata: {body}\n\n"),
    }
    .into_bytes()
}

/// The answer of `GET /models` or, with one model, of `GET /models/{id}`: what the grant allows.
#[must_use]
pub fn models(style: Style, allowed: &[ModelId]) -> Value {
    let one = |id: &ModelId| model(style, id.as_str());
    let data: Vec<Value> = allowed.iter().map(one).collect();
    match style {
        Style::OpenAi => json!({"object": "list", "data": data}),
        Style::Anthropic => json!({
            "data": data, "has_more": false,
            "first_id": allowed.first().map(ModelId::as_str),
            "last_id": allowed.last().map(ModelId::as_str),
        }),
        Style::Google => json!({"models": data}),
    }
}

/// One entry of the list.
#[must_use]
pub fn model(style: Style, id: &str) -> Value {
    match style {
        Style::OpenAi => json!({"id": id, "object": "model", "created": 0, "owned_by": "okap"}),
        Style::Anthropic => json!({
            "type": "model", "id": id, "display_name": id, "created_at": "1970-01-01T00:00:00Z",
        }),
        Style::Google => json!({
            "name": format!("models/{id}"), "version": "", "displayName": id,
            "supportedGenerationMethods": [],
        }),
    }
}

/// The word that Google's APIs have for a status.
const fn status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        402 => "FAILED_PRECONDITION",
        408 | 504 => "DEADLINE_EXCEEDED",
        429 => "RESOURCE_EXHAUSTED",
        501 | 405 => "UNIMPLEMENTED",
        502 | 503 => "UNAVAILABLE",
        400..=499 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}
