//! What must not be printed.

use std::fmt::Debug;

use okap_types::{
    Secret,
    form::Form,
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};

use crate::answers::{self, CANARY};

fn hides(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("Secret(…)"), "{text}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    hides(&Secret::from(CANARY));
    hides(&Secret::new(CANARY.to_owned()));
    hides(&Secret::new(CANARY.as_bytes().to_vec()));
    hides(&Secret::new(*b"okap_xx_canary"));
    hides(&Some(vec![Secret::from(CANARY)]));
    assert_eq!(Secret::from(CANARY).expose(), CANARY);
}

#[test]
fn no_answer_prints_its_secret() {
    hides(&answers::pending());
    hides(&answers::pending().continuation);
    hides(&answers::details_granted());
    hides(&answers::request_granted());
    hides(&answers::flat_granted());
    hides(&answers::flat_granted().token);
    hides(&answers::pushed_answer());
    hides(&answers::token_answer());
    hides(&answers::device_answer());
}

#[test]
fn no_request_prints_its_secret() {
    for (_, request) in answers::token_requests() {
        hides(&request);
        hides(&request.client_assertion());
    }
    hides(&answers::pushed_by_a_signer());
    hides(&answers::device_request_by_a_signer());
    hides(&answers::revocation_request());
    hides(&answers::introspection_request());
}

#[test]
fn a_form_prints_the_names_of_its_parameters_and_no_value() {
    let form = Form::parse(&format!("token={CANARY}&client_id={CANARY}")).unwrap();
    for text in [format!("{form:?}"), format!("{form:#?}")] {
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("token") && text.contains("client_id"), "{text}");
    }
    let twice = Form::parse(&format!("token={CANARY}&token={CANARY}")).unwrap_err();
    assert!(!twice.to_string().contains("canary"), "{twice}");
}

#[test]
fn no_token_prints_itself() {
    let random = Secret::new([0xa5; 32]);
    let bits = AccessToken::from_random(&random).expose()[8..].to_owned();
    for text in [
        format!("{:?}", AccessToken::from_random(&random)),
        format!("{:#?}", AuthorizationCode::from_random(&random)),
        format!("{:?}", ContinuationToken::from_random(&random)),
        format!("{:?}", RefreshToken::from_random(&random)),
        format!("{:?}", DeviceCode::from_random(&random)),
        format!("{random:?}"),
    ] {
        assert!(text.contains("Secret(…)"), "{text}");
        assert!(!text.contains(&bits[..8]) && !text.contains("165"), "{text}");
    }
}

#[test]
fn a_refused_token_is_not_in_the_error() {
    let token = AccessToken::from_random(&Secret::new([0xa5; 32]));
    let error = ContinuationToken::parse(token.expose()).unwrap_err();
    for text in [error.to_string(), format!("{error:?}")] {
        assert_eq!(text.find(&token.expose()[8..16]), None, "{text}");
    }
}

#[test]
fn a_secret_in_the_wrong_place_of_an_answer_is_not_in_the_error() {
    let text = serde_json::to_string(&answers::token_answer()).unwrap();
    let text = text.replace("\"expires_in\":3600", "\"expires_in\":true");
    let error = serde_json::from_str::<okap_types::oauth::TokenAnswer>(&text).unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
}
