//! The vectors of `spec/vectors`, read back through the parsers.

use std::{fs, path::Path};

use okap_types::{
    ClientDocument, ErrorBody, ErrorCode, GrantRequest, GrantedAccess, Money, ParseError,
    Timestamp, UserCode,
    access::parse_details,
    form::Form,
    oauth::{
        DeviceAnswer, DeviceRequest, IntrospectionAnswer, IntrospectionRequest, Metadata,
        ProtectedResource, PushedAnswer, PushedRequest, RevocationRequest, TokenAnswer,
        TokenRequest,
    },
    response::{Denied, DetailsGranted, FlatAnswer, Pending, RequestGranted},
    standing::{GrantAnswer, LimitsAnswer},
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    file(name)["cases"].as_array().unwrap().clone()
}

/// Every file of messages: the schema's name and its cases.
fn messages() -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/messages");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let named = |name: String| {
        (name.trim_end_matches(".json").to_owned(), cases(&format!("messages/{name}")))
    };
    names.into_iter().map(named).collect()
}

/// The bytes of a case as they come in.
fn bytes(case: &Value) -> Vec<u8> {
    if let Some(hex) = case["hex"].as_str() {
        let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        return pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    }
    match case["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => case["message"].to_string().into_bytes(),
    }
}

fn answer<T: DeserializeOwned>(case: &Value) -> Result<(), Option<ErrorCode>> {
    serde_json::from_slice::<T>(&bytes(case)).map(drop).map_err(|_| None)
}

/// Reads a case as the message that the schema describes; on a refusal its code, where it has one.
fn read(schema: &str, case: &Value) -> Result<(), Option<ErrorCode>> {
    let code = |outcome: Result<(), ParseError>| outcome.map_err(|e| Some(e.code()));
    let form = |of: fn(&Form) -> Result<(), ParseError>| {
        let text = match case["text"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                let members = case["message"].as_object().unwrap();
                let pairs = members.iter().map(|(name, value)| (name, value.as_str().unwrap()));
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs).finish()
            }
        };
        code(Form::parse(&text).and_then(|form| of(&form)))
    };
    match schema {
        "authorize-request.proposal" | "authorize-request.details" => {
            code(GrantRequest::parse_authorize(&bytes(case)).map(drop))
        }
        "flat-request" => code(GrantRequest::parse_flat(&bytes(case)).map(drop)),
        "model-access" => {
            let text = String::from_utf8(bytes(case)).unwrap();
            code(parse_details(&format!("[{text}]")).map(drop))
        }
        "client-info" => {
            let message = json!({"okap": "1.0", "request": {"provider": "openai"}, "client": case["message"]});
            code(GrantRequest::parse_authorize(message.to_string().as_bytes()).map(drop))
        }
        "pushed-request" => form(|f| PushedRequest::from_form(f).map(drop)),
        "token-request" => form(|f| TokenRequest::from_form(f).map(drop)),
        "device-request" => form(|f| DeviceRequest::from_form(f).map(drop)),
        "revocation-request" => form(|f| RevocationRequest::from_form(f).map(drop)),
        "introspection-request" => form(|f| IntrospectionRequest::from_form(f).map(drop)),
        "client-document" => {
            let url = "https://notes.example/okap.json".parse().unwrap();
            let read = ClientDocument::parse(&url, &bytes(case));
            read.map(drop).map_err(|_| Some(ErrorCode::InvalidClient))
        }
        "granted-access" => answer::<GrantedAccess>(case),
        "pending" => answer::<Pending>(case),
        "granted.request" => answer::<RequestGranted>(case),
        "granted.details" => answer::<DetailsGranted>(case),
        "denied" => answer::<Denied>(case),
        "flat-answer" => answer::<FlatAnswer>(case),
        "pushed-answer" => answer::<PushedAnswer>(case),
        "token-answer" => answer::<TokenAnswer>(case),
        "device-answer" => answer::<DeviceAnswer>(case),
        "introspection-answer" => answer::<IntrospectionAnswer>(case),
        "metadata" => answer::<Metadata>(case),
        "protected-resource" => answer::<ProtectedResource>(case),
        "limits" => answer::<LimitsAnswer>(case),
        "grant" => answer::<GrantAnswer>(case),
        "error" => answer::<ErrorBody>(case),
        other => panic!("no reader for {other}"),
    }
}

