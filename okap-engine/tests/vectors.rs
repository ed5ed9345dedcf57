//! The rules among `spec/vectors`: windows, consent, narrowing, proofs of possession.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use okap_engine::{
    jwk::PublicKey,
    ledger::Account,
    narrow::{Approved, TooWide, Wider, attenuate, narrow},
    pico::Pico,
    proof::{Expected, Proof, ProofError, Proven},
    record::Allowed,
    refusal::Refusal,
};
use okap_types::{
    Capability, Limits, ModelAccess, Models, Provider, Timestamp, access::parse_details,
    token::AccessToken,
};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/../spec/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"))
}

fn asked(value: &Value) -> Vec<ModelAccess> {
    parse_details(&value.to_string()).unwrap()
}

#[test]
fn windows_end_with_the_utc_day_and_month() {
    for case in cases("windows") {
        let used = Account::default().used(read(&case["moment"]));
        assert_eq!(used.day_ends, read::<Timestamp>(&case["day_ends"]), "{case}");
        assert_eq!(used.month_ends, read::<Timestamp>(&case["month_ends"]), "{case}");
    }
}

#[test]
fn no_60_seconds_let_through_more_than_the_limit() {
    let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    for case in cases("minutes") {
        let most = u32::try_from(case["requests_per_minute"].as_u64().unwrap()).unwrap();
        let limits = Limits::default().per_minute(most);
        let mut account = Account::default();
        for request in case["requests"].as_array().unwrap() {
            let at = start.unix_millis() + request["at"].as_i64().unwrap();
            let hold = account.hold(&limits, Pico::default(), Timestamp::from_unix_millis(at));
            let wait = match hold {
                Ok(_) => Value::Null,
                Err(Refusal::RequestsPerMinute { wait, .. }) => json!(wait),
                Err(other) => panic!("{case}: {other:?}"),
            };
            assert_eq!(wait, request["retry_after"], "{}: {request}", case["name"]);
            assert_eq!(wait.is_null(), request["admitted"], "{}: {request}", case["name"]);
        }
    }
}

#[test]
fn a_grant_is_never_wider_than_the_request() {
    #[derive(Deserialize)]
    struct Ticked {
        models: Models,
        capabilities: Vec<Capability>,
        limits: Limits,
        expires: Timestamp,
    }
    for case in cases("consent") {
        let asked = asked(&json!([case["asked"]])).remove(0);
        let Ticked { models, capabilities, limits, expires } = read(&case["approved"]);
        let approved = Approved { models, capabilities, limits, expires };
        match narrow(&asked, &approved, read(&case["latest"])) {
            Ok(refused) => {
                assert_eq!(case["granted"], true, "{case}");
                assert_eq!(json!(refused), case["models_refused"], "{case}");
            }
            Err(wider) => {
                assert_eq!(case["granted"], false, "{case}: {wider}");
                let rule = match wider {
                    Wider::Model(_) => "model",
                    Wider::Capability(_) => "capability",
                    Wider::Limit => "limit",
                    Wider::Expiry { .. } => "expires",
                    Wider::Nothing(_) => "nothing",
                    other => panic!("{case}: {other}"),
                };
                assert_eq!(case["rule"], rule, "{case}");
            }
        }
    }
}

/// A granted object as the vectors write it.
#[derive(Deserialize)]
struct Part {
    provider: Provider,
    models: Models,
    capabilities: Vec<Capability>,
    limits: Limits,
    expires: Timestamp,
}

fn granted(value: &Value) -> Vec<Allowed> {
    let allowed = |part: Part| Allowed {
        provider: part.provider,
        models: part.models,
        capabilities: part.capabilities,
        limits: part.limits,
        expires: part.expires,
        models_refused: Vec::new(),
        account: "a".to_owned(),
        under: Vec::new(),
    };
    read::<Vec<Part>>(value).into_iter().map(allowed).collect()
}

#[test]
fn a_token_request_narrows_and_never_widens() {
    for case in cases("narrowing") {
        let parents = granted(&case["granted"]);
        let Ok(asked) = parse_details(&case["asked"].to_string()) else {
            // what no request may hold is refused before anybody compares
            assert_eq!(case["rule"], "overlap", "{case}");
            continue;
        };
        match attenuate(&parents, &asked, read(&case["now"])) {
            Ok(children) => {
                let children: Vec<_> = children.into_iter().map(|(_, child)| child).collect();
                assert!(!case["child"].is_null(), "{case}: {children:?}");
                assert_eq!(children, granted(&case["child"]), "{}", case["name"]);
            }
            Err(wide) => {
                assert!(case["child"].is_null(), "{case}: {wide}");
                let rule = match wide {
                    TooWide::Provider(_) => "provider",
                    TooWide::Models(_) => "models",
                    TooWide::Ambiguous(_) => "ambiguous",
                    TooWide::Overlap(_) => "overlap",
                    TooWide::Capability(_) => "capability",
                    TooWide::Limit(_) => "limit",
                    TooWide::Expiry(_) => "expires",
                    other => panic!("{case}: {other}"),
                };
                assert_eq!(case["rule"], rule, "{case}");
            }
        }
    }
}

fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_sec1_bytes(&key.to_point()) else { return false };
    Signature::from_slice(signature).is_ok_and(|s| key.verify(message, &s).is_ok())
}

fn prove(case: &Value) -> Result<Proven, ProofError> {
    let url = case["url"].as_str().unwrap().parse().unwrap();
    let token = case["access_token"].as_str().map(|t| AccessToken::parse(t).unwrap());
    let expected = Expected {
        method: case["method"].as_str().unwrap(),
        url: &url,
        now: read(&case["now"]),
        token: token.as_ref(),
        nonces: None,
    };
    Proof::read(case["proof"].as_str().unwrap())?.check(&expected, &verify)
}

#[test]
fn a_proof_holds_for_its_request_or_is_refused() {
    for case in cases("dpop-proofs") {
        match prove(&case) {
            Ok(proven) => {
                assert_eq!(case["valid"], true, "{case}");
                assert_eq!(proven.thumbprint.as_str(), case["thumbprint"], "{case}");
            }
            Err(ProofError::Invalid(text)) => {
                assert_eq!(case["valid"], false, "{case}: {text}");
                assert_eq!(case["code"], "invalid_dpop_proof");
            }
            Err(other) => panic!("{case}: {other}"),
        }
    }
}
