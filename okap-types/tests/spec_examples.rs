//! The examples of `spec/okap.md` are real messages: valid under the schema that they name and
//! taken by the parser, or, where they are marked so, refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use okap_types::{
    ErrorBody, GrantRequest, GrantedAccess,
    access::parse_details,
    client_document::{ClientDocument, ClientIdUrl},
    form::Form,
    oauth::{
        DeviceAnswer, DeviceRequest, IntrospectionAnswer, IntrospectionRequest, Metadata,
        ProtectedResource, PushedAnswer, PushedRequest, RevocationRequest, TokenAnswer,
        TokenRequest,
    },
    request::ClientInfo,
    response::{Denied, DetailsGranted, FlatAnswer, Pending, RequestGranted},
    standing::{GrantAnswer, LimitsAnswer},
    strict::{Bounds, check},
    token::{AccessToken, AuthorizationCode, ContinuationToken, DeviceCode, RefreshToken},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

const TEXT: &str = include_str!("../../spec/okap.md");

/// A fenced block with a label that a machine reads.
struct Example {
    line: usize,
    form: bool,
    schema: Option<&'static str>,
    invalid: bool,
    body: String,
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut lines = TEXT.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, l)| l).take_while(|l| !l.starts_with("```")).collect();
        let mut words = info.split(' ');
        let form = match words.next() {
            Some("json") => false,
            Some("form") => true,
            Some("text" | "mermaid") => continue,
            other => panic!("line {}: a block of {other:?}", at + 1),
        };
        let mut example =
            Example { line: at + 1, form, schema: None, invalid: false, body: body.join("\n") };
        for word in words {
            match word.split_once('=') {
                Some(("schema", name)) if !form => example.schema = Some(name),
                Some(("message", name)) if form => example.schema = Some(name),
                None if word == "invalid" => example.invalid = true,
                _ => panic!("line {}: {word:?} says nothing here", at + 1),
            }
        }
        examples.push(example);
    }
    examples
}

fn validators() -> BTreeMap<&'static str, Validator> {
    let compiled = okap_types::schema::all().into_iter().map(|(name, schema)| {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        (name, options.build(&schema).unwrap_or_else(|e| panic!("{name}: {e}")))
    });
    compiled.collect()
}

fn refusal<T, E: ToString>(outcome: Result<T, E>) -> Result<(), String> {
    outcome.map(drop).map_err(|e| e.to_string())
}

fn answer<T: DeserializeOwned>(body: &str) -> Result<(), String> {
    refusal(serde_json::from_str::<T>(body))
}

/// What the parser says of a JSON message.
fn parsed(schema: &str, body: &str) -> Result<(), String> {
    match schema {
        "authorize-request.proposal" | "authorize-request.details" => {
            refusal(GrantRequest::parse_authorize(body.as_bytes()))
        }
        "flat-request" => refusal(GrantRequest::parse_flat(body.as_bytes())),
        "model-access" => refusal(parse_details(&format!("[{body}]"))),
        "client-info" => {
            let body = format!(
                "{{\"okap\":\"1.0\",\"request\":{{\"provider\":\"openai\"}},\"client\":{body}}}"
            );
            answer::<ClientInfo>(&body).and(refusal(GrantRequest::parse_authorize(body.as_bytes())))
        }
        "granted-access" => answer::<GrantedAccess>(body),
        "pending" => answer::<Pending>(body),
        "granted.request" => answer::<RequestGranted>(body),
        "granted.details" => answer::<DetailsGranted>(body),
        "denied" => answer::<Denied>(body),
        "flat-answer" => answer::<FlatAnswer>(body),
        "pushed-answer" => answer::<PushedAnswer>(body),
        "token-answer" => answer::<TokenAnswer>(body),
        "device-answer" => answer::<DeviceAnswer>(body),
        "introspection-answer" => answer::<IntrospectionAnswer>(body),
        "metadata" => answer::<Metadata>(body),
        "protected-resource" => answer::<ProtectedResource>(body),
        "client-document" => {
            let stands_at = serde_json::from_str::<Value>(body).unwrap()["client_id"].clone();
            let url = stands_at.as_str().unwrap_or_default().parse::<ClientIdUrl>().unwrap();
            refusal(ClientDocument::parse(&url, body.as_bytes()))
        }
        "limits" => answer::<LimitsAnswer>(body),
        "grant" => answer::<GrantAnswer>(body),
        "error" => answer::<ErrorBody>(body),
        other => panic!("no parser is known for {other}"),
    }
}

