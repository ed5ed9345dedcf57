//! Forms, and the OAuth messages that are read from them.

use okap_types::{
    ErrorCode, ParseError,
    form::Form,
    oauth::{
        ACCESS_TOKEN_TYPE, DEVICE_CODE, DeviceRequest, IntrospectionRequest, JWT_BEARER,
        PushedRequest, RevocationRequest, TOKEN_EXCHANGE, TokenRequest,
    },
};
use proptest::prelude::*;
use serde_json::Value;

use crate::answers;

/// Writes the members of a message as a form.
fn form(message: &Value) -> String {
    let members = message.as_object().unwrap();
    let pairs = members.iter().map(|(name, value)| (name, value.as_str().unwrap()));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Reads a form as the message that this schema describes, and gives it back as JSON.
fn read(schema: &str, text: &str) -> Result<Value, ParseError> {
    let form = Form::parse(text)?;
    let json = match schema {
        "pushed-request" => serde_json::to_value(PushedRequest::from_form(&form)?),
        "token-request" => serde_json::to_value(TokenRequest::from_form(&form)?),
        "device-request" => serde_json::to_value(DeviceRequest::from_form(&form)?),
        "revocation-request" => serde_json::to_value(RevocationRequest::from_form(&form)?),
        "introspection-request" => serde_json::to_value(IntrospectionRequest::from_form(&form)?),
        other => panic!("{other} is no form"),
    };
    Ok(json.unwrap())
}

fn messages() -> impl Iterator<Item = (&'static str, &'static str, Value)> {
    let is_form = |schema: &str| schema.ends_with("-request");
    answers::all().into_iter().filter(move |(_, schema, _)| is_form(schema))
}

fn refusal(schema: &str, text: &str) -> ErrorCode {
    match read(schema, text) {
        Ok(message) => panic!("{text} was read as {message}"),
        Err(error) => error.code(),
    }
}

#[test]
fn every_message_is_read_from_the_form_that_it_is_written_as() {
    assert_eq!(messages().count(), 10);
    for (name, schema, message) in messages() {
        assert_eq!(read(schema, &form(&message)), Ok(message), "{name}");
    }
}

#[test]
fn parameters_that_nobody_knows_are_ignored() {
    for (name, schema, message) in messages() {
        let more = format!("{}&prompt=login&scope=", form(&message));
        assert_eq!(read(schema, &more), Ok(message), "{name}");
    }
}

#[test]
fn a_parameter_that_stands_twice_is_refused_even_with_the_same_value() {
    for (name, schema, message) in messages() {
        let text = form(&message);
        for pair in text.split('&') {
            let twice = format!("{text}&{pair}");
            assert_eq!(refusal(schema, &twice), ErrorCode::InvalidRequest, "{name} {pair}");
        }
        // and one that nobody knows, and one without a value, and one written in another way
        for more in ["x=1&x=2", "x&x=", "x=1&%78=1"] {
            let twice = format!("{text}&{more}");
            assert_eq!(refusal(schema, &twice), ErrorCode::InvalidRequest, "{name} {more}");
        }
    }
}

#[test]
fn a_parameter_without_a_value_is_absent() {
    for (name, schema, message) in messages() {
        for member in message.as_object().unwrap().keys() {
            let (mut empty, mut without) = (message.clone(), message.clone());
            empty[member] = "".into();
            without.as_object_mut().unwrap().remove(member);
            let (empty, without) = (read(schema, &form(&empty)), read(schema, &form(&without)));
            assert_eq!(empty, without, "{name} {member}");
        }
    }
}

#[test]
fn a_member_that_has_to_be_there_is_named_where_it_is_missing() {
    for (schema, form, missing) in [
        ("token-request", "", "grant_type"),
        ("token-request", "grant_type=authorization_code&redirect_uri=r&client_id=c", "code"),
        ("token-request", "grant_type=authorization_code&code=c&client_id=c", "redirect_uri"),
        ("token-request", "grant_type=authorization_code&code=c&redirect_uri=r", "client_id"),
        ("token-request", "grant_type=refresh_token&client_id=c", "refresh_token"),
        ("token-request", "grant_type=refresh_token&refresh_token=r", "client_id"),
        ("device-request", "client_id=c", "authorization_details"),
        ("device-request", "authorization_details=[]", "client_id"),
        ("revocation-request", "client_id=c", "token"),
        ("introspection-request", "token_type_hint=access_token", "token"),
        ("pushed-request", "response_type=code", "client_id"),
    ] {
        let error = read(schema, form).unwrap_err();
        let text = format!("{missing} is missing");
        assert_eq!(error, ParseError::InvalidRequest(text), "{schema}: {form}");
    }
}

#[test]
fn a_grant_type_that_is_not_known_has_a_code_of_its_own() {
    for other in ["password", "client_credentials", "implicit", "Authorization_Code", "device_code"]
    {
        let text = format!("grant_type={other}&client_id=c&code=c&redirect_uri=r");
        assert_eq!(refusal("token-request", &text), ErrorCode::UnsupportedGrantType, "{other}");
    }
    let error = read("token-request", "grant_type=password").unwrap_err();
    assert!(error.to_string().contains("token-exchange"), "{error}");
    let text = format!("grant_type={DEVICE_CODE}&client_id=c&device_code=d");
    assert!(read("token-request", &text).is_ok());
}

#[test]
fn an_exchange_takes_access_tokens_and_no_actor() {
    let good = format!(
        "grant_type={TOKEN_EXCHANGE}&subject_token=t&subject_token_type={ACCESS_TOKEN_TYPE}"
    );
    let read_good = read("token-request", &good);
    assert!(read_good.is_ok(), "{read_good:?}");
    assert_eq!(read("token-request", &format!("{good}&actor_token=")), read_good);
    for more in [
        "actor_token=t",
        "actor_token_type=urn:ietf:params:oauth:token-type:access_token",
        "audience=https://vault.example",
        "requested_token_type=urn:ietf:params:oauth:token-type:refresh_token",
        "requested_token_type=urn:ietf:params:oauth:token-type:jwt",
        "dpop_jkt=short",
    ] {
        let text = format!("{good}&{more}");
        assert_eq!(refusal("token-request", &text), ErrorCode::InvalidRequest, "{more}");
    }
    let jwt = good.replace("access_token", "jwt");
    assert_eq!(refusal("token-request", &jwt), ErrorCode::InvalidRequest);
    let without = format!("grant_type={TOKEN_EXCHANGE}&subject_token=t");
    assert_eq!(refusal("token-request", &without), ErrorCode::InvalidRequest);
}

#[test]
fn an_assertion_and_its_type_come_together() {
    for (name, schema, message) in messages().filter(|m| m.1 != "introspection-request") {
        let mut bare = message;
        let members = bare.as_object_mut().unwrap();
        members.remove("client_assertion");
        members.remove("client_assertion_type");
        let bare = form(&bare);
        assert!(read(schema, &bare).is_ok(), "{name}");
        let both = format!("client_assertion=a.b.c&client_assertion_type={JWT_BEARER}");
        assert!(read(schema, &format!("{bare}&{both}")).is_ok(), "{name}");
        for more in [
            "client_assertion=a.b.c".to_owned(),
            format!("client_assertion_type={JWT_BEARER}"),
            format!("client_assertion=&client_assertion_type={JWT_BEARER}"),
            both.replace("jwt-bearer", "saml2-bearer"),
        ] {
            let text = format!("{bare}&{more}");
            assert_eq!(refusal(schema, &text), ErrorCode::InvalidRequest, "{name} {more}");
        }
    }
}

#[test]
fn a_thumbprint_has_43_characters_of_base64url() {
    let pushed = form(&serde_json::to_value(answers::pushed_request()).unwrap());
    let with = |jkt: &str| read("pushed-request", &format!("{pushed}&dpop_jkt={jkt}"));
    assert!(with(answers::THUMBPRINT).is_ok());
    let long = format!("{}A", answers::THUMBPRINT);
    let short = &answers::THUMBPRINT[1..];
    let other = answers::THUMBPRINT.replace('-', "%2B");
    let padded = format!("{short}%3D");
    for bad in [long.as_str(), short, &other, &padded] {
        assert_eq!(with(bad).unwrap_err().code(), ErrorCode::InvalidRequest, "{bad}");
    }
}

#[test]
fn a_pushed_request_holds_no_request_object_and_no_other_pushed_request() {
    let pushed = form(&serde_json::to_value(answers::pushed_request()).unwrap());
    assert!(read("pushed-request", &pushed).is_ok());
    for more in ["request=eyJ.e30.x", "request_uri=urn:x"] {
        let text = format!("{pushed}&{more}");
        assert_eq!(refusal("pushed-request", &text), ErrorCode::InvalidRequest, "{more}");
    }
}

#[test]
fn a_token_request_says_who_calls_and_with_what() {
    for (name, request) in answers::token_requests() {
        assert_eq!(request.client_id(), Some("https://notes.example/okap.json"), "{name}");
        assert_eq!(request.client_assertion().map(|a| a.expose()), Some(answers::CANARY), "{name}");
        let details = request.authorization_details().unwrap();
        assert!(details.contains("ai_model_access"), "{name}");
    }
    let text = format!(
        "grant_type={TOKEN_EXCHANGE}&subject_token=t&subject_token_type={ACCESS_TOKEN_TYPE}"
    );
    let nobody = TokenRequest::from_form(&Form::parse(&text).unwrap()).unwrap();
    assert_eq!(nobody.client_id(), None);
    assert!(nobody.client_assertion().is_none());
    assert_eq!(nobody.authorization_details(), None);
}

#[test]
fn sixty_four_parameters_are_read_and_no_more() {
    let many = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
    assert!(Form::parse(&many(64)).is_ok());
    assert!(matches!(Form::parse(&many(65)), Err(ParseError::InvalidRequest(_))));
    assert!(Form::parse("").is_ok());
}

#[test]
fn a_parameters_name_is_shown_short_and_plain() {
    let name = format!("{}%E2%80%AE%00%1B[31m", "x".repeat(40_000));
    let text = Form::parse(&format!("{name}=1&{name}=2")).unwrap_err().to_string();
    assert!(text.len() < 200, "{} bytes", text.len());
    let text = Form::parse("%E2%80%AE%00=1&%E2%80%AE%00=2").unwrap_err().to_string();
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
}

proptest! {
    #[test]
    fn what_is_written_as_a_form_is_read_as_it_was(pairs in prop::collection::btree_map(".{1,8}", ".{1,20}", 0..8)) {
        let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let form = Form::parse(&text).unwrap();
        for (name, value) in &pairs {
            prop_assert_eq!(form.opt(name), Some(value.as_str()));
            prop_assert_eq!(form.want(name), Ok(value.as_str()));
        }
    }

    #[test]
    fn no_text_makes_the_form_parsers_panic(text in "[a-z_&=%0-9+;é]{0,80}") {
        for (_, schema, _) in messages() {
            let _ = read(schema, &text);
            let _ = read(schema, &format!("grant_type=refresh_token&client_id=c&{text}"));
        }
    }
}
