//! What a vault publishes of itself.

use okap_types::{
    Capability, Provider, Version,
    oauth::{DEVICE_CODE, Metadata, ProtectedResource, TOKEN_EXCHANGE},
};

use super::some;

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
        authorization_endpoint: Some(url("okap/authorize")),
        token_endpoint: Some(url("okap/token")),
        pushed_authorization_request_endpoint: Some(url("okap/par")),
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
