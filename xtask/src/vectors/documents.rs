//! Client id metadata documents, as an app publishes them.

use okap_types::ErrorCode::InvalidClient;
use serde_json::{Value, json};

use super::messages::{Case, Wire};

const CLIENT: &str = "https://notes.example/okap.json";

/// The cases of the schema `client-document`; each document stands at [`CLIENT`].
pub(super) fn cases() -> Vec<Case> {
    // the key of RFC 9449
    let key = json!({
        "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    let full = json!({
        "client_id": CLIENT, "client_name": "Notes", "client_uri": "https://notes.example/",
        "redirect_uris": ["https://notes.example/cb"], "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": false,
    });
    let with = |member: &str, value: Value| {
        let mut document = full.clone();
        if let Some(members) = document.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
        document
    };
    let signs = |keys: Value| {
        let mut document = with("token_endpoint_auth_method", json!("private_key_jwt"));
        if let Some(members) = document.as_object_mut() {
            members.insert("jwks".to_owned(), json!({"keys": keys}));
        }
        document
    };
    let key_with = |member: &str, value: Value| {
        let mut key = key.clone();
        if let Some(members) = key.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
        json!([key])
    };
    let mut all: Vec<_> = [
        ("as an app publishes it", full.clone()),
        ("client_id alone", json!({"client_id": CLIENT})),
        ("an app that signs", signs(json!([key]))),
        ("a key with its name and use", signs(key_with("kid", json!("2026-11")))),
        ("eight keys", signs(json!(vec![&key; 8]))),
        ("a member of a later version", with("added_later", json!({"by": [1]}))),
        ("members that mean nothing here", with("grant_types", json!(["implicit"]))),
        (
            "on the user's own computer",
            with("redirect_uris", json!(["http://127.0.0.1/cb", "http://[::1]:3000/cb"])),
        ),
        ("private-use scheme", with("redirect_uris", json!(["com.example.notes:/cb"]))),
        ("16 redirect URIs", with("redirect_uris", addresses(16))),
        ("tokens bound to a key", with("dpop_bound_access_tokens", json!(true))),
    ]
    .into_iter()
    .map(|(name, document)| Case::valid(name, document, "parses"))
    .collect();

    for (name, document, why) in [
        ("client_id missing", json!({"client_name": "Notes"}), "a required member is missing"),
        ("client_id null", with("client_id", Value::Null), "a member has the wrong type"),
        (
            "client_id over http",
            with("client_id", json!("http://notes.example/okap.json")),
            "client_id is an https address",
        ),
        (
            "client_id without a path",
            with("client_id", json!("https://notes.example/")),
            "client_id has a path",
        ),
        ("client_name null", with("client_name", Value::Null), "a member has the wrong type"),
        (
            "client_uri javascript",
            with("client_uri", json!("javascript:alert(1)")),
            "http or https",
        ),
        (
            "redirect_uris a text",
            with("redirect_uris", json!("https://notes.example/cb")),
            "a member has the wrong type",
        ),
        ("17 redirect URIs", with("redirect_uris", addresses(17)), "at most 16"),
        (
            "redirect over http",
            with("redirect_uris", json!(["http://notes.example/cb"])),
            "http on the user's own computer only",
        ),
        (
            "redirect javascript",
            with("redirect_uris", json!(["javascript:alert(1)"])),
            "no such scheme",
        ),
        ("redirect data", with("redirect_uris", json!(["data:text/html,x"])), "no such scheme"),
        (
            "redirect with a fragment",
            with("redirect_uris", json!(["https://notes.example/cb#x"])),
            "no fragment",
        ),
        (
            "client secret method",
            with("token_endpoint_auth_method", json!("client_secret_basic")),
            "none or private_key_jwt",
        ),
        ("client secret", with("client_secret", json!("x")), "no secrets in public"),
        (
            "jwks_uri",
            with("jwks_uri", json!("https://notes.example/keys")),
            "keys stand in the document",
        ),
        ("no key", signs(json!([])), "one to eight keys"),
        ("nine keys", signs(json!(vec![&key; 9])), "one to eight keys"),
        (
            "bound tokens as a text",
            with("dpop_bound_access_tokens", json!("true")),
            "a member has the wrong type",
        ),
    ] {
        all.push(Case::refused(name, document, Some(InvalidClient), why));
    }
    let parser_only = |name: &str, document: Value, why: &str| Case {
        structural: false,
        ..Case::refused(name, document, Some(InvalidClient), why)
    };
    all.extend([
        parser_only(
            "another client_id",
            with("client_id", json!("https://other.example/okap.json")),
            "client_id is the document's own address",
        ),
        parser_only(
            "a private key",
            signs(key_with("d", json!("AQ"))),
            "no private keys in public",
        ),
        parser_only(
            "a key of another curve",
            signs(key_with("crv", json!("P-384"))),
            "keys are of P-256",
        ),
        parser_only(
            "a key for another algorithm",
            signs(key_with("alg", json!("RS256"))),
            "keys are for ES256",
        ),
        parser_only(
            "private_key_jwt without keys",
            with("token_endpoint_auth_method", json!("private_key_jwt")),
            "who signs has a key",
        ),
    ]);
    let twice = full.to_string().replacen('{', &format!("{{\"client_id\":{CLIENT:?},"), 1);
    all.push(Case {
        wire: Wire::Text(twice),
        ..parser_only("client_id twice", Value::Null, "no member stands twice")
    });
    all
}

fn addresses(count: usize) -> Value {
    (0..count).map(|at| format!("https://notes.example/cb/{at}")).collect()
}
