use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use okap_engine::{
    proof::{Expected, Proof, ProofError, Proven, Used, nonce},
    record::{Change, Expect, Record},
};
use okap_types::{Secret, Timestamp, token::AccessToken};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    signer::{signer, verify, with},
    support::noon,
};

const URL: &str = "https://vault.example/okap/token";

fn header() -> Value {
    json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": signer(1).jwk()})
}

fn claims() -> Value {
    json!({"jti": "one", "htm": "POST", "htu": URL, "iat": noon().unix_seconds()})
}

fn token(number: u8) -> AccessToken {
    AccessToken::from_random(&Secret::new([number; 32]))
}

fn ath(token: &AccessToken) -> Value {
    json!(Base64::encode_string(&Sha256::digest(token.expose())))
}

/// Reads and checks a text as the token endpoint would.
fn check_text(text: &str) -> Result<Proven, ProofError> {
    let url: Url = URL.parse().unwrap();
    let expected = Expected { method: "POST", url: &url, now: noon(), token: None, nonces: None };
    Proof::read(text)?.check(&expected, &verify)
}

fn check(header: &Value, claims: &Value) -> Result<Proven, ProofError> {
    check_text(&signer(1).sign(header, claims))
}

fn refused(header: &Value, claims: &Value) {
    match check(header, claims) {
        Err(ProofError::Invalid(_)) => {}
        other => panic!("{header} {claims}: {other:?}"),
    }
}

#[test]
fn a_proof_says_which_key_the_sender_holds() {
    let proven = check(&header(), &claims()).unwrap();
    assert_eq!(proven.thumbprint, signer(1).public().thumbprint());
    // what has no meaning here is ignored
    let more = with(&with(&claims(), "nonce", json!("x")), "ath", json!("y"));
    assert!(check(&with(&header(), "kid", json!("1")), &with(&more, "z", json!([]))).is_ok());
}

