//! What one library signs, the vault's own verifies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use base64ct::{Base64UrlUnpadded as Base64, Encoding};
use okap_engine::{
    jwk::PublicKey,
    proof::{Expected, Proof},
};
use okap_server::ports::es256::verify;
use okap_types::Timestamp;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

fn jwk(key: &SigningKey) -> Map<String, Value> {
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |at: usize| Base64::encode_string(&point.as_bytes()[at..at + 32]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": coordinate(1), "y": coordinate(33)});
    jwk.as_object().unwrap().clone()
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_jwk(&jwk(key)).unwrap()
}

fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(message);
    signature.to_bytes().into()
}

proptest! {
    #[test]
    fn a_signature_holds_for_its_key_and_message_alone(
        number in 1..=200_u8, message in any::<Vec<u8>>(), at in 0..64_usize,
    ) {
        let signature = sign(&key(number), &message);
        prop_assert!(verify(&public(&key(number)), &message, &signature));
        prop_assert!(!verify(&public(&key(number + 1)), &message, &signature));
        let mut longer = message.clone();
        longer.push(0);
        prop_assert!(!verify(&public(&key(number)), &longer, &signature));
        let mut changed = signature;
        changed[at] ^= 1;
        prop_assert!(!verify(&public(&key(number)), &message, &changed));
    }

    #[test]
    fn no_key_and_no_signature_bring_it_down(x in any::<[u8; 32]>(), signature in any::<[u8; 32]>()) {
        let jwk = json!({"kty": "EC", "crv": "P-256",
            "x": Base64::encode_string(&x), "y": Base64::encode_string(&x)});
        let off_the_curve = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        let mut both = [0; 64];
        both[..32].copy_from_slice(&signature);
        prop_assert!(!verify(&off_the_curve, b"", &both));
        prop_assert!(!verify(&public(&key(1)), b"", &both));
    }
}

#[test]
fn a_signature_of_zeroes_is_none() {
    // the mistake of CVE-2022-21449
    let key = public(&key(1));
    assert!(verify(&key, b"x", &sign(&self::key(1), b"x")));
    assert!(!verify(&key, b"x", &[0; 64]));
}

#[test]
fn a_proof_made_by_another_library_is_accepted() {
    let (key, url) = (key(7), "https://vault.example/okap/token".parse().unwrap());
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(&key)});
    let claims = json!({"jti": "1", "htm": "POST", "htu": url, "iat": now.unix_seconds()});
    let part = |json: &Value| Base64::encode_string(json.to_string().as_bytes());
    let text = |claims: &Value| format!("{}.{}", part(&header), part(claims));
    let signature = Base64::encode_string(&sign(&key, text(&claims).as_bytes()));
    let expected = Expected { method: "POST", url: &url, now, token: None, nonces: None };
    let check = |text: &str| Proof::read(text).unwrap().check(&expected, &verify);
    let proven = check(&format!("{}.{signature}", text(&claims))).unwrap();
    assert_eq!(proven.thumbprint, public(&key).thumbprint());
    let other = json!({"jti": "2", "htm": "POST", "htu": url, "iat": now.unix_seconds()});
    assert!(check(&format!("{}.{signature}", text(&other))).is_err());
}

#[test]
fn the_proof_of_the_rfc_is_accepted() {
    // RFC 9449 section 4.1
    let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHg\
        tMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG\
        10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoi\
        UE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-Gx\
        A6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let url = "https://server.example.com/token".parse().unwrap();
    let now = Timestamp::from_unix_millis(1_562_262_616_000);
    let expected = Expected { method: "POST", url: &url, now, token: None, nonces: None };
    assert!(Proof::read(text).unwrap().check(&expected, &verify).is_ok());
}
