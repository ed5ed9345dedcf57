//! Between the request and the grant: the browser, the page, the decision.

use okap_engine::{
    flow::{Decision, shown},
    narrow::Approved,
    record::{Interaction, Owner},
};
use okap_server::AutoApprove;
use okap_types::{Capability, Limits, Models, Money};
use serde_json::json;
use url::Url;

use crate::{
    pushed::{changed, form, push},
    support::{Answer, Ask, House, Plan, all, chat_with, first, owner},
};

impl House {
    /// The browser follows the app's link.
    pub(crate) async fn visit(&self, pushed: &Answer) -> Answer {
        self.send(Ask::get(&link(pushed.json()["request_uri"].as_str().unwrap()))).await
    }
}

pub(crate) fn link(request_uri: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("client_id", "http://localhost").append_pair("request_uri", request_uri);
    format!("/okap/authorize?{}", query.finish())
}

/// A page for people: no redirect, no frame, no cache.
fn is_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("location"), None);
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
}

#[tokio::test]
async fn v23_a_request_uri_is_good_once_and_for_90_seconds() {
    let house = House::open().await;
    let pushed = house.send(push(&form())).await;
    assert_eq!(house.visit(&pushed).await.status, 303);
    let again = house.visit(&pushed).await;
    is_page(&again, 400);
    assert!(again.text().contains("invalid_request_uri"));

    let pushed = house.send(push(&form())).await;
    house.clock.turn(90);
    let late = house.visit(&pushed).await;
    is_page(&late, 400);
    assert!(late.text().contains("invalid_request_uri"));

    let pushed = house.send(push(&form())).await;
    house.clock.turn(89);
    assert_eq!(house.visit(&pushed).await.status, 303);
    house.done().await;
}

#[tokio::test]
async fn v25_v44_a_browser_without_a_pushed_request_gets_a_page_and_no_redirect() {
    let house = House::open().await;
    let pushed = house.send(push(&form())).await.json();
    let uri = pushed["request_uri"].as_str().unwrap();
    for query in [
        String::new(),
        "?client_id=http://localhost".to_owned(),
        "?response_type=code&client_id=http://localhost&redirect_uri=http://127.0.0.1:51004/cb"
            .to_owned(),
        format!("?request_uri={uri}"),
        format!("?client_id=http://localhost/&request_uri={uri}"),
        format!("?client_id=http://localhost&request_uri={uri}&request_uri={uri}"),
        format!("?client_id=http://localhost&request_uri={uri}x"),
        "?client_id=<script>&request_uri=<script>".to_owned(),
    ] {
        let refused = house
            .send(Ask::get(
                &format!("/okap/authorize{query}").replace('<', "%3C").replace('>', "%3E"),
            ))
            .await;
        is_page(&refused, 400);
        assert!(!refused.text().contains("<script>"));
    }
    // none of them used it up
    assert_eq!(house.send(Ask::get(&link(uri))).await.status, 303);
    house.done().await;
}

fn policy() -> Plan {
    Plan::new().policy(AutoApprove::for_owner(owner()).models(["gpt-4o-mini"]).unwrap())
}

#[tokio::test]
async fn v39_v40_the_answer_is_a_303_that_names_its_issuer() {
    let house = policy().build().await;
    let pushed = house.send(push(&form())).await;
    let back = house.visit(&pushed).await;
    assert_eq!(back.status, 303);
    let to: Url = back.header("location").unwrap().parse().unwrap();
    let query: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert!(to.as_str().starts_with("http://127.0.0.1:51004/cb?"));
    assert!(query["code"].starts_with("okap_ac_"));
    assert_eq!((&*query["state"], &*query["iss"], query.len()), ("s-1", &*house.issuer, 3));
    assert_eq!(back.header("cache-control"), Some("no-store"));
    assert_eq!(back.header("referrer-policy"), Some("no-referrer"));

    let details = json!([{"type": "ai_model_access", "provider": "openai", "models": ["gpt-4o"]}]);
    let pushed = house.send(push(&changed("authorization_details", &details.to_string()))).await;
    let back = house.visit(&pushed).await;
    assert_eq!(back.status, 303);
    let to: Url = back.header("location").unwrap().parse().unwrap();
    let query: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert_eq!(
        (&*query["error"], &*query["state"], &*query["iss"]),
        ("access_denied", "s-1", &*house.issuer)
    );
    house.done().await;
}

