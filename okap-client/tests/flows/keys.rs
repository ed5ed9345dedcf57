//! Tokens bound to a key (RFC 9449), and apps that sign who they are (RFC 7523): C12, C18, C19.

use std::time::Duration;

use http::{HeaderMap, Method};
use okap_client::{Access, Client, Key, Provider, Secret};
use serde_json::{Value, json};

use crate::{
    Canned, VAULT, Vault, ask, built, client_of, pair, renewable,
    vault::{METADATA, TOKEN, digest, open, thumbprint},
};

const AT: &str = "/okap/token";

fn bound() -> (Vault, Client) {
    let vault = Vault::new(VAULT);
    let client = built(&vault, |b| b.bind_tokens());
    (vault, client)
}

fn proof(headers: &HeaderMap) -> Value {
    open(headers["dpop"].to_str().unwrap(), None).claims
}

fn url(path: &str) -> url::Url {
    format!("https://vault.test{path}").parse().unwrap()
}

fn want_nonce_once() -> Canned {
    Canned::json(400, json!({"error": "use_dpop_nonce"})).header("dpop-nonce", "n1")
}

#[tokio::test(start_paused = true)]
async fn bound_token_is_proven_wherever_it_is_issued_and_used() {
    let (vault, client) = bound();
    let access = renewable(&client).await;
    assert!(access.is_bound());
    let renewed = client.refresh(&access).await.unwrap();
    assert!(renewed.is_bound());
    client.limits(&renewed).await.unwrap();
    client.grant(&renewed).await.unwrap();
    let calls = vault.calls("POST /okap/token");
    assert_eq!(vault.shown_key(&calls[0]), vault.shown_key(&calls[1]));
    let limits = &vault.calls("GET /okap/limits")[0];
    assert_eq!(limits.headers["authorization"], "DPoP okap_at_1");
    assert_eq!(vault.shown_key(limits), vault.shown_key(&calls[0]));
    // a second access has a key of its own
    let (other, client) = bound();
    renewable(&client).await;
    let key = other.shown_key(&other.calls("POST /okap/token")[0]);
    assert_ne!(key, vault.shown_key(&calls[0]));
}

#[cfg(feature = "browser")]
#[tokio::test]
async fn code_is_bound_to_the_key_from_the_start() {
    let (vault, client) = bound();
    let back = "http://127.0.0.1:7001/callback".parse().unwrap();
    let (consent, transaction) = client.begin(ask(), &back).await.unwrap();
    let back = vault.consent(&consent);
    let access = transaction.finish(back.query().unwrap()).await.unwrap();
    assert!(access.is_bound());
    let asked = vault.calls("POST /okap/par")[0].form()["dpop_jkt"].clone();
    assert_eq!(vault.shown_key(&vault.calls("POST /okap/token")[0]), Some(asked));
}

#[tokio::test(start_paused = true)]
async fn headers_prove_one_call_to_the_vault_alone() {
    let (_, client) = bound();
    let access = renewable(&client).await;
    let target = url("/v1/openai/chat/completions?stream=1#x");
    let headers = access.headers(&Method::POST, &target).unwrap();
    assert_eq!(headers["authorization"], format!("DPoP {TOKEN}"));
    let claims = proof(&headers);
    assert_eq!(claims["htm"], "POST");
    assert_eq!(claims["htu"], "https://vault.test/v1/openai/chat/completions");
    assert_eq!(claims["ath"], digest(TOKEN));
    let again = proof(&access.headers(&Method::POST, &target).unwrap());
    assert_ne!(claims["jti"], again["jti"]);
    for elsewhere in [
        "https://evil.test/v1/openai/chat/completions",
        "http://vault.test/v1/openai",
        "https://vault.test/v1/groq/chat/completions",
        "https://vault.test/v1/openai2",
        "https://ann@vault.test/v1/openai",
        "https://vault.test/v1/openai/../groq",
    ] {
        let error = access.headers(&Method::POST, &elsewhere.parse().unwrap()).unwrap_err();
        assert!(error.is_invalid_request(), "{elsewhere}: {error}");
    }
    assert!(access.headers(&Method::GET, &url("/v1/openai")).is_ok());
    assert!(format!("{headers:?}").contains("Sensitive"));
}

#[tokio::test(start_paused = true)]
async fn unbound_token_has_one_header() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    let headers = access.headers(&Method::GET, &url("/v1/openai/models")).unwrap();
    assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(headers.len(), 1);
    assert!(!vault.calls("POST /okap/token")[0].headers.contains_key("dpop"));
}

