//! What passes at the token endpoint.

use okap_types::{
    oauth::{ACCESS_TOKEN_TYPE, JWT_BEARER, TokenAnswer, TokenRequest},
    response::TokenType,
};

use super::{DETAILS, PUBLISHED, THUMBPRINT, granted_access, secret, some};

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
