//! Answers that several endpoints share.

use anyhow::Result;
use okap_types::ErrorCode;
use serde_json::{Map, Value, json};

use super::Names;

/// The name of the shared answer with a status, for endpoints that are not proxied.
pub(super) const ERRORS: &[(u16, &str, &str)] = &[
    (400, "InvalidRequest", "The request is wrong: `error` says in what."),
    (401, "Unauthenticated", "No credential, or one that is not alive."),
    (403, "Refused", "The request is understood and refused."),
    (404, "NotFound", "There is nothing here."),
    (405, "MethodNotAllowed", "Another method is wanted; `Allow` names it."),
    (408, "RequestTimeout", "The request did not arrive in time."),
    (413, "RequestTooLarge", "The body is larger than 64 KiB."),
    (415, "UnsupportedMediaType", "The body has another media type than the endpoint reads."),
    (
        429,
        "TooManyRequests",
        "Too many requests, or too often; `Retry-After` says when to come again.",
    ),
    (503, "Unavailable", "The vault cannot reach its store."),
];

/// The same for proxied calls, which answer in the provider's own shape.
pub(super) const REFUSALS: &[(u16, &str, &str)] = &[
    (
        400,
        "CallInvalid",
        "The call is wrong, or larger than `tokens_per_request`; or the provider's own answer.",
    ),
    (401, "CallUnauthenticated", "No token, one that is not alive, or no proof of its key."),
    (
        402,
        "CallUnpaid",
        "The money of the grant is used up: `resets_at` says until when. Trying again does not help.",
    ),
    (403, "CallNotAllowed", "The grant does not hold this model, capability or provider."),
    (404, "CallNotFound", "No such route or model."),
    (405, "CallMethodNotAllowed", "The route wants another method; `Allow` names it."),
    (408, "CallTimeout", "The body did not arrive in time."),
    (413, "CallTooLarge", "The body is too large."),
    (415, "CallUnsupported", "The body is not plain JSON."),
    (426, "CallUpgrade", "WebSocket is not spoken here; send a plain request."),
    (429, "CallLimited", "The requests of the grant are used up; or the provider's own answer."),
    (502, "CallUpstream", "The provider failed, redirected, or refused the vault's key."),
    (503, "CallUnavailable", "The vault has no key for the provider, or cannot reach its store."),
    (504, "CallUpstreamTimeout", "The provider did not answer in time."),
];

/// Every status that has one, as `components/responses`.
pub(super) fn shared(names: &Names) -> Result<Value> {
    let mut all = Map::new();
    let error = names.of("error")?;
    for (status, name, text) in ERRORS {
        let codes: Vec<_> = codes(*status);
        let mut answer = json!({
            "description": text,
            "content": {"application/json": {"schema": error, "examples": examples(&codes)}},
            "headers": headers_of(*status),
        });
        if *status == 401 {
            set(
                &mut answer,
                "/headers",
                "WWW-Authenticate",
                reference("headers", "WWW-Authenticate"),
            );
        }
        all.insert((*name).to_owned(), answer);
    }
    for (status, name, text) in REFUSALS {
        let mut answer = json!({
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ProviderError"}}},
            "headers": headers_of(*status),
        });
        match *status {
            401 | 403 => set(
                &mut answer,
                "/headers",
                "WWW-Authenticate",
                reference("headers", "WWW-Authenticate"),
            ),
            402 | 429 | 502 | 503 => set(
                &mut answer,
                "/headers",
                "x-should-retry",
                reference("headers", "x-should-retry"),
            ),
            426 => set(&mut answer, "/headers", "Upgrade", reference("headers", "Upgrade")),
            _ => {}
        }
        all.insert((*name).to_owned(), answer);
    }
    let foreign = json!({
        "description": "Any other refusal of the provider, unchanged.",
        "content": {"application/json": {"schema": {}}},
    });
    all.insert("CallForeign".to_owned(), foreign);
    Ok(all.into())
}

pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

fn set(answer: &mut Value, pointer: &str, member: &str, value: Value) {
    if let Some(object) = answer.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.insert(member.to_owned(), value);
    }
}

fn headers_of(status: u16) -> Value {
    let mut headers = Map::new();
    let mut put = |name: &str| headers.insert(name.to_owned(), reference("headers", name));
    put("Cache-Control");
    match status {
        400 | 401 => drop(put("DPoP-Nonce")),
        405 => drop(put("Allow")),
        429 => drop(put("Retry-After")),
        _ => {}
    }
    headers.into()
}