#[tokio::test(start_paused = true)]
async fn c18_bearer_where_a_key_was_shown_is_refused_unless_allowed() {
    let unbind = |b: &mut Value| b["token_type"] = json!("Bearer");
    let (vault, client) = bound();
    vault.twist(AT, unbind);
    let prompt = client.start_on_device(ask()).await.unwrap();
    let error = prompt.wait(Duration::from_secs(60)).await.unwrap_err();
    assert!(error.is_unbound() && error.is_untrusted(), "{error}");

    let vault = Vault::new(VAULT);
    let client = built(&vault, |b| b.bind_tokens().danger_allow_unbound());
    vault.twist(AT, unbind);
    assert!(!renewable(&client).await.is_bound());
    // where it is bound, all the better
    let vault = Vault::new(VAULT);
    let client = built(&vault, |b| b.bind_tokens().danger_allow_unbound());
    assert!(renewable(&client).await.is_bound());
}

#[tokio::test(start_paused = true)]
async fn c18_bound_access_does_not_lose_its_key_when_it_is_renewed() {
    let (vault, client) = bound();
    let access = renewable(&client).await;
    vault.twist(AT, |b| b["token_type"] = json!("Bearer"));
    assert!(client.refresh(&access).await.unwrap_err().is_unbound());
}