/// Whether the vectors hold what apps send: a vault that lets it in is wrong. What a vault sends
/// may be read more forgivingly.
fn is_sent_to_the_vault(schema: &str) -> bool {
    let sent = schema.ends_with("-request") || schema.starts_with("authorize-request");
    sent || ["model-access", "client-info", "client-document"].contains(&schema)
}

#[test]
fn every_message_is_read_or_refused_with_its_code() {
    let mut forgiven = Vec::new();
    let mut seen = 0;
    for (schema, cases) in messages() {
        for case in cases {
            let at = format!("{schema}: {}", case["name"].as_str().unwrap());
            let code = case["code"].as_str().map(|text| ErrorCode::find(text).unwrap());
            match (case["valid"].as_bool().unwrap(), read(&schema, &case)) {
                (true, outcome) => assert_eq!(outcome, Ok(()), "{at}"),
                (false, Err(found)) => assert_eq!(found, code, "{at}"),
                (false, Ok(())) => forgiven.push(at),
            }
            seen += 1;
        }
    }
    assert!(seen > 1_500, "the vectors have lost cases: {seen}");
    // a list that is exact: what these readers let pass, and somebody behind them has to see
    let (requests, answers): (Vec<_>, Vec<_>) =
        forgiven.into_iter().partition(|at| is_sent_to_the_vault(at.split(": ").next().unwrap()));
    insta::assert_json_snapshot!("left_to_the_engine", requests);
    insta::assert_json_snapshot!("answers_read_forgivingly", answers);
}

#[test]
fn every_token_is_read_as_its_kind_alone() {
    for case in cases("tokens.json") {
        let token = case["token"].as_str().unwrap();
        let parses = match case["kind"].as_str().unwrap() {
            "access_token" => AccessToken::parse(token).is_ok(),
            "refresh_token" => RefreshToken::parse(token).is_ok(),
            "authorization_code" => AuthorizationCode::parse(token).is_ok(),
            "device_code" => DeviceCode::parse(token).is_ok(),
            "continuation_token" => ContinuationToken::parse(token).is_ok(),
            other => panic!("{other}"),
        };
        assert_eq!(parses, case["valid"], "{case}");
    }
}

#[test]
fn every_user_code_is_read_or_refused() {
    for case in cases("user-codes.json") {
        let code = UserCode::parse(case["typed"].as_str().unwrap());
        assert_eq!(json!(code.map(|c| c.to_string())), case["code"], "{case}");
    }
}

#[test]
fn every_amount_is_read_or_refused_in_both_forms() {
    for case in cases("money.json") {
        let text = case["text"].as_str().unwrap();
        let mut read =
            vec![text.parse::<Money>().ok(), serde_json::from_value::<Money>(json!(text)).ok()];
        if case["json_number"] == true {
            read.push(serde_json::from_str::<Money>(text).ok());
        }
        for money in read {
            assert_eq!(json!(money.map(Money::micros)), case["micros"], "{case}");
            assert_eq!(money.map(|m| m.to_string()).as_deref(), case["written"].as_str());
        }
    }
}

#[test]
fn every_moment_is_read_or_refused() {
    for case in cases("timestamps.json") {
        let moment = case["text"].as_str().unwrap().parse::<Timestamp>().ok();
        assert_eq!(json!(moment.map(Timestamp::unix_millis)), case["unix_millis"], "{case}");
        assert_eq!(moment.map(|m| m.to_string()).as_deref(), case["written"].as_str(), "{case}");
    }
}

#[test]
fn every_refusal_has_a_reason_and_every_code_is_known() {
    for (schema, cases) in messages() {
        assert!(cases.iter().any(|c| c["valid"] == true), "{schema} has no valid message");
        assert!(cases.iter().any(|c| c["valid"] == false), "{schema} has no refusal");
        for case in cases {
            assert!(!case["why"].as_str().unwrap().is_empty(), "{case}");
            let ways = ["message", "text", "hex"].iter().filter(|w| case.get(w).is_some()).count();
            assert_eq!(ways, 1, "{case}");
            assert!(case["valid"] == false || case["code"].is_null(), "{case}");
        }
    }
}