/// What the parser says of a form.
fn parsed_form(message: &str, form: &Form) -> Result<(), String> {
    if let Some(details) = form.opt("authorization_details") {
        refusal(parse_details(details))?;
    }
    match message {
        "pushed-request" => refusal(PushedRequest::from_form(form)),
        "device-request" => refusal(DeviceRequest::from_form(form)),
        "token-request" => refusal(TokenRequest::from_form(form)),
        "revocation-request" => refusal(RevocationRequest::from_form(form)),
        "introspection-request" => refusal(IntrospectionRequest::from_form(form)),
        other => panic!("no parser is known for the form {other}"),
    }
}

/// The message as a schema sees it, and what the parser says.
fn read(example: &Example) -> (Value, Result<(), String>) {
    if !example.form {
        let message = serde_json::from_str(&example.body)
            .unwrap_or_else(|e| panic!("line {}: {e}", example.line));
        let twice = check(example.body.as_bytes(), Bounds::MESSAGE);
        assert!(twice.is_ok(), "line {}: {twice:?}", example.line);
        return (message, example.schema.map_or(Ok(()), |name| parsed(name, &example.body)));
    }
    let text: String = example.body.lines().collect();
    let form = Form::parse(&text).unwrap_or_else(|e| panic!("line {}: {e}", example.line));
    let members: Map<String, Value> = url::form_urlencoded::parse(text.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    let name = example.schema.unwrap_or_else(|| panic!("line {}: which message?", example.line));
    (Value::Object(members), parsed_form(name, &form))
}

#[test]
fn every_example_is_what_it_says() {
    let validators = validators();
    let examples = examples();
    let (mut valid, mut refused) = (0, 0);
    for example in &examples {
        let at = example.line;
        let (message, parser) = read(example);
        let Some(name) = example.schema else {
            assert!(!example.invalid, "line {at}: invalid under which schema?");
            continue;
        };
        let validator =
            validators.get(name).unwrap_or_else(|| panic!("line {at}: no schema {name}"));
        let schema = validator.validate(&message).map_err(|e| e.to_string());
        if example.invalid {
            assert!(
                schema.is_err() || parser.is_err(),
                "line {at}: {name} takes what is marked invalid"
            );
            refused += 1;
        } else {
            assert_eq!(schema, Ok(()), "line {at}: the schema {name} refuses it");
            assert_eq!(parser, Ok(()), "line {at}: the parser refuses it");
            valid += 1;
        }
    }
    assert!(valid >= 30 && refused >= 10, "{valid} valid and {refused} refused examples are left");
}

#[test]
fn every_schema_has_an_example() {
    let shown: BTreeSet<_> =
        examples().iter().filter(|e| !e.invalid).filter_map(|e| e.schema).collect();
    let all: BTreeSet<_> = okap_types::schema::all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(all.difference(&shown).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn every_token_of_the_text_is_well_formed() {
    type Parse = fn(&str) -> bool;
    let kinds: [(&str, Parse); 5] = [
        (AccessToken::PREFIX, |t| AccessToken::parse(t).is_ok()),
        (RefreshToken::PREFIX, |t| RefreshToken::parse(t).is_ok()),
        (AuthorizationCode::PREFIX, |t| AuthorizationCode::parse(t).is_ok()),
        (DeviceCode::PREFIX, |t| DeviceCode::parse(t).is_ok()),
        (ContinuationToken::PREFIX, |t| ContinuationToken::parse(t).is_ok()),
    ];
    for (prefix, parses) in kinds {
        let mut seen = 0;
        for (at, _) in TEXT.match_indices(prefix) {
            let part_of_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let token: String = TEXT[at..].chars().take_while(|c| part_of_one(*c)).collect();
            if token == prefix {
                continue;
            }
            assert!(parses(&token), "{token}");
            seen += 1;
        }
        assert!(seen > 0, "no example of {prefix}");
    }
}
