//! What a pushed request has to say before anything is stored.

use okap_engine::{flow, record::Back};
use okap_types::{ErrorCode, oauth::PushedRequest};

use crate::{
    host::{CHALLENGE, LOCAL, REDIRECT},
    support::{asked, local, noon, profile, seed},
};

fn form() -> PushedRequest {
    PushedRequest {
        client_id: LOCAL.into(),
        client_name: None,
        response_type: "code".into(),
        redirect_uri: REDIRECT.into(),
        code_challenge: CHALLENGE.into(),
        code_challenge_method: "S256".into(),
        authorization_details: serde_json::to_string(&[asked()]).unwrap(),
        state: None,
        resource: None,
        dpop_jkt: None,
        client_assertion_type: None,
        client_assertion: None,
    }
}

/// The key that the code shall be bound to.
fn opened(form: &PushedRequest, proven: Option<&str>) -> Result<Option<String>, ErrorCode> {
    let step = flow::pushed(&profile(), form, local(), proven, None, noon(), &seed(1));
    match step.map_err(|e| e.code)?.reply.interaction.back {
        Back::Redirect { key, .. } => Ok(key),
        other => panic!("{other:?}"),
    }
}

#[test]
fn v19_v20_a_request_has_a_code_and_an_s256_challenge() {
    assert_eq!(opened(&form(), None), Ok(None));
    let plain = PushedRequest { code_challenge_method: "plain".into(), ..form() };
    assert_eq!(opened(&plain, None), Err(ErrorCode::InvalidRequest));
    for challenge in [&CHALLENGE[1..], &format!("{CHALLENGE}a"), &CHALLENGE.replace('-', "+")] {
        let with = PushedRequest { code_challenge: challenge.to_owned(), ..form() };
        assert_eq!(opened(&with, None), Err(ErrorCode::InvalidRequest), "{challenge}");
    }
    let implicit = PushedRequest { response_type: "token".into(), ..form() };
    assert_eq!(opened(&implicit, None), Err(ErrorCode::UnsupportedResponseType));
}

#[test]
fn a_state_has_at_most_512_bytes() {
    for (bytes, fits) in [(512, true), (513, false)] {
        let with = PushedRequest { state: Some("s".repeat(bytes)), ..form() };
        assert_eq!(opened(&with, None).is_ok(), fits);
    }
}

#[test]
fn v116_a_proof_and_a_thumbprint_name_one_key() {
    let named = |jkt: &str| PushedRequest { dpop_jkt: Some(jkt.into()), ..form() };
    assert_eq!(opened(&named("key"), None), Ok(Some("key".into())));
    assert_eq!(opened(&form(), Some("key")), Ok(Some("key".into())));
    assert_eq!(opened(&named("key"), Some("key")), Ok(Some("key".into())));
    assert_eq!(opened(&named("key"), Some("other key")), Err(ErrorCode::InvalidRequest));
}

#[test]
fn a_resource_is_the_vault_or_a_provider_that_is_asked_for() {
    for (resource, fits) in [
        ("https://vault.example", true),
        ("https://vault.example/v1/openai", true),
        ("https://vault.example/", false),
        ("https://vault.example/v1/openai/", false),
        ("https://vault.example/v1/anthropic", false),
        ("https://other.example", false),
        ("", false),
    ] {
        let with = PushedRequest { resource: Some(resource.into()), ..form() };
        let expected = if fits { Ok(None) } else { Err(ErrorCode::InvalidTarget) };
        assert_eq!(opened(&with, None), expected, "{resource}");
    }
}
