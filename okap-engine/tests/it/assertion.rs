use okap_engine::{
    assertion::{Assertion, Authenticated, InvalidAssertion, Used},
    record::{Change, Expect, Key, Record},
};
use okap_types::ClientDocument;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    signer::{signer, verify, with},
    support::noon,
};

const CLIENT: &str = "https://notes.example/okap.json";
const ISSUER: &str = "https://vault.example";

fn document(change: impl FnOnce(Value) -> Value) -> ClientDocument {
    let document = json!({
        "client_id": CLIENT,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [
            with(&signer(1).jwk(), "kid", json!("one")),
            with(&signer(2).jwk(), "kid", json!("two")),
        ]},
    });
    let document = change(document);
    let url = document["client_id"].as_str().unwrap().parse().unwrap();
    ClientDocument::parse(&url, document.to_string().as_bytes()).unwrap()
}

fn header() -> Value {
    json!({"alg": "ES256"})
}

fn claims() -> Value {
    let now = noon().unix_seconds();
    json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": "a"})
}

fn check_text(text: &str) -> Result<Authenticated, InvalidAssertion> {
    Assertion::read(text)?.check(&document(|d| d), ISSUER, noon(), &verify)
}

fn check(header: &Value, claims: &Value) -> Result<Authenticated, InvalidAssertion> {
    check_text(&signer(1).sign(header, claims))
}

