//! One of each answer, for the snapshots, the schemas and the search for leaks.

use okap_types::{
    AccessType, AppName, Capability, ClientInfo, Count, ErrorBody, ErrorCode, GrantedAccess,
    Limits, Models, Money, Provider, Secret, Timestamp, Version,
    oauth::{
        ACCESS_TOKEN_TYPE, Confirmation, DEVICE_CODE, DeviceAnswer, DeviceRequest,
        IntrospectionAnswer, IntrospectionRequest, JWT_BEARER, LOCAL_CLIENT, Metadata,
        ProtectedResource, PushedAnswer, PushedRequest, RevocationRequest, TOKEN_EXCHANGE,
        TokenAnswer, TokenRequest,
    },
    response::{
        Continue, Denied, DetailsGranted, FlatAnswer, FlatToken, Pending, RequestGranted, Status,
        TokenType,
    },
    standing::{
        AccessLimits, CountLeft, GrantAnswer, GrantStatus, LimitsAnswer, LimitsLeft, MoneyLeft,
        PerRequest,
    },
};
use serde_json::{Value, json};

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

/// An app with a document of its own.
const PUBLISHED: &str = "https://notes.example/okap.json";
/// The thumbprint of RFC 7638 section 3.1.
pub(crate) const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
const DETAILS: &str = r#"[{"type":"ai_model_access","provider":"openai"}]"#;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn client_info() -> ClientInfo {
    ClientInfo {
        name: Some(AppName::new("Notes").unwrap()),
        url: Some("https://notes.example/".parse().unwrap()),
        client_id: some(PUBLISHED),
        callback: some("https://notes.example/cb"),
    }
}

pub(crate) fn pushed_request() -> PushedRequest {
    PushedRequest {
        client_id: LOCAL_CLIENT.to_owned(),
        client_name: Some("Notes".to_owned()),
        response_type: "code".to_owned(),
        redirect_uri: "http://127.0.0.1:49152/callback".to_owned(),
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned(),
        code_challenge_method: "S256".to_owned(),
        authorization_details: DETAILS.to_owned(),
        state: Some("af0ifjsldkj".to_owned()),
        resource: None,
        dpop_jkt: None,
        client_assertion_type: None,
        client_assertion: None,
    }
}

/// By an app that signs, for a key of its own and one provider.
pub(crate) fn pushed_by_a_signer() -> PushedRequest {
    PushedRequest {
        client_id: PUBLISHED.to_owned(),
        client_name: None,
        redirect_uri: "https://notes.example/cb".to_owned(),
        resource: some("https://vault.example/v1/openai"),
        dpop_jkt: some(THUMBPRINT),
        client_assertion_type: some(JWT_BEARER),
        client_assertion: Some(secret()),
        ..pushed_request()
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
        issued_token_type: None,
        authorization_details: vec![granted_access()],
        grant_id: "g_1".parse().unwrap(),
    }
}

/// What a token exchange answers: bound to a key, not renewable.
pub(crate) fn token_answer_of_an_exchange() -> TokenAnswer {
    TokenAnswer {
        token_type: TokenType::Dpop,
        refresh_token: None,
        issued_token_type: some(ACCESS_TOKEN_TYPE),
        ..token_answer()
    }
}

