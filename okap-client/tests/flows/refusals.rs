//! A vault's refusal of a call, in any provider's shape.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use okap_client::Refused;
use serde_json::{Value, json};

fn read(status: u16, body: &Value) -> Option<Refused> {
    Refused::read(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    )
}

fn shapes(code: &str) -> [Value; 6] {
    let message = "OKAP: the user revoked this access";
    let okap = json!({"code": code, "grant_id": "g_1"});
    [
        json!({"error": {"message": message, "type": code, "param": null, "code": code}, "okap": okap}),
        json!({"type": "error", "error": {"type": code, "message": message}, "message": message,
            "okap": okap}),
        json!({"error": {"code": 401, "message": message, "status": "UNAUTHENTICATED", "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TOKEN_REVOKED"}]},
            "okap": okap}),
        json!({"object": "error", "message": message, "type": code, "param": null, "code": code,
            "okap": okap}),
        json!({"message": message, "okap": okap}),
        // a vault that leaves its code to the provider's shape
        json!({"error": {"message": message, "code": code}, "okap": {"grant_id": "g_1"}}),
    ]
}

#[test]
fn every_shape_is_read() {
    for body in shapes("token_revoked") {
        let refused = read(401, &body).unwrap();
        assert!(refused.is_revoked() && !refused.is_expired(), "{body}");
        assert_eq!(refused.to_string(), "OKAP: the user revoked this access");
        assert_eq!(refused.code(), "token_revoked");
        assert_eq!(refused.grant_id().unwrap().as_str(), "g_1");
        assert_eq!(refused.status(), 401);
    }
}

#[test]
fn every_code_has_its_question() {
    type Is = fn(&Refused) -> bool;
    let cases: [(u16, &str, Is); 20] = [
        (401, "token_revoked", Refused::is_revoked),
        (401, "token_expired", Refused::is_expired),
        (401, "invalid_token", Refused::is_invalid_token),
        (401, "missing_token", Refused::is_invalid_token),
        (401, "invalid_dpop_proof", Refused::is_invalid_proof),
        (401, "use_dpop_nonce", Refused::is_nonce_wanted),
        (402, "spend_limit_exceeded", Refused::is_spend_limit),
        (429, "rate_limit_exceeded", Refused::is_rate_limit),
        (400, "tokens_per_request_exceeded", Refused::is_too_many_tokens),
        (403, "model_not_allowed", Refused::is_model_not_allowed),
        (403, "capability_not_allowed", Refused::is_capability_not_allowed),
        (403, "provider_not_allowed", Refused::is_provider_not_allowed),
        (403, "model_not_priced", Refused::is_model_not_priced),
        (404, "route_not_supported", Refused::is_not_supported),
        (400, "unsupported_parameter", Refused::is_not_supported),
        (503, "provider_not_configured", Refused::is_vault),
        (503, "vault_unavailable", Refused::is_vault),
        (502, "upstream_error", Refused::is_upstream),
        (504, "upstream_timeout", Refused::is_upstream),
        (403, "insufficient_scope", Refused::is_too_small),
    ];
    for (status, code, is) in cases {
        for body in shapes(code) {
            assert!(is(&read(status, &body).unwrap()), "{code}");
        }
        let others = cases.iter().filter(|(_, other, _)| *other != code);
        let same = |is_: Is| shapes(code).iter().all(|b| is_(&read(status, b).unwrap()));
        for (_, other, is_other) in others {
            let kin = same(*is_other);
            let both = cases
                .iter()
                .any(|(_, c, f)| *c == code && f(&read(status, &shapes(other)[0]).unwrap()));
            assert!(
                !kin || both || code == "insufficient_scope" || *other == "insufficient_scope",
                "{code} {other}"
            );
        }
    }
    let small = |code| read(403, &shapes(code)[0]).unwrap().is_too_small();
    assert!(small("model_not_allowed") && !small("model_not_priced"));
}

#[test]
fn limit_says_how_far_and_until_when() {
    let body = json!({"error": {"message": "limit", "type": "rate_limit_exceeded"}, "okap": {
        "code": "rate_limit_exceeded", "limit": "100", "used": "100",
        "resets_at": "2027-01-01T00:00:00Z"}});
    let refused = read(429, &body).unwrap();
    assert_eq!((refused.limit(), refused.used()), (Some("100"), Some("100")));
    assert_eq!(refused.resets_at(), Some("2027-01-01".parse().unwrap()));
    assert!(refused.retry_after().is_none() && !refused.is_temporary());
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    let bytes = body.to_string();
    let refused = Refused::read(StatusCode::TOO_MANY_REQUESTS, &headers, bytes.as_bytes()).unwrap();
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(7)));
    assert!(refused.is_temporary());
}

#[test]
fn what_the_provider_says_is_not_the_vaults() {
    let error = json!({"error": {"message": "bad prompt", "code": "token_revoked"}});
    assert!(read(400, &error).is_none());
    // the version of the vault's own endpoints is no mark
    assert!(read(400, &json!({"okap": "1.0", "error": "token_revoked"})).is_none());
    // a success is none, whatever is in it
    assert!(read(200, &shapes("token_revoked")[0]).is_none());
    for bytes in ["", "<html>", "[]", "{\"okap\":{\"code\":\"a\",\"code\":\"b\"}}"] {
        assert!(
            Refused::read(StatusCode::UNAUTHORIZED, &HeaderMap::new(), bytes.as_bytes()).is_none()
        );
    }
    assert!(read(401, &shapes("token_revoked")[0]).is_some());
}

#[test]
fn foreign_words_are_cleaned() {
    let token = format!("okap_at_{}", "a".repeat(49));
    let body = json!({"message": format!("\u{1b}[2J {token}"), "okap": {"code": "invalid_token"}});
    let refused = read(401, &body).unwrap();
    assert_eq!(refused.to_string(), "[2J …");
    assert!(!format!("{refused:?}").contains(&token));
}