fn replay_key(authenticated: Authenticated) -> Key {
    match authenticated.replay {
        Change::Put { key, expect: Expect::Absent, .. } => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_assertion_says_who_the_client_is() {
    let text = signer(1).sign(&header(), &claims());
    assert_eq!(Assertion::read(&text).unwrap().claimed().as_str(), CLIENT);
    assert_eq!(check_text(&text).unwrap().client_id.as_str(), CLIENT);
    for typ in ["JWT", "client-authentication+jwt"] {
        assert!(check(&with(&header(), "typ", json!(typ)), &claims()).is_ok(), "{typ}");
    }
    assert!(check(&header(), &with(&claims(), "iat", json!(null))).is_ok());
}

#[test]
fn v27_an_assertion_counts_once() {
    let now = noon().unix_seconds();
    let of = |claims: &Value| replay_key(check(&header(), claims).unwrap());
    let first = of(&claims());
    assert!(first.as_str().starts_with("assertion/"));
    assert_eq!(first, of(&claims()));
    // the name counts, not the text: the same jti in a new assertion is a replay
    assert_eq!(first, of(&with(&claims(), "exp", json!(now + 61))));
    assert_ne!(first, of(&with(&claims(), "jti", json!("b"))));
    let Change::Put { bytes: Some(bytes), forget_after, .. } =
        check(&header(), &claims()).unwrap().replay
    else {
        panic!("a mark, not a row")
    };
    let used: Used = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(used.forget_after(), forget_after);
    assert!(forget_after.unwrap() > noon().plus_seconds(60));
}

#[test]
fn v27_the_same_name_of_two_clients_is_no_replay() {
    let other = "https://other.example/okap.json";
    let theirs = with(&with(&claims(), "iss", json!(other)), "sub", json!(other));
    let theirs = Assertion::read(&signer(1).sign(&header(), &theirs)).unwrap();
    let document = document(|d| with(&d, "client_id", json!(other)));
    let theirs = theirs.check(&document, ISSUER, noon(), &verify).unwrap();
    assert_ne!(replay_key(theirs), replay_key(check(&header(), &claims()).unwrap()));
}

#[test]
fn v28_only_the_issuer_as_one_string_is_the_audience() {
    assert!(check(&header(), &claims()).is_ok());
    for aud in [
        json!("https://vault.example/okap/token"),
        json!("https://vault.example/okap/par"),
        json!("https://vault.example/"),
        json!("https://other.example"),
        json!([ISSUER]),
        json!([ISSUER, "https://other.example"]),
        json!([]),
        json!(null),
        json!(""),
    ] {
        assert!(check(&header(), &with(&claims(), "aud", aud.clone())).is_err(), "{aud}");
    }
}

#[test]
fn it_ends_within_the_next_300_s() {
    let now = noon().unix_seconds();
    let exp = |exp: Value| check(&header(), &with(&claims(), "exp", exp));
    for fine in [1, 60, 300] {
        assert!(exp(json!(now + fine)).is_ok(), "{fine}");
    }
    for wrong in [-60, -1, 0, 301, 3600] {
        assert!(exp(json!(now + wrong)).is_err(), "{wrong}");
    }
    for wrong in [json!(null), json!((now + 60).to_string()), json!(1e300), json!(-1)] {
        assert!(exp(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn it_is_not_from_the_future() {
    let now = noon().unix_seconds();
    for member in ["iat", "nbf"] {
        let at = |value: Value| check(&header(), &with(&claims(), member, value));
        assert!(at(json!(now - 3600)).is_ok(), "{member}");
        assert!(at(json!(now + 60)).is_ok(), "{member}");
        assert!(at(json!(now + 61)).is_err(), "{member}");
        assert!(at(json!("now")).is_err(), "{member}");
    }
}

#[test]
fn issuer_and_subject_are_the_client() {
    assert!(check(&header(), &claims()).is_ok());
    for (member, wrong) in [
        ("iss", json!("https://other.example/okap.json")),
        ("sub", json!("https://other.example/okap.json")),
        ("iss", json!(null)),
        ("sub", json!(null)),
        ("sub", json!("user")),
    ] {
        assert!(check(&header(), &with(&claims(), member, wrong.clone())).is_err(), "{wrong}");
    }
    // not an address that a document could stand at
    for id in ["http://localhost", "notes", "https://notes.example/"] {
        let claims = with(&with(&claims(), "iss", json!(id)), "sub", json!(id));
        assert!(check(&header(), &claims).is_err(), "{id}");
    }
    // another client's assertion with the document of this one
    let other = "https://other.example/okap.json";
    let theirs = with(&with(&claims(), "iss", json!(other)), "sub", json!(other));
    assert!(check(&header(), &theirs).is_err());
}

#[test]
fn a_key_of_the_document_signs() {
    assert!(check_text(&signer(1).sign(&header(), &claims())).is_ok());
    assert!(check_text(&signer(2).sign(&header(), &claims())).is_ok());
    assert!(check_text(&signer(3).sign(&header(), &claims())).is_err());
    // a key that the assertion brings along is nobody's
    let brought = with(&header(), "jwk", signer(3).jwk());
    assert!(check_text(&signer(3).sign(&brought, &claims())).is_err());
}

#[test]
fn a_key_that_is_named_is_the_one() {
    let named = |kid: &str| with(&header(), "kid", json!(kid));
    assert!(check_text(&signer(1).sign(&named("one"), &claims())).is_ok());
    assert!(check_text(&signer(2).sign(&named("two"), &claims())).is_ok());
    assert!(check_text(&signer(1).sign(&named("two"), &claims())).is_err());
    assert!(check_text(&signer(1).sign(&named("three"), &claims())).is_err());
    assert!(check_text(&signer(1).sign(&named(""), &claims())).is_err());
}

#[test]
fn a_client_without_that_method_has_no_assertion() {
    let assertion = Assertion::read(&signer(1).sign(&header(), &claims())).unwrap();
    let with_keys = document(|d| d);
    assert!(assertion.check(&with_keys, ISSUER, noon(), &verify).is_ok());
    let public = document(|d| with(&d, "token_endpoint_auth_method", json!("none")));
    assert!(assertion.check(&public, ISSUER, noon(), &verify).is_err());
}

#[test]
fn another_type_algorithm_or_extension_is_refused() {
    assert!(check(&header(), &claims()).is_ok());
    for (member, wrong) in [
        ("typ", json!("dpop+jwt")),
        ("typ", json!("at+jwt")),
        ("typ", json!("")),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("crit", json!(["exp"])),
        ("kid", json!(1)),
    ] {
        assert!(check(&with(&header(), member, wrong.clone()), &claims()).is_err(), "{wrong}");
    }
    for (member, wrong) in [
        ("jti", json!(null)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(129))),
        ("jti", json!(1)),
    ] {
        assert!(check(&header(), &with(&claims(), member, wrong.clone())).is_err(), "{wrong}");
    }
    assert!(check(&header(), &with(&claims(), "jti", json!("x".repeat(128)))).is_ok());
}

proptest! {
    #[test]
    fn no_text_brings_the_check_down(text in any::<String>()) {
        prop_assert!(check_text(&text).is_err());
    }

    #[test]
    fn no_claims_bring_the_check_down(
        iss in ".{0,40}", aud in ".{0,40}", exp in any::<i64>(), jti in ".{0,140}",
    ) {
        let claims = json!({"iss": iss, "sub": iss, "aud": aud, "exp": exp, "jti": jti});
        prop_assert!(check(&header(), &claims).is_err());
    }
}