/// One request of each grant type, with all its members.
pub(crate) fn token_requests() -> [(&'static str, TokenRequest); 4] {
    let client_assertion_type = some(JWT_BEARER);
    let client_assertion = Some(secret());
    [
        (
            "token_request_code",
            TokenRequest::AuthorizationCode {
                code: secret(),
                redirect_uri: "https://notes.example/cb".to_owned(),
                code_verifier: Some(secret()),
                client_id: PUBLISHED.to_owned(),
                authorization_details: some(DETAILS),
                client_assertion_type: client_assertion_type.clone(),
                client_assertion: client_assertion.clone(),
            },
        ),
        (
            "token_request_refresh",
            TokenRequest::RefreshToken {
                refresh_token: secret(),
                client_id: PUBLISHED.to_owned(),
                authorization_details: some(DETAILS),
                client_assertion_type: client_assertion_type.clone(),
                client_assertion: client_assertion.clone(),
            },
        ),
        (
            "token_request_device",
            TokenRequest::DeviceCode {
                device_code: secret(),
                client_id: PUBLISHED.to_owned(),
                authorization_details: some(DETAILS),
                client_assertion_type: client_assertion_type.clone(),
                client_assertion: client_assertion.clone(),
            },
        ),
        (
            "token_request_exchange",
            TokenRequest::TokenExchange {
                subject_token: secret(),
                subject_token_type: ACCESS_TOKEN_TYPE.to_owned(),
                requested_token_type: some(ACCESS_TOKEN_TYPE),
                client_id: some(PUBLISHED),
                client_name: some("Notes indexer"),
                authorization_details: some(DETAILS),
                resource: some("https://vault.example"),
                dpop_jkt: some(THUMBPRINT),
                client_assertion_type,
                client_assertion,
            },
        ),
    ]
}

pub(crate) fn device_request() -> DeviceRequest {
    DeviceRequest {
        client_id: LOCAL_CLIENT.to_owned(),
        client_name: some("Notes"),
        authorization_details: DETAILS.to_owned(),
        client_assertion_type: None,
        client_assertion: None,
    }
}

pub(crate) fn device_request_by_a_signer() -> DeviceRequest {
    DeviceRequest {
        client_id: PUBLISHED.to_owned(),
        client_name: None,
        client_assertion_type: some(JWT_BEARER),
        client_assertion: Some(secret()),
        ..device_request()
    }
}

pub(crate) fn device_answer() -> DeviceAnswer {
    DeviceAnswer {
        device_code: secret(),
        user_code: "BCDF-GHJK".to_owned(),
        verification_uri: "https://vault.example/okap/device".parse().unwrap(),
        verification_uri_complete: Some(
            "https://vault.example/okap/device?user_code=BCDF-GHJK".parse().unwrap(),
        ),
        expires_in: 600,
        interval: Some(5),
    }
}

pub(crate) fn revocation_request() -> RevocationRequest {
    RevocationRequest {
        token: secret(),
        token_type_hint: some("access_token"),
        client_id: some(PUBLISHED),
        client_assertion_type: some(JWT_BEARER),
        client_assertion: Some(secret()),
    }
}

pub(crate) fn introspection_request() -> IntrospectionRequest {
    IntrospectionRequest { token: secret(), token_type_hint: some("refresh_token") }
}

pub(crate) fn introspection_answer() -> IntrospectionAnswer {
    IntrospectionAnswer {
        active: true,
        token_type: some(TokenType::Dpop.as_str()),
        client_id: some(PUBLISHED),
        iss: some("https://vault.example"),
        iat: Some(1_795_424_400),
        exp: Some(1_795_428_000),
        cnf: Some(Confirmation { jkt: THUMBPRINT.to_owned() }),
        authorization_details: vec![granted_access()],
        grant_id: Some("g_1".parse().unwrap()),
    }
}

pub(crate) fn limits_answer() -> LimitsAnswer {
    let resets_at = "2027-01-01".parse().unwrap();
    let money = |limit: u32, used: u64| MoneyLeft {
        limit: Money::usd(limit),
        used: Money::from_micros(used).unwrap(),
        remaining: Money::from_micros(Money::usd(limit).micros() - used).unwrap(),
        resets_at,
    };
    let count = |limit: u32, used: u32, resets_at| CountLeft {
        limit: Count::new(limit).unwrap(),
        used,
        remaining: limit - used,
        resets_at,
    };
    let access = granted_access();
    let bounded = AccessLimits {
        access_type: access.access_type,
        provider: access.provider,
        models: access.models,
        capabilities: access.capabilities,
        expires: access.expires,
        limits: LimitsLeft {
            monthly_spend: Some(money(5, 1_234_567)),
            daily_spend: Some(money(1, 0)),
            requests_per_minute: Some(count(30, 0, None)),
            requests_per_day: Some(count(500, 12, Some(resets_at))),
            tokens_per_request: Some(PerRequest { limit: Count::new(8192).unwrap() }),
        },
    };
    let access = everything_granted();
    let unbounded = AccessLimits {
        provider: access.provider,
        models: access.models,
        capabilities: access.capabilities,
        limits: LimitsLeft::default(),
        ..bounded.clone()
    };
    LimitsAnswer {
        okap: Version::CURRENT,
        grant_id: "g_1".parse().unwrap(),
        limits: vec![bounded, unbounded],
    }
}

pub(crate) fn grant_answer() -> GrantAnswer {
    GrantAnswer {
        okap: Version::CURRENT,
        grant_id: "g_2".parse().unwrap(),
        status: GrantStatus::Active,
        created: "2026-11-23T09:00:00.250Z".parse().unwrap(),
        expires: end(),
        parent_grant_id: Some("g_1".parse().unwrap()),
        client_id: some(PUBLISHED),
        client_name: Some(AppName::new("Notes").unwrap()),
        authorization_details: vec![granted_access()],
    }
}

pub(crate) fn protected_resource() -> ProtectedResource {
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    ProtectedResource {
        resource: "https://vault.example/v1/openai".parse().unwrap(),
        authorization_servers: words(&["https://vault.example"]),
        bearer_methods_supported: words(&["header"]),
        dpop_signing_alg_values_supported: words(&["ES256"]),
        authorization_details_types_supported: words(&["ai_model_access"]),
        resource_name: some("openai by way of vault.example"),
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
        introspection_endpoint: url("okap/introspect"),
        introspection_endpoint_auth_methods_supported: words(&["client_secret_basic"]),
        device_authorization_endpoint: Some(url("okap/device_authorization")),
        response_types_supported: words(&["code"]),
        response_modes_supported: words(&["query"]),
        grant_types_supported: words(&[
            "authorization_code",
            "refresh_token",
            DEVICE_CODE,
            TOKEN_EXCHANGE,
        ]),
        code_challenge_methods_supported: words(&["S256"]),
        authorization_response_iss_parameter_supported: true,
        authorization_details_types_supported: words(&["ai_model_access"]),
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: words(&["none", "private_key_jwt"]),
        token_endpoint_auth_signing_alg_values_supported: words(&["ES256"]),
        dpop_signing_alg_values_supported: words(&["ES256"]),
        protected_resources: vec![url("v1/openai"), url("v1/anthropic")],
        okap_versions_supported: words(Version::SUPPORTED),
        okap_direct_endpoint: url("okap/authorize"),
        okap_limits_endpoint: url("okap/limits"),
        okap_grants_endpoint: url("okap/grants"),
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
