//! What passes at the OAuth endpoints but the one for tokens.

use okap_types::{
    AppName, ClientInfo,
    oauth::{
        Confirmation, DeviceAnswer, DeviceRequest, IntrospectionAnswer, IntrospectionRequest,
        JWT_BEARER, LOCAL_CLIENT, PushedAnswer, PushedRequest, RevocationRequest,
    },
    response::TokenType,
};

use super::{DETAILS, PUBLISHED, THUMBPRINT, granted_access, secret, some};

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