#[test]
fn the_proof_of_the_rfc_is_accepted() {
    // RFC 9449 section 4.1
    let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHg\
        tMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG\
        10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoi\
        UE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-Gx\
        A6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let url: Url = "https://server.example.com/token".parse().unwrap();
    let now = Timestamp::from_unix_millis(1_562_262_616_000);
    let expected = Expected { method: "POST", url: &url, now, token: None, nonces: None };
    let proven = Proof::read(text).unwrap().check(&expected, &verify).unwrap();
    assert_eq!(proven.thumbprint.as_str(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let late = Expected { now: now.plus_seconds(301), ..expected };
    assert!(Proof::read(text).unwrap().check(&late, &verify).is_err());
}

#[test]
fn v105_another_algorithm_or_signer_is_refused() {
    assert!(check(&header(), &claims()).is_ok());
    for alg in ["none", "HS256", "ES384", "RS256", "ES512"] {
        refused(&with(&header(), "alg", json!(alg)), &claims());
    }
    let unsigned = signer(1).sign(&with(&header(), "alg", json!("none")), &claims());
    let unsigned = unsigned.rsplit_once('.').unwrap().0.to_owned() + ".";
    assert!(matches!(check_text(&unsigned), Err(ProofError::Invalid(_))));
    // the header names one key and another signs
    assert!(matches!(
        check_text(&signer(2).sign(&header(), &claims())),
        Err(ProofError::Invalid(_))
    ));
}

#[test]
fn v106_the_key_is_there_public_and_of_the_right_kind() {
    assert!(check(&header(), &claims()).is_ok());
    let jwk = signer(1).jwk();
    for wrong in [
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({"kty": "oct", "k": "AQ"}),
        with(&jwk, "d", json!("AQ")),
        with(&jwk, "crv", json!("P-384")),
        with(&jwk, "x", json!(null)),
    ] {
        refused(&with(&header(), "jwk", wrong), &claims());
    }
}

#[test]
fn v107_another_type_or_a_critical_extension_is_refused() {
    assert!(check(&header(), &claims()).is_ok());
    for typ in [json!("JWT"), json!("jwt"), json!(""), json!(null), json!("at+jwt")] {
        refused(&with(&header(), "typ", typ), &claims());
    }
    refused(&with(&header(), "crit", json!(["x"])), &claims());
}

#[test]
fn v108_the_method_is_that_of_the_request() {
    assert!(check(&header(), &claims()).is_ok());
    for htm in [json!("GET"), json!("post"), json!(""), json!(null), json!(["POST"])] {
        refused(&header(), &with(&claims(), "htm", htm));
    }
}

#[test]
fn the_address_is_that_of_the_request_but_for_query_and_fragment() {
    for same in [
        "https://vault.example/okap/token",
        "https://vault.example:443/okap/token",
        "HTTPS://VAULT.example/okap/token",
        "https://vault.example/okap/token?a=b#c",
        "https://vault.example/okap/x/../token",
    ] {
        assert!(check(&header(), &with(&claims(), "htu", json!(same))).is_ok(), "{same}");
    }
    for other in [
        json!("http://vault.example/okap/token"),
        json!("https://vault.example:444/okap/token"),
        json!("https://other.example/okap/token"),
        json!("https://vault.example.evil/okap/token"),
        json!("https://vault.example@evil.example/okap/token"),
        json!("https://me@vault.example/okap/token"),
        json!("https://vault.example/okap/token/"),
        json!("https://vault.example/okap/Token"),
        json!("https://vault.example/okap/par"),
        json!("/okap/token"),
        json!(""),
        json!(null),
    ] {
        refused(&header(), &with(&claims(), "htu", other));
    }
    // the request's own query does not count either
    let url: Url = "https://vault.example/okap/token?model=x".parse().unwrap();
    let expected = Expected { method: "POST", url: &url, now: noon(), token: None, nonces: None };
    let proof = Proof::read(&signer(1).sign(&header(), &claims())).unwrap();
    assert!(proof.check(&expected, &verify).is_ok());
}

#[test]
fn v111_a_proof_is_at_most_300_s_old_and_60_s_ahead() {
    let at = |seconds: i64| with(&claims(), "iat", json!(noon().unix_seconds() + seconds));
    for fine in [-300, -299, -1, 0, 10, 59, 60] {
        assert!(check(&header(), &at(fine)).is_ok(), "{fine}");
    }
    for wrong in [-3600, -301, 61, 3600] {
        refused(&header(), &at(wrong));
    }
    let part = noon().unix_seconds() as f64 - 0.25;
    assert!(check(&header(), &with(&claims(), "iat", json!(part))).is_ok());
    for wrong in [
        json!(null),
        json!(noon().unix_seconds().to_string()),
        json!(-1),
        json!(noon().unix_millis()),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
    ] {
        refused(&header(), &with(&claims(), "iat", wrong));
    }
}

#[test]
fn a_proof_has_a_name_of_1_to_128_characters() {
    let named = |jti: Value| with(&claims(), "jti", jti);
    for fine in ["x".to_owned(), "x".repeat(128), "é".repeat(128)] {
        assert!(check(&header(), &named(json!(fine))).is_ok());
    }
    for wrong in [json!(null), json!(""), json!("x".repeat(129)), json!(7), json!([])] {
        refused(&header(), &named(wrong));
    }
}

#[test]
fn v113_at_a_resource_the_proof_is_for_that_token() {
    let url: Url = "https://vault.example/v1/openai/chat/completions".parse().unwrap();
    let token = token(1);
    let at_proxy =
        Expected { method: "POST", url: &url, now: noon(), token: Some(&token), nonces: None };
    let claims = with(&claims(), "htu", json!(url.as_str()));
    let check = |ath: Value, at: &Expected<'_>| {
        let text = signer(1).sign(&header(), &with(&claims, "ath", ath));
        Proof::read(&text).unwrap().check(at, &verify)
    };
    assert!(check(ath(&token), &at_proxy).is_ok());
    let other = self::token(2);
    let hex = okap_engine::token::hash(token.expose());
    for wrong in [json!(null), json!(""), ath(&other), json!(token.expose()), json!(hex)] {
        assert!(matches!(check(wrong, &at_proxy), Err(ProofError::Invalid(_))));
    }
    assert!(check(json!(null), &Expected { token: None, ..at_proxy }).is_ok());
}

#[test]
fn v117_where_a_nonce_is_wanted_the_present_and_the_last_one_count() {
    let secret = Secret::new([9; 32]);
    let url: Url = URL.parse().unwrap();
    let expected =
        Expected { method: "POST", url: &url, now: noon(), token: None, nonces: Some(&secret) };
    let check = |claims: &Value| {
        Proof::read(&signer(1).sign(&header(), claims)).unwrap().check(&expected, &verify)
    };
    let of = |seconds: i64| json!(nonce(&secret, noon().plus_seconds(seconds)));
    for fine in [of(0), of(-1), of(-300)] {
        assert!(check(&with(&claims(), "nonce", fine)).is_ok());
    }
    let foreign = json!(nonce(&Secret::new([8; 32]), noon()));
    for wrong in [json!(null), json!(""), of(-301), of(300), foreign] {
        let outcome = check(&with(&claims(), "nonce", wrong));
        assert_eq!(outcome.unwrap_err(), ProofError::UseNonce);
    }
    // a proof that is wrong in itself is not asked to come again
    let outcome = check(&with(&claims(), "htm", json!("GET")));
    assert!(matches!(outcome, Err(ProofError::Invalid(_))));
}

#[test]
fn a_nonce_says_nothing_of_its_secret_and_fits_a_header() {
    let text = nonce(&Secret::new([9; 32]), noon());
    assert_eq!(text.len(), 43);
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    assert_ne!(text, nonce(&Secret::new([8; 32]), noon()));
}

#[test]
fn a_proof_counts_once_for_its_key() {
    let of = |signer_number: u8, jti: &str, htm: &str| {
        let signer = signer(signer_number);
        let header = with(&header(), "jwk", signer.jwk());
        let claims = with(&with(&claims(), "jti", json!(jti)), "htm", json!(htm));
        let url: Url = URL.parse().unwrap();
        let at = Expected { method: htm, url: &url, now: noon(), token: None, nonces: None };
        let proof = Proof::read(&signer.sign(&header, &claims)).unwrap();
        match proof.check(&at, &verify).unwrap().replay {
            Change::Put { key, expect, bytes, forget_after } => {
                assert_eq!(expect, Expect::Absent);
                assert_eq!(forget_after, Some(noon().plus_seconds(361)));
                let used: Used = serde_json::from_slice(&bytes.unwrap()).unwrap();
                assert_eq!(used.forget_after(), forget_after);
                assert!(key.as_str().starts_with("proof/") && key.as_str().len() < 512);
                key
            }
            Change::Append(_) => panic!("a mark, not a row"),
        }
    };
    let first = of(1, "one", "POST");
    assert_eq!(first, of(1, "one", "POST"));
    assert_eq!(first, of(1, "one", "GET"), "one name is one proof, whatever it was for");
    assert_ne!(first, of(1, "two", "POST"));
    assert_ne!(first, of(2, "one", "POST"));
}

#[test]
fn error_texts_read_as_sentences() {
    let error = |header: &Value, claims: &Value| check(header, claims).unwrap_err().to_string();
    let texts = [
        error(&with(&header(), "typ", json!("JWT")), &claims()),
        error(&with(&header(), "jwk", json!(null)), &claims()),
        error(&with(&header(), "alg", json!("none")), &claims()),
        error(&header(), &with(&claims(), "htm", json!("GET"))),
        error(&header(), &with(&claims(), "iat", json!(null))),
        check_text("x").unwrap_err().to_string(),
        ProofError::UseNonce.to_string(),
    ];
    assert_eq!(
        texts,
        [
            "DPoP proof typ is not dpop+jwt",
            "DPoP proof has no jwk",
            "DPoP proof alg is not ES256",
            "DPoP proof htm is not the request's method",
            "DPoP proof payload: missing field `iat` at line 1 column 67",
            "DPoP proof is not three parts with periods between them",
            "DPoP proof lacks the nonce of the DPoP-Nonce header",
        ]
    );
}

proptest! {
    #[test]
    fn no_text_brings_the_check_down(text in any::<String>()) {
        prop_assert!(check_text(&text).is_err());
    }

    #[test]
    fn no_claims_bring_the_check_down(
        jti in ".{0,140}", htm in ".{0,8}", htu in ".{0,40}", iat in any::<i64>(), part in any::<f64>(),
    ) {
        let claims = json!({"jti": jti, "htm": htm, "htu": htu, "iat": iat});
        prop_assert!(check(&header(), &claims).is_err());
        prop_assert!(check(&header(), &with(&claims, "iat", json!(part))).is_err());
    }
}