#[tokio::test]
async fn v40_a_decision_on_the_page_names_the_issuer_too() {
    let house = House::open().await;
    for approve in [true, false] {
        let pushed = house.send(push(&form())).await;
        let page = house.visit(&pushed).await;
        let asked = house.interaction(page.header("location").unwrap()).await;
        let decision = if approve { all(&asked) } else { Decision::Deny };
        let back = house.decide(&asked, &decision).await.unwrap().redirect.unwrap();
        let pairs: Vec<_> = back.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(pairs, [if approve { "code" } else { "error" }, "state", "iss"]);
    }
    house.done().await;
}

#[tokio::test]
async fn v42_v43_no_request_from_outside_decides() {
    let house = House::open().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let page = pending.json()["interaction_uri"].as_str().unwrap().to_owned();
    let path = page.strip_prefix(&house.issuer).unwrap();
    let asked = house.interaction(&page).await;
    let (id, hash) = (asked.id.clone(), shown(&asked));
    let pairs =
        [("interaction", &*id), ("shown", &*hash), ("decision", "approve"), ("approve", "1")];
    for ask in [
        Ask::post(path).form(&pairs),
        Ask::get(&format!("{path}?decision=approve&shown={hash}")),
        Ask::post("/okap/authorize").form(&pairs),
        Ask::get(&format!("/okap/authorize?interaction={id}&decision=approve")),
        Ask::post("/okap/decide").form(&pairs),
        Ask::post("/okap/continue").form(&pairs),
    ] {
        let answer = house.send(ask.header("origin", "https://evil.example")).await;
        assert!(matches!(answer.status, 400..=499), "{} {}", answer.status, answer.text());
    }
    assert_eq!(house.fetch(&pending).await.status, 202);
    assert_eq!(house.control().vault().count("grant").await, 0);
    house.decide(&asked, &all(&asked)).await.unwrap();
    house.clock.turn(2);
    assert_eq!(house.fetch(&pending).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v47_a_decision_beyond_the_request_grants_nothing() {
    let house = House::open().await;
    let limits = json!({"monthly_spend": 10, "requests_per_minute": 5});
    let pending = house.ask(&chat_with(limits)).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    type Tamper = fn(&mut Approved);
    let tampered: [(&str, Tamper); 8] = [
        ("every model", |part| part.models = Models::Any),
        ("a model more", |part| {
            part.models =
                Models::Listed(vec!["gpt-4o-mini".parse().unwrap(), "gpt-4o".parse().unwrap()])
        }),
        ("a capability more", |part| part.capabilities.push(Capability::Vision)),
        ("more money", |part| part.limits.monthly_spend = Money::from_micros(10_000_001)),
        ("no limit", |part| part.limits = Limits::default()),
        ("a limit less", |part| part.limits.requests_per_minute = None),
        ("longer", |part| part.expires = part.expires.plus_seconds(400 * 24 * 3600)),
        ("nothing", |part| part.models = Models::Listed(Vec::new())),
    ];
    for (what, tamper) in tampered {
        house.decide(&asked, &first(&asked, tamper)).await.expect_err(what);
    }
    let Decision::Approve(mut parts) = all(&asked) else { unreachable!() };
    parts.push(parts[0].clone());
    house.decide(&asked, &Decision::Approve(parts)).await.expect_err("a part more");
    house.decide(&asked, &Decision::Approve(vec![])).await.expect_err("no part");
    house.decide(&asked, &Decision::Approve(vec![None])).await.expect_err("nothing left");
    assert_eq!(house.control().vault().count("grant").await, 0);
    house.decide(&asked, &all(&asked)).await.unwrap();
    house.done().await;
}

#[tokio::test]
async fn v47_what_was_shown_is_what_is_decided() {
    let house = House::open().await;
    let one = house.ask(&chat_with(json!({"monthly_spend": 1}))).await;
    let other = house.ask(&chat_with(json!({"monthly_spend": 1000}))).await;
    let one = house.interaction(one.json()["interaction_uri"].as_str().unwrap()).await;
    let other = house.interaction(other.json()["interaction_uri"].as_str().unwrap()).await;
    let control = house.control();
    for hash in [shown(&one), String::new(), shown(&other).to_uppercase()] {
        control.decide(&other.id, &owner(), &hash, &all(&other)).await.unwrap_err();
    }
    control.decide(&other.id, &owner(), &shown(&other), &all(&other)).await.unwrap();
    for id in ["", "x", "../grant/x", &"A".repeat(43), &format!("{}\n", &one.id[..42])] {
        control.interaction(id).await.unwrap_err();
    }
    house.done().await;
}

#[tokio::test]
async fn v48_what_the_user_lowers_is_what_the_app_gets() {
    let house = House::open().await;
    let details = json!([{
        "type": "ai_model_access", "provider": "openai", "models": ["gpt-4o-mini", "gpt-4o"],
        "capabilities": ["chat", "embeddings"], "limits": {"monthly_spend": 10},
    }]);
    let pending = house.ask(&details).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let lower = |part: &mut Approved| {
        part.models = Models::Listed(vec!["gpt-4o-mini".parse().unwrap()]);
        part.capabilities = vec![Capability::Chat];
        part.limits = Limits::monthly(Money::usd(2)).per_day(7);
    };
    house.decide(&asked, &first(&asked, lower)).await.unwrap();
    let answer = house.fetch(&pending).await.json();
    let granted = &answer["authorization_details"][0];
    assert_eq!(granted["models"], json!(["gpt-4o-mini"]));
    assert_eq!(granted["models_refused"], json!(["gpt-4o"]));
    assert_eq!(granted["capabilities"], json!(["chat"]));
    assert_eq!(granted["limits"], json!({"monthly_spend": "2.00", "requests_per_day": 7}));
    let token = answer["access_token"].as_str().unwrap();
    let refused = house.send(Ask::chat(token, json!({"model": "gpt-4o"}))).await;
    assert_eq!(refused.says(), (403, "model_not_allowed".into()));
    assert_eq!(house.send(Ask::chat(token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn v49_words_of_an_app_are_cleaned_before_anybody_sees_them() {
    let house = House::open().await;
    let dirty = "No\u{202e}tes\u{2066}\u{200b} \u{0}by\nyour\u{1b}[31m bank\u{feff}\u{e0041}";
    let pushed = house.pushes("client_name", dirty).await;
    let page = house.visit(&pushed).await;
    let asked = house.interaction(page.header("location").unwrap()).await;
    assert_eq!(asked.app.info.name.unwrap().as_str(), "Notes by your[31m bank");
    assert_eq!(house.pushes("client_name", &"n".repeat(81)).await.status, 400);
    assert_eq!(house.pushes("client_name", &"n".repeat(80)).await.status, 201);

    let mut details = chat_with(json!({}));
    details["reason"] = json!(format!("line\u{202e}\u{7}{}", "é".repeat(276)));
    let pending = house.ask(&details).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    assert_eq!(asked.access[0].reason.as_ref().unwrap().as_str().chars().count(), 280);
    details["reason"] = json!("r".repeat(281));
    assert_eq!(house.ask(&details).await.says(), (400, "invalid_authorization_details".into()));
    house.done().await;
}

#[tokio::test]
async fn a_request_is_decided_once() {
    let house = House::open().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &Decision::Deny).await.unwrap();
    house.decide(&asked, &all(&asked)).await.unwrap_err();
    assert_eq!(house.fetch(&pending).await.says(), (403, "access_denied".into()));
    assert_eq!(house.control().vault().count("grant").await, 0);
    house.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_decisions_at_once_one_holds() {
    let house = House::open().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let decide = |asked: Interaction| {
        let control = house.control();
        tokio::spawn(async move {
            let (hash, decision) = (shown(&asked), all(&asked));
            control.decide(&asked.id, &owner(), &hash, &decision).await.is_ok()
        })
    };
    let mut held = 0;
    for task in (0..32).map(|_| decide(asked.clone())).collect::<Vec<_>>() {
        held += usize::from(task.await.unwrap());
    }
    assert_eq!((held, house.control().vault().count("grant").await), (1, 1));
    house.done().await;
}

#[tokio::test]
async fn a_request_nobody_decided_ends() {
    let house = House::open().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.clock.turn(600);
    house.decide(&asked, &all(&asked)).await.unwrap_err();
    let ended = house.fetch(&pending).await;
    assert_eq!(ended.says(), (400, "expired_token".into()));
    assert!(ended.json()["status"].is_null());
    assert_eq!(house.fetch(&pending).await.says(), (401, "invalid_token".into()));
    // that nobody answered is not the user's no
    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &Decision::Deny).await.unwrap();
    assert_eq!(house.fetch(&pending).await.says(), (403, "access_denied".into()));
    house.done().await;
}

#[tokio::test]
async fn nobody_decides_or_takes_back_what_is_anothers() {
    let house = House::open().await;
    let granted = house.plain().await;
    let stranger = Owner::new("eve");
    let control = house.control();
    control.revoke(&stranger, &granted.grant.id).await.unwrap_err();
    assert!(control.grants(&stranger).await.unwrap().is_empty());
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    assert_eq!(control.grants(&owner()).await.unwrap().len(), 1);
    house.revoke(&granted).await;
    assert_eq!(
        house.send(Ask::chat(&granted.token, json!({}))).await.says(),
        (401, "token_revoked".into())
    );
    house.done().await;
}
