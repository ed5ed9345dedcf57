//! What is answered to a request that comes to OKAP's own endpoints.

use okap_types::{
    ErrorCode, Version,
    response::{
        Continue, Denied, DetailsGranted, FlatAnswer, FlatToken, Pending, RequestGranted, Status,
        TokenType,
    },
};

use super::{everything_granted, granted_access, secret};

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
