//! One of each answer, for the snapshots, the schemas and the search for leaks.

use okap_types::{
    AccessType, Capability, ErrorBody, ErrorCode, GrantedAccess, Limits, Models, Money, Provider,
    Secret, Timestamp, Version,
    oauth::{Metadata, PushedAnswer, PushedRequest, TokenAnswer},
    response::{
        Continue, Denied, DetailsGranted, FlatAnswer, FlatToken, Pending, RequestGranted, Status,
        TokenType,
    },
};
use serde_json::Value;

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

pub(crate) fn granted_access() -> GrantedAccess {
    GrantedAccess {
        access_type: AccessType::AiModelAccess,
        provider: Provider::OpenAi,
        models: listed(&["gpt-4o-mini"]),
        capabilities: vec![Capability::Chat],
        limits: Limits::monthly(Money::usd(5)).per_minute(30),
        expires: end(),
        base_url: "https://vault.example/v1/openai".parse().unwrap(),
        currency: GrantedAccess::CURRENCY.to_owned(),
        window: GrantedAccess::WINDOW.to_owned(),
        models_refused: vec!["gpt-4".parse().unwrap()],
    }
}

pub(crate) fn everything_granted() -> GrantedAccess {
    GrantedAccess {
        provider: Provider::Anthropic,
        models: Models::Any,
        capabilities: vec![Capability::Chat, Capability::Vision],
        limits: Limits::default(),
        base_url: "https://vault.example/v1/anthropic".parse().unwrap(),
        models_refused: Vec::new(),
        ..granted_access()
    }
}

pub(crate) fn pending() -> Pending {
    Pending {
        okap: Version::CURRENT,
        status: Status::Pending,
        interaction_uri: "https://vault.example/okap/consent/q1w2".parse().unwrap(),
        user_code: "BCDF-GHJK".to_owned(),
        expires_in: 600,
        interval: 5,
        continuation: Continue {
            uri: "https://vault.example/okap/continue".parse().unwrap(),
            access_token: secret(),
        },
    }
}

pub(crate) fn details_granted() -> DetailsGranted {
    DetailsGranted {
        okap: Version::CURRENT,
        status: Status::Granted,
        token: secret(),
        access_token: secret(),
        token_type: TokenType::Bearer,
        expires_in: 3600,
        grant_id: "g_1".parse().unwrap(),
        authorization_details: vec![granted_access(), everything_granted()],
    }
}

pub(crate) fn request_granted() -> RequestGranted {
    let access = granted_access();
    RequestGranted {
        okap: Version::CURRENT,
        status: Status::Granted,
        token: secret(),
        access_token: secret(),
        token_type: TokenType::Bearer,
        expires_in: 3600,
        grant_id: "g_1".parse().unwrap(),
        provider: access.provider,
        base_url: access.base_url,
        expires: access.expires,
        limits: access.limits,
        models: access.models,
        capabilities: access.capabilities,
    }
}

pub(crate) fn denied() -> Denied {
    Denied {
        okap: Version::CURRENT,
        status: Status::Denied,
        reason: "the user denied the request".to_owned(),
        error: ErrorCode::AccessDenied.as_str().to_owned(),
    }
}

pub(crate) fn flat_granted() -> FlatAnswer {
    let access = granted_access();
    let token = FlatToken {
        token: secret(),
        base_url: access.base_url,
        provider: access.provider,
        models: access.models,
        capabilities: access.capabilities,
        limits: access.limits,
        expires_at: access.expires,
        created_at: "2026-11-23T09:00:00.250Z".parse().unwrap(),
    };
    FlatAnswer {
        okap: Version::CURRENT,
        approved: true,
        token: Some(token),
        error: None,
        error_code: None,
    }
}

pub(crate) fn flat_refused() -> FlatAnswer {
    FlatAnswer {
        okap: Version::CURRENT,
        approved: false,
        token: None,
        error: Some("allow it at https://vault.example/okap/consent/q1w2 and ask again".to_owned()),
        error_code: Some("pending".to_owned()),
    }
}