#[tokio::test]
async fn c18_ways_that_cannot_bind_are_refused_before_the_user_is_asked() {
    let (vault, client) = bound();
    assert!(client.start(ask()).await.unwrap_err().is_unbound());
    assert!(vault.lines().is_empty());
    for algs in [json!(null), json!([]), json!(["RS256"])] {
        let (vault, client) = bound();
        vault.twist(METADATA, move |m| match algs.is_null() {
            true => drop(m.as_object_mut().unwrap().remove("dpop_signing_alg_values_supported")),
            false => m["dpop_signing_alg_values_supported"] = algs.clone(),
        });
        assert!(client.start_on_device(ask()).await.unwrap_err().is_unbound());
        assert_eq!(vault.lines().len(), 1);
    }
    let vault = Vault::new(VAULT);
    let client = built(&vault, |b| b.bind_tokens().danger_allow_unbound());
    assert!(client.start(ask()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn c19_nonce_is_answered_once_with_a_new_proof() {
    let (vault, client) = bound();
    let prompt = client.start_on_device(ask()).await.unwrap();
    vault.can(AT, want_nonce_once());
    prompt.wait(Duration::from_secs(60)).await.unwrap();
    let calls = vault.calls("POST /okap/token");
    assert_eq!(calls.len(), 2);
    let (one, two) = (proof(&calls[0].headers), proof(&calls[1].headers));
    assert_ne!(one["jti"], two["jti"]);
    assert_eq!((one.get("nonce"), &two["nonce"]), (None, &json!("n1")));
}

#[tokio::test(start_paused = true)]
async fn c19_loop_of_nonces_ends() {
    let (vault, client) = bound();
    let access = renewable(&client).await;
    for _ in 0..9 {
        vault.can(AT, want_nonce_once());
    }
    let error = client.refresh(&access).await.unwrap_err();
    assert_eq!(error.code(), Some("use_dpop_nonce"));
    assert_eq!(vault.calls("POST /okap/token").len(), 3);
    // a demand without a nonce cannot be met
    let (vault, client) = bound();
    let access = renewable(&client).await;
    vault.can(AT, Canned::json(400, json!({"error": "use_dpop_nonce"})));
    assert_eq!(client.refresh(&access).await.unwrap_err().code(), Some("use_dpop_nonce"));
    assert_eq!(vault.calls("POST /okap/token").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn c19_nonces_are_remembered_for_the_next_call() {
    let (vault, client) = bound();
    vault.want_nonce("n1");
    let access = renewable(&client).await;
    assert_eq!(vault.calls("POST /okap/token").len(), 2);
    client.refresh(&access).await.unwrap();
    assert_eq!(vault.calls("POST /okap/token").len(), 3);
    // resources have their own
    client.limits(&access).await.unwrap();
    assert_eq!(vault.calls("GET /okap/limits").len(), 2);
    client.limits(&access).await.unwrap();
    assert_eq!(vault.calls("GET /okap/limits").len(), 3);
    // and calls share it
    let claims =
        |access: &Access| proof(&access.headers(&Method::GET, &url("/v1/openai/models")).unwrap());
    assert_eq!(claims(&access)["nonce"], "n1");
    let mut answer = HeaderMap::new();
    assert!(!access.hear(&answer));
    answer.insert("dpop-nonce", "n2".parse().unwrap());
    assert!(access.hear(&answer));
    assert_eq!(claims(&access)["nonce"], "n2");
    answer.insert("dpop-nonce", "n\"3".parse().unwrap());
    assert!(!access.hear(&answer));
}

#[tokio::test(start_paused = true)]
async fn key_is_kept_with_the_access() {
    let (vault, client) = bound();
    let access = renewable(&client).await;
    let text = access.save().unwrap();
    assert!(!format!("{access:?} {text:?}").contains(TOKEN));
    let again = client.restore(&text).unwrap();
    assert!(again.is_bound());
    client.limits(&again).await.unwrap();
    let used = vault.shown_key(&vault.calls("GET /okap/limits")[0]);
    assert_eq!(used, vault.shown_key(&vault.calls("POST /okap/token")[0]));
    // a key that is not the token's is noticed
    let mut kept: Value = serde_json::from_str(text.expose()).unwrap();
    kept["dpop_jkt"] = json!("A".repeat(43));
    assert!(client.restore(&kept.to_string().into()).is_err());
}

#[tokio::test(start_paused = true)]
async fn delegate_with_a_key_of_its_own_is_of_no_use_to_its_maker() {
    let (vault, client) = bound();
    let access = renewable(&client).await;
    let key = Key::generate().unwrap();
    let child = client.delegate(&access, ask(), "Worker", Some(key.thumbprint())).await.unwrap();
    let form = vault.calls("POST /okap/token")[1].form();
    assert_eq!(form["dpop_jkt"], key.thumbprint());
    assert_eq!(form["client_name"], "Worker");
    assert!(child.is_bound());
    let target = url("/v1/openai/chat/completions");
    assert!(child.headers(&Method::POST, &target).unwrap_err().is_invalid_request());
    // the worker gets the text, and has the key
    let text = child.save().unwrap();
    let worker = client_of(&vault, VAULT);
    let taken = worker.restore(&text).unwrap();
    assert!(taken.with_key(Key::generate().unwrap()).is_err());
    let taken = taken.with_key(key.clone()).unwrap();
    let headers = taken.headers(&Method::POST, &target).unwrap();
    let opened = open(headers["dpop"].to_str().unwrap(), None);
    assert_eq!(thumbprint(&opened.header["jwk"]), key.thumbprint());
    // without a key of its own it shares its maker's
    let child = client.delegate(&access, ask(), "Worker", None).await.unwrap();
    assert!(child.headers(&Method::POST, &target).is_ok());
}

fn signing() -> (Key, Value) {
    let key = Key::from_scalar(&Secret::new([7; 32])).unwrap();
    let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let jwk: Value = {
        use base64ct::{Base64UrlUnpadded, Encoding};
        use p256::elliptic_curve::sec1::ToSec1Point;
        let point = secret.public_key().to_sec1_point(false);
        let part = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": part(point.x().unwrap()), "y": part(point.y().unwrap())})
    };
    assert_eq!(thumbprint(&jwk), key.thumbprint());
    (key, jwk)
}

#[tokio::test(start_paused = true)]
async fn c12_signature_of_the_app_is_for_this_vault_and_used_once() {
    let id = "https://notes.test/okap.json";
    let (key, jwk) = signing();
    let vault = Vault::new(VAULT);
    vault.want_signature(id, jwk.clone());
    // a vault that names another one's endpoint, under its own origin
    vault.twist(METADATA, |m| m["token_endpoint"] = json!("https://vault.test:443/okap/token"));
    let client = built(&vault, |b| b.client_id(id.parse().unwrap()).signing_key(key).bind_tokens());
    let prompt = client.start_on_device(ask()).await.unwrap();
    // every try is signed anew
    vault.can(AT, want_nonce_once());
    let access = prompt.wait(Duration::from_secs(60)).await.unwrap();
    let access = client.refresh(&access).await.unwrap();
    client.revoke(&access).await.unwrap();
    let mut seen = Vec::new();
    let asked = vault.calls("POST /okap/device_authorization");
    let calls = vault.calls("POST /okap/token").into_iter().chain(asked);
    for call in calls.chain(vault.calls("POST /okap/revoke")) {
        let claims = open(&call.form()["client_assertion"], Some(&jwk)).claims;
        assert_eq!(claims["aud"], json!(VAULT));
        assert!(!seen.contains(&claims["jti"]));
        seen.push(claims["jti"].clone());
    }
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn signing_key_needs_a_document() {
    let vault = Vault::new(VAULT);
    let info = okap_client::ClientInfo::new("Notes").unwrap();
    let builder = || {
        Client::builder(VAULT.parse().unwrap(), info.clone())
            .transport(vault.transport())
            .signing_key(Key::generate().unwrap())
    };
    assert!(builder().build().unwrap_err().is_invalid_request());
    let document = "https://notes.test/okap.json".parse().unwrap();
    let client = builder().client_id(document).build().unwrap();
    // a direct request names the document, as a claim
    let access = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap();
    assert!(access.base_url(Provider::OpenAi).is_some());
    let body = vault.calls("POST /okap/authorize")[0].json();
    assert_eq!(body["client"]["client_id"], "https://notes.test/okap.json");
}
