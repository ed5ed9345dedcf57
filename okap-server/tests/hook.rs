//! The hook of the conformance suite, over a vault in memory: what it takes, and from whom.

#![cfg(all(feature = "conformance-hook", feature = "https"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "test code")]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use okap_server::{
    AuditRow, BoxError, Config, ConsentPage, MemoryVault, OkapService, Owner, Peer, StartError,
    hook::{self, Hook, Rig, Verb},
    ports::{HttpsDocuments, SendError, Sending, SystemClock, Upstream},
};
use okap_types::{GrantId, Provider, Secret, Timestamp};
use serde_json::{Value, json};
use tower_service::Service;

type Memory = Arc<MemoryVault>;

/// A rig with two verbs of four.
#[derive(Debug)]
struct Desk(Memory);

impl Rig for Desk {
    fn owner(&self) -> Owner {
        Owner::new("ada")
    }

    fn verbs(&self) -> &[Verb] {
        &[Verb::Seed, Verb::Audit]
    }

    async fn seed(
        &self,
        provider: &Provider,
        key: Secret<String>,
        _: Timestamp,
    ) -> Result<(), BoxError> {
        if key.expose().is_empty() {
            return Err("that is no key".into());
        }
        self.0.keep_key(&self.owner(), provider.clone(), key);
        Ok(())
    }

    async fn audit(&self, _: &GrantId) -> Result<Vec<AuditRow>, BoxError> {
        Err("the disk is gone".into())
    }
}

type Started = (OkapService<Memory, ConsentPage>, Hook<Memory, ConsentPage, Desk>);

fn start(issuer: &str) -> Result<Started, StartError> {
    let (issuer, vault) = (issuer.parse().unwrap(), Memory::default());
    let consent = ConsentPage::at(&issuer, "consent");
    Hook::danger_around(Config::at(issuer), vault.clone(), consent, Desk(vault))
}

fn started() -> Started {
    start("http://127.0.0.1:8787").unwrap()
}

async fn answer<S>(service: &S, request: Request<Full<Bytes>>) -> (StatusCode, Value)
where
    S: Service<Request<Full<Bytes>>, Response = http::Response<okap_server::Body>> + Clone,
    S::Error: std::fmt::Debug,
{
    let answer = service.clone().call(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, serde_json::from_slice(&bytes).unwrap())
}

fn post(path: &str, body: &Value) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("host", "127.0.0.1:8787")
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap()
}

fn order(verb: &str, mut rest: Value) -> Request<Full<Bytes>> {
    rest["v"] = json!(1);
    rest["verb"] = json!(verb);
    post(hook::PATH, &rest)
}

