//! One of each answer, for the snapshots, the schemas and the search for leaks.

use okap_types::{
    ErrorBody, ErrorCode, Models, Secret, Timestamp,
    oauth::{IntrospectionAnswer, TokenAnswer},
};
use serde_json::{Value, json};

// with their paths, since other targets take this file in by its own
#[path = "answers/access.rs"]
mod access;
#[path = "answers/discovery.rs"]
mod discovery;
#[path = "answers/native.rs"]
mod native;
#[path = "answers/oauth.rs"]
mod oauth;
#[path = "answers/standing.rs"]
mod standing;
#[path = "answers/tokens.rs"]
mod tokens;

pub(crate) use self::{
    access::{everything_granted, granted_access},
    discovery::{metadata, protected_resource},
    native::{denied, details_granted, flat_granted, flat_refused, pending, request_granted},
    oauth::{
        client_info, device_answer, device_request, device_request_by_a_signer,
        introspection_answer, introspection_request, pushed_answer, pushed_by_a_signer,
        pushed_request, revocation_request,
    },
    standing::{grant_answer, limits_answer},
    tokens::{token_answer, token_answer_of_an_exchange, token_requests},
};

/// Stands for every secret; found wherever one leaks.
pub(crate) const CANARY: &str = "okap_xx_canary";

fn secret() -> Secret<String> {
    Secret::from(CANARY)
}

fn end() -> Timestamp {
    "2027-03-01".parse().unwrap()
}

pub(crate) fn listed(models: &[&str]) -> Models {
    Models::Listed(models.iter().map(|m| m.parse().unwrap()).collect())
}

/// An app with a document of its own.
const PUBLISHED: &str = "https://notes.example/okap.json";
/// The thumbprint of RFC 7638 section 3.1.
pub(crate) const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const DETAILS: &str = r#"[{"type":"ai_model_access","provider":"openai"}]"#;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn unsupported_version() -> ErrorBody {
    ErrorBody::new(ErrorCode::UnsupportedVersion, "okap version \"2.0\" is not supported")
}

/// Each answer as it stands on the wire: a name, its schema, its JSON.
pub(crate) fn all() -> Vec<(&'static str, &'static str, Value)> {
    fn wire(answer: &impl serde::Serialize) -> Value {
        // by way of the text, as it travels
        serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap()
    }
    let gone = ErrorBody::new(ErrorCode::InvalidGrant, "the code has been used");
    let dead = IntrospectionAnswer::default();
    let mut all = vec![
        ("pending", "pending", wire(&pending())),
        ("granted_details", "granted.details", wire(&details_granted())),
        ("granted_request", "granted.request", wire(&request_granted())),
        ("denied", "denied", wire(&denied())),
        ("flat_granted", "flat-answer", wire(&flat_granted())),
        ("flat_pending", "flat-answer", wire(&flat_refused())),
        ("pushed_request", "pushed-request", wire(&pushed_request())),
        ("pushed_by_a_signer", "pushed-request", wire(&pushed_by_a_signer())),
        ("pushed_answer", "pushed-answer", wire(&pushed_answer())),
        ("token_answer", "token-answer", wire(&token_answer())),
        (
            "token_answer_without_refresh",
            "token-answer",
            wire(&TokenAnswer { refresh_token: None, ..token_answer() }),
        ),
        ("token_answer_of_an_exchange", "token-answer", wire(&token_answer_of_an_exchange())),
        ("device_request", "device-request", wire(&device_request())),
        ("device_request_by_a_signer", "device-request", wire(&device_request_by_a_signer())),
        ("device_answer", "device-answer", wire(&device_answer())),
        ("revocation_request", "revocation-request", wire(&revocation_request())),
        ("introspection_request", "introspection-request", wire(&introspection_request())),
        ("introspection_answer", "introspection-answer", wire(&introspection_answer())),
        ("introspection_answer_dead", "introspection-answer", wire(&dead)),
        ("limits", "limits", wire(&limits_answer())),
        ("grant", "grant", wire(&grant_answer())),
        ("client_info", "client-info", wire(&client_info())),
        ("protected_resource", "protected-resource", wire(&protected_resource())),
        ("granted_access", "granted-access", wire(&granted_access())),
        ("granted_access_to_everything", "granted-access", wire(&everything_granted())),
        ("metadata", "metadata", wire(&metadata())),
        ("error", "error", wire(&gone)),
        ("error_with_versions", "error", wire(&unsupported_version())),
    ];
    let requests = token_requests().into_iter();
    all.extend(requests.map(|(name, request)| (name, "token-request", wire(&request))));
    all
}

/// Messages that say one thing in the wrong way: a name from [`all`], where, and what stands there.
#[allow(dead_code, reason = "for the schemas and the vectors")]
pub(crate) fn contradictions() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("pending", "/status", json!("granted")),
        ("pending", "/user_code", json!("AEIO-AEIO")),
        ("granted_details", "/status", json!("pending")),
        ("granted_details", "/authorization_details", json!([])),
        ("granted_request", "/status", json!("denied")),
        ("granted_request", "/capabilities", json!([])),
        ("granted_request", "/models", json!([])),
        ("granted_request", "/models", json!(["*", "gpt-4"])),
        ("granted_request", "/models", json!(["a", "a"])),
        ("granted_request", "/base_url", json!("https://vault.example/v1/openai/")),
        ("granted_request", "/limits/monthly_spend", json!("-1")),
        ("granted_request", "/limits/requests_per_minute", json!(0)),
        ("granted_request", "/access_token", json!("")),
        ("denied", "/error", json!("invalid_request")),
        ("flat_granted", "/approved", json!(false)),
        ("flat_pending", "/approved", json!(true)),
        ("token_answer", "/token_type", json!("MAC")),
        ("token_answer", "/grant_id", json!("g 1")),
        ("token_request_code", "/grant_type", json!("password")),
        ("token_request_code", "/client_assertion_type", json!("saml2-bearer")),
        ("token_request_refresh", "/grant_type", json!("authorization_code")),
        ("token_request_exchange", "/subject_token_type", json!("id_token")),
        ("token_request_exchange", "/dpop_jkt", json!("short")),
        ("pushed_by_a_signer", "/dpop_jkt", json!("short")),
        ("pushed_by_a_signer", "/client_assertion_type", json!("saml2-bearer")),
        ("device_request", "/authorization_details", json!([])),
        ("device_answer", "/user_code", json!("bcdf-ghjk")),
        ("introspection_answer", "/cnf/jkt", json!("short")),
        ("introspection_answer", "/active", json!("true")),
        ("limits", "/limits", json!([])),
        ("limits", "/limits/0/capabilities", json!([])),
        ("limits", "/limits/0/limits/monthly_spend/used", json!("-0.01")),
        ("limits", "/limits/0/limits/requests_per_day/limit", json!(0)),
        ("grant", "/status", json!("pending")),
        ("grant", "/authorization_details", json!([])),
        ("pushed_request", "/code_challenge_method", json!("plain")),
        ("pushed_request", "/code_challenge", json!("short")),
        ("pushed_request", "/response_type", json!("token")),
        ("granted_access", "/type", json!("other")),
        ("granted_access", "/currency", json!("EUR")),
        ("granted_access", "/window", json!("rolling")),
        ("granted_access", "/models", json!(["*", "gpt-4"])),
    ]
}