pub(crate) fn pushed_request() -> PushedRequest {
    PushedRequest {
        client_id: "http://localhost".to_owned(),
        client_name: Some("Notes".to_owned()),
        response_type: "code".to_owned(),
        redirect_uri: "http://127.0.0.1:49152/callback".to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        code_challenge_method: "S256".to_owned(),
        authorization_details: r#"[{"type":"ai_model_access","provider":"openai"}]"#.to_owned(),
        state: Some("af0ifjsldkj".to_owned()),
    }
}

pub(crate) fn pushed_answer() -> PushedAnswer {
    PushedAnswer { request_uri: secret(), expires_in: 90 }
}

pub(crate) fn token_answer() -> TokenAnswer {
    TokenAnswer {
        access_token: secret(),
        token_type: TokenType::Bearer,
        expires_in: 3600,
        refresh_token: Some(secret()),
        authorization_details: vec![granted_access()],
        grant_id: "g_1".parse().unwrap(),
    }
}

pub(crate) fn metadata() -> Metadata {
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    let url = |path: &str| format!("https://vault.example/{path}").parse().unwrap();
    Metadata {
        issuer: "https://vault.example".to_owned(),
        authorization_endpoint: url("okap/authorize"),
        token_endpoint: url("okap/token"),
        pushed_authorization_request_endpoint: url("okap/par"),
        require_pushed_authorization_requests: true,
        revocation_endpoint: url("okap/revoke"),
        response_types_supported: words(&["code"]),
        response_modes_supported: words(&["query"]),
        grant_types_supported: words(&["authorization_code"]),
        code_challenge_methods_supported: words(&["S256"]),
        authorization_response_iss_parameter_supported: true,
        authorization_details_types_supported: words(&["ai_model_access"]),
        client_id_metadata_document_supported: false,
        token_endpoint_auth_methods_supported: words(&["none"]),
        okap_versions_supported: words(Version::SUPPORTED),
        okap_direct_endpoint: url("okap/authorize"),
        okap_providers_supported: vec![Provider::OpenAi, Provider::Anthropic],
        okap_capabilities_supported: Capability::KNOWN.to_vec(),
        okap_detail_fields_supported: words(&["provider", "models", "limits"]),
        okap_profiles_supported: words(&["core"]),
    }
}

pub(crate) fn unsupported_version() -> ErrorBody {
    ErrorBody::new(ErrorCode::UnsupportedVersion, "okap version \"2.0\" is not supported")
}

/// Each answer as it stands on the wire: a name, its schema, its JSON.
pub(crate) fn all() -> Vec<(&'static str, &'static str, Value)> {
    fn json(answer: &impl serde::Serialize) -> Value {
        // by way of the text, as it travels
        serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap()
    }
    let gone = ErrorBody::new(ErrorCode::InvalidGrant, "the code has been used");
    vec![
        ("pending", "pending", json(&pending())),
        ("granted_details", "granted.details", json(&details_granted())),
        ("granted_request", "granted.request", json(&request_granted())),
        ("denied", "denied", json(&denied())),
        ("flat_granted", "flat-answer", json(&flat_granted())),
        ("flat_pending", "flat-answer", json(&flat_refused())),
        ("pushed_request", "pushed-request", json(&pushed_request())),
        ("pushed_answer", "pushed-answer", json(&pushed_answer())),
        ("token_answer", "token-answer", json(&token_answer())),
        (
            "token_answer_without_refresh",
            "token-answer",
            json(&TokenAnswer { refresh_token: None, ..token_answer() }),
        ),
        ("granted_access", "granted-access", json(&granted_access())),
        ("granted_access_to_everything", "granted-access", json(&everything_granted())),
        ("metadata", "metadata", json(&metadata())),
        ("error", "error", json(&gone)),
        ("error_with_versions", "error", json(&unsupported_version())),
    ]
}