/// Asks for two models; the answer names the page.
async fn ask(okap: &OkapService<Memory, ConsentPage>, name: &str) -> Value {
    let ask = json!({
        "okap": "1.0",
        "authorization_details": [{
            "type": "ai_model_access", "provider": "openai",
            "models": ["gpt-4o", "gpt-4o-mini"], "capabilities": ["chat"],
        }],
        "client": { "name": name },
    });
    let (status, asked) = answer(okap, post("/okap/authorize", &ask)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{asked}");
    asked
}

async fn outcome(okap: &OkapService<Memory, ConsentPage>, asked: &Value) -> (StatusCode, Value) {
    let token = asked["continue"]["access_token"].as_str().unwrap();
    let request =
        Request::post("/okap/continue").header("authorization", format!("Bearer {token}"));
    answer(okap, request.body(Full::default()).unwrap()).await
}

#[test]
fn a_vault_at_another_address_does_not_start_with_the_hook() {
    for here in ["http://127.0.0.1:8787", "http://[::1]:8787", "http://localhost:8787"] {
        start(here).unwrap();
    }
    for elsewhere in ["https://vault.example", "http://10.0.0.1:8787", "https://localhost.example"]
    {
        let refused = start(elsewhere).unwrap_err();
        assert!(matches!(&refused, StartError::Hooked(_)), "{refused}");
        assert!(refused.to_string().contains(elsewhere), "{refused}");
    }
}

#[tokio::test]
async fn a_vault_without_the_hook_has_nothing_at_its_address() {
    let (okap, hook) = started();
    let (status, _) = answer(&okap, order("capabilities", json!({}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer(&hook, order("capabilities", json!({}))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn only_this_computer_orders_by_its_own_name_and_in_json() {
    let (_, hook) = started();
    let good = || order("capabilities", json!({}));
    let with = |name: &'static str, value: &'static str| {
        let mut request = good();
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let from = |ip: &str| {
        let mut request = good();
        request.extensions_mut().insert(Peer(ip.parse().unwrap()));
        request
    };
    let mut read = good();
    *read.method_mut() = http::Method::GET;
    for (request, status) in [
        (read, 405),
        (with("host", "evil.example:8787"), 421),
        (with("host", "localhost:8787"), 200),
        (from("10.0.0.9"), 403),
        (from("::ffff:10.0.0.9"), 403),
        (from("127.0.0.1"), 200),
        (from("::ffff:127.0.0.1"), 200),
        (with("content-type", "text/plain"), 415),
        (with("content-type", "application/x-www-form-urlencoded"), 415),
        (good(), 200),
    ] {
        let what = format!("{request:?}");
        assert_eq!(answer(&hook, request).await.0.as_u16(), status, "{what}");
    }
}

#[tokio::test]
async fn a_verb_that_the_rig_does_not_name_is_not_there() {
    let (_, hook) = started();
    let (_, said) = answer(&hook, order("capabilities", json!({}))).await;
    let verbs = json!(["decide", "revoke", "reset", "publish", "advance", "seed", "audit"]);
    assert_eq!(said, json!({ "verbs": verbs }));
    for verb in ["dump", "sign_in", "dance"] {
        assert_eq!(answer(&hook, order(verb, json!({}))).await.0, StatusCode::NOT_IMPLEMENTED);
    }
    let seed =
        |upstream: &str| json!({ "provider": "openai", "key": "sk-made-up", "upstream": upstream });
    let elsewhere = order("seed", seed("https://api.example"));
    assert_eq!(answer(&hook, elsewhere).await.0, StatusCode::BAD_REQUEST);
    for odd in [
        "http://127.0.0.1:9/?a=",
        "http://127.0.0.1:9/#",
        "http://me:pw@127.0.0.1:9",
        "ftp://[::1]",
    ] {
        assert_eq!(
            answer(&hook, order("seed", seed(odd))).await.0,
            StatusCode::BAD_REQUEST,
            "{odd}"
        );
    }
    let long = format!("http://127.0.0.1:9/{}", "a".repeat(70_000));
    assert_eq!(answer(&hook, order("seed", seed(&long))).await.0, StatusCode::BAD_REQUEST);
    for here in ["http://127.0.0.1:9", "https://localhost:9/below/"] {
        assert_eq!(answer(&hook, order("seed", seed(here))).await.0, StatusCode::OK, "{here}");
    }
}

/// A way to providers that leads nowhere, and takes note of where it was to lead.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<String>>>);

impl Upstream for Noted {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        self.0.lock().unwrap().push(request.uri().to_string());
        Box::pin(async { Err(SendError::NotSent("nobody is there".into())) })
    }
}

#[tokio::test]
async fn calls_go_to_the_suite_with_no_key_but_the_one_it_gave() {
    let (issuer, vault, noted) =
        ("http://127.0.0.1:8787".parse().unwrap(), Memory::default(), Noted::default());
    vault.keep_key(&Owner::new("ada"), Provider::OpenAi, Secret::new("sk-a-real-one".to_owned()));
    let ports = (noted.clone(), SystemClock, HttpsDocuments::builder().build().unwrap());
    let (consent, desk) = (ConsentPage::at(&issuer, "consent"), Desk(vault.clone()));
    let (okap, hook) =
        Hook::danger_with_ports(Config::at(issuer), vault, consent, desk, ports).unwrap();
    let asked = ask(&okap, "okapconf-3").await;
    let decide = json!({ "correlation": "okapconf-3", "decision": "approve" });
    answer(&hook, order("decide", decide)).await;
    let (_, granted) = outcome(&okap, &asked).await;
    let token = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    let call = async || {
        let prompt = json!({ "model": "gpt-4o", "max_tokens": 1,
            "messages": [{ "role": "user", "content": "hello" }] });
        let mut call = post("/v1/openai/chat/completions", &prompt);
        call.headers_mut().insert("authorization", token.parse().unwrap());
        answer(&okap, call).await;
        noted.0.lock().unwrap().pop().unwrap()
    };
    for (key, status, to) in [
        ("", 500, "https://api.openai.com/v1/chat/completions"),
        ("sk-made-up", 200, "http://127.0.0.1:9/v1/chat/completions"),
    ] {
        let seed = json!({ "provider": "openai", "key": key, "upstream": "http://127.0.0.1:9" });
        assert_eq!(answer(&hook, order("seed", seed)).await.0.as_u16(), status);
        assert_eq!(call().await, to);
    }
}

#[tokio::test]
async fn what_goes_wrong_in_the_rig_is_told() {
    let (_, hook) = started();
    let audit = order("audit", json!({ "grant": "g_0123456789012345678901" }));
    let (status, said) = answer(&hook, audit).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(said, json!({ "error": "the disk is gone" }));
}

#[tokio::test]
async fn a_decision_is_found_by_the_name_of_the_app_and_cannot_widen() {
    let (okap, hook) = started();
    let asked = ask(&okap, "okapconf-1").await;
    let decide = |word, models: Value| {
        let left = json!([{ "models": models }]);
        order("decide", json!({ "correlation": "okapconf-1", "decision": word, "details": left }))
    };
    let (_, ignored) = answer(&hook, decide("ignore", json!([]))).await;
    let page = ignored["page"].as_str().unwrap();
    assert_eq!(asked["interaction_uri"], page, "{asked}");
    // no word at all stands in every request
    let nothing = json!({ "correlation": "", "decision": "deny" });
    assert_eq!(answer(&hook, order("decide", nothing)).await.0, StatusCode::BAD_REQUEST);
    let wider = answer(&hook, decide("narrow", json!(["gpt-4o", "o3"]))).await;
    assert_eq!(wider.0, StatusCode::CONFLICT, "{}", wider.1);
    assert_eq!(outcome(&okap, &asked).await.0, StatusCode::ACCEPTED);
    let narrower = answer(&hook, decide("narrow", json!(["gpt-4o"]))).await;
    assert_eq!(narrower.0, StatusCode::OK, "{}", narrower.1);
    // whoever polls waits in between
    answer(&hook, order("advance", json!({ "seconds": 9 }))).await;
    let (status, granted) = outcome(&okap, &asked).await;
    assert_eq!(status, StatusCode::OK, "{granted}");
    assert_eq!(granted["authorization_details"][0]["models"], json!(["gpt-4o"]));
    // and it is gone with a reset
    assert_eq!(answer(&hook, order("reset", json!({}))).await.1, json!({ "revoked": 1 }));
}

#[tokio::test]
async fn the_clock_is_turned_forward_and_ten_years_at_most() {
    let (okap, hook) = started();
    let asked = ask(&okap, "okapconf-2").await;
    assert_eq!(outcome(&okap, &asked).await.0, StatusCode::ACCEPTED);
    let before = okap.control().now();
    assert_eq!(answer(&hook, order("advance", json!({ "seconds": 601 }))).await.0, StatusCode::OK);
    assert!(okap.control().now() >= before.plus_seconds(601));
    let (status, late) = outcome(&okap, &asked).await;
    assert_eq!((status, &late["error"]), (StatusCode::BAD_REQUEST, &json!("expired_token")));
    let again = order("advance", json!({ "seconds": u32::MAX }));
    assert_eq!(answer(&hook, again).await.0, StatusCode::OK);
    assert!(okap.control().now() < before.plus_seconds(11 * 366 * 86_400));
}