/// The codes of endpoints that are not proxied, by status.
fn codes(status: u16) -> Vec<ErrorCode> {
    let here = |code: &&ErrorCode| match (status, code) {
        (401, ErrorCode::MissingToken | ErrorCode::InvalidToken | ErrorCode::InvalidClient) => true,
        (401, ErrorCode::TokenExpired | ErrorCode::TokenRevoked) => true,
        (403, code) => **code == ErrorCode::AccessDenied,
        (429, code) => matches!(code, ErrorCode::SlowDown | ErrorCode::TooManyRequests),
        (503, code) => **code == ErrorCode::TemporarilyUnavailable,
        (400, ErrorCode::TokensPerRequestExceeded | ErrorCode::UnsupportedParameter) => false,
        (404, code) => **code == ErrorCode::NotFound,
        (415, code) => **code == ErrorCode::UnsupportedMediaType,
        (status, code) => code.status() == status,
    };
    ErrorCode::ALL.iter().filter(here).copied().collect()
}

fn examples(codes: &[ErrorCode]) -> Value {
    let one = |code: &ErrorCode| {
        let mut value = json!({"error": code.as_str(), "error_description": "names the thing, the limit and the way out"});
        if *code == ErrorCode::UnsupportedVersion
            && let Some(object) = value.as_object_mut()
        {
            object.insert("okap_versions_supported".to_owned(), json!(["1.0"]));
        }
        (code.as_str().to_owned(), json!({"value": value}))
    };
    codes.iter().map(one).collect::<Map<_, _>>().into()
}

/// `components/headers`
pub(super) fn headers() -> Value {
    let text =
        |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "Allow": text("The methods that the path takes."),
        "Cache-Control": text("`no-store`, but for discovery."),
        "DPoP-Nonce": text("The nonce of the next proof, where the vault wants one."),
        "Location": {"description": "Where the browser goes on to.", "schema": {"type": "string", "format": "uri-reference"}},
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
        "Upgrade": text("`HTTP/1.1`"),
        "WWW-Authenticate": text("How to authenticate: `Bearer`, `DPoP` or `Basic`, with `error` and, on proxied routes, `resource_metadata`."),
        "x-should-retry": {"description": "`false` where an official SDK must not try again.", "schema": {"const": "false"}},
    })
}

/// Schemas of proxied calls: what the vault itself reads and writes of them. The rest is the
/// provider's.
pub(super) fn proxy_schemas() -> Map<String, Value> {
    let call = |description: &str, more: Value, example: Value| json!({"description": description, "type": "object", "required": ["model"], "properties": more, "additionalProperties": true, "examples": [example]});
    let hello = json!([{"role": "user", "content": "Say hello"}]);
    let model = json!({"type": "string", "minLength": 1, "maxLength": 256, "description": "One of the grant's models, exactly."});
    let stream = json!({"type": ["boolean", "null"]});
    let messages = json!({"type": "array", "items": {"type": "object"}});
    let okap = json!({
        "description": "What the vault adds to an error in the provider's shape.",
        "type": "object", "required": ["code"],
        "properties": {
            "code": {"type": "string", "description": "The code, as in `ErrorBody`."},
            "grant_id": {"type": "string"},
            "limit": {"type": "string", "description": "The cap that was met."},
            "used": {"type": "string"},
            "resets_at": {"type": "string", "format": "date-time"},
        },
    });
    let provider_error = json!({
        "description": "An error in the shape of the provider that was called, so that its SDK raises its own exception. Errors of the vault have `okap`; one without is the provider's own.",
        "type": "object",
        "properties": {
            "error": {"type": ["object", "string", "null"]},
            "type": {"type": "string"},
            "message": {"type": "string"},
            "okap": okap,
        },
    });
    let model_entry = json!({
        "description": "A model that the grant allows, in the provider's shape.",
        "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}},
    });
    let list = json!({
        "description": "The models that the grant allows, in the provider's shape.",
        "type": "object", "required": ["data"],
        "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/ModelEntry"}}},
    });
    let any = json!({"description": "The provider's answer, unchanged.", "type": "object"});
    [
        (
            "ChatCall",
            call(
                "A chat completion, as OpenAI's API takes it.",
                json!({"model": model, "messages": messages, "stream": stream}),
                json!({"model": "gpt-4o-mini", "messages": hello}),
            ),
        ),
        (
            "ResponsesCall",
            call(
                "A response, as OpenAI's API takes it; never stored.",
                json!({"model": model, "stream": stream}),
                json!({"model": "gpt-4o-mini", "input": "Say hello"}),
            ),
        ),
        (
            "EmbeddingsCall",
            call(
                "Embeddings, as OpenAI's API takes them.",
                json!({"model": model}),
                json!({"model": "text-embedding-3-small", "input": "hello"}),
            ),
        ),
        (
            "MessagesCall",
            call(
                "A message, as Anthropic's API takes it.",
                json!({"model": model, "messages": messages, "stream": stream}),
                json!({"model": "claude-sonnet-5", "max_tokens": 100, "messages": hello}),
            ),
        ),
        ("ModelEntry", model_entry),
        ("ModelList", list),
        ("ProviderAnswer", any),
        ("ProviderError", provider_error),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into_iter()
    .collect()
}
