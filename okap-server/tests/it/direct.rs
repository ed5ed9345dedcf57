//! The direct request: one JSON body, then the outcome.

use std::time::Duration;

use okap_engine::flow::Decision;
use okap_server::AutoApprove;
use serde_json::{Value, json};

use crate::support::{Ask, House, Plan, all, chat_with, owner};

fn body() -> Value {
    json!({"okap": "1.0", "request": {"provider": "openai", "models": ["gpt-4o-mini"]}, "client": {"name": "Notes"}})
}

fn authorize(body: &Value) -> Ask {
    Ask::post("/okap/authorize").json(body)
}

impl House {
    async fn interactions(&self) -> usize {
        self.control().vault().count("interaction").await
    }
}

#[tokio::test]
async fn v119_a_request_without_a_user_waits_and_holds_no_token() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    assert_eq!((pending.status, pending.header("cache-control")), (202, Some("no-store")));
    assert!(!pending.text().contains("okap_at_"));
    let json = pending.json();
    assert_eq!((&json["status"], &json["okap"]), (&json!("pending"), &json!("1.0")));
    assert!(json.get("token").is_none() && json.get("access_token").is_none());
    assert_eq!(json["continue"]["uri"], format!("{}/okap/continue", house.issuer));
    assert_eq!(house.fetch(&pending).await.status, 202);
    // the continuation token opens nothing else
    let token = json["continue"]["access_token"].as_str().unwrap();
    assert_eq!(house.send(Ask::chat(token, json!({}))).await.says(), (401, "invalid_token".into()));
    house.done().await;
}

#[tokio::test]
async fn both_shapes_are_answered_in_their_own_words() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &all(&asked)).await.unwrap();
    let flat = house.fetch(&pending).await.json();
    assert_eq!((&flat["status"], &flat["token"]), (&json!("granted"), &flat["access_token"]));
    assert_eq!(flat["base_url"], format!("{}/v1/openai", house.issuer));
    assert_eq!(flat["models"], json!(["gpt-4o-mini"]));

    let pending = house.ask(&chat_with(json!({}))).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &all(&asked)).await.unwrap();
    let detailed = house.fetch(&pending).await.json();
    assert_eq!(
        detailed["authorization_details"][0]["base_url"],
        format!("{}/v1/openai", house.issuer)
    );
    for answer in [&flat, &detailed] {
        // such access is neither renewed nor bound to a key
        assert_eq!(
            (&answer["refresh_token"], &answer["token_type"]),
            (&json!(null), &json!("Bearer"))
        );
        let token = answer["token"].as_str().unwrap();
        assert_eq!(house.send(Ask::chat(token, json!({}))).await.status, 200);
    }
    house.done().await;
}

#[tokio::test]
async fn a_denial_cannot_be_read_as_success() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &Decision::Deny).await.unwrap();
    let denied = house.fetch(&pending).await;
    assert_eq!(denied.status, 403);
    let json = denied.json();
    assert_eq!((&json["status"], &json["error"]), (&json!("denied"), &json!("access_denied")));
    assert!(!denied.text().contains("okap_"));
    house.done().await;
}

#[tokio::test]
async fn an_address_to_call_back_is_never_called() {
    let house = House::open().await;
    let address = "https://notes.example/okap";
    let mut body = body();
    body["client"]["callback"] = json!(address);
    let pending = house.send(authorize(&body)).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let decided = house.decide(&asked, &all(&asked)).await.unwrap();
    assert!(decided.redirect.is_none());
    let answer = house.fetch(&pending).await;
    assert_eq!((answer.status, answer.header("location")), (200, None));
    assert!(!answer.text().contains(address));
    assert_eq!((house.internet.all_visits(), house.arrived()), (0, 0));
    house.done().await;
}

#[tokio::test]
async fn v121_the_two_shapes_exclude_each_other() {
    let house = House::open().await;
    let mut both = body();
    both["authorization_details"] = json!([chat_with(json!({}))]);
    assert_eq!(house.send(authorize(&both)).await.says(), (400, "invalid_request".into()));
    assert_eq!(
        house.send(authorize(&json!({"okap": "1.0"}))).await.says(),
        (400, "invalid_request".into())
    );
    assert_eq!(house.interactions().await, 0);
    assert_eq!(house.send(authorize(&body())).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn v122_a_version_of_another_major_is_named() {
    let house = House::open().await;
    for version in [
        json!("2.0"),
        json!(1),
        json!(1.0),
        json!("1"),
        json!("1.0.0"),
        json!("01.0"),
        json!("1.00"),
        json!(" 1.0"),
        json!(null),
        json!(["1.0"]),
    ] {
        let mut wrong = body();
        wrong["okap"] = version;
        let refused = house.send(authorize(&wrong)).await;
        assert_eq!(refused.says(), (400, "unsupported_version".into()), "{wrong}");
        assert_eq!(refused.json()["okap_versions_supported"], json!(["1.0"]));
    }
    let mut none = body();
    none.as_object_mut().unwrap().remove("okap");
    assert_eq!(house.send(authorize(&none)).await.says(), (400, "unsupported_version".into()));
    let mut newer = body();
    newer["okap"] = json!("1.7");
    assert_eq!(house.send(authorize(&newer)).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn v123_only_json_is_json() {
    let house = House::open().await;
    let text = body().to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "text/json",
        "application/jsonp",
    ] {
        for path in ["/okap/authorize", "/okap/request"] {
            let ask = Ask::post(path).header("content-type", kind).raw(text.as_bytes());
            assert_eq!(
                house.send(ask).await.says(),
                (415, "unsupported_media_type".into()),
                "{kind}"
            );
        }
    }
    assert_eq!(house.send(Ask::post("/okap/authorize").raw(text.as_bytes())).await.status, 415);
    assert_eq!(house.interactions().await, 0);
    let ask =
        Ask::post("/okap/authorize").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(house.send(ask.raw(text.as_bytes())).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn v127_an_outcome_is_fetched_once() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &all(&asked)).await.unwrap();
    assert_eq!(house.fetch(&pending).await.status, 200);
    // at once, and later
    assert_eq!(house.fetch(&pending).await.says(), (401, "invalid_token".into()));
    house.clock.turn(5);
    let gone = house.fetch(&pending).await;
    assert_eq!(gone.says(), (401, "invalid_token".into()));
    assert!(gone.header("www-authenticate").is_some());
    house.done().await;
}

#[tokio::test]
async fn v127_polling_faster_than_told_is_slowed_down() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    assert_eq!(house.fetch(&pending).await.status, 202);
    let slow = house.fetch(&pending).await;
    assert_eq!(slow.says(), (429, "slow_down".into()));
    assert_eq!(slow.header("retry-after"), Some("2"));
    house.clock.turn(2);
    assert_eq!(house.fetch(&pending).await.status, 202);
    for wrong in ["", "x", "okap_ct_x"] {
        let refused = house.send(Ask::post("/okap/continue").bearer(wrong)).await;
        assert_eq!(refused.says(), (401, "invalid_token".into()));
    }
    house.done().await;
}

#[tokio::test]
async fn a_long_poll_answers_as_soon_as_the_user_has_decided() {
    let house = House::open().await;
    let pending = house.send(authorize(&body())).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let token = pending.json()["continue"]["access_token"].as_str().unwrap().to_owned();
    let begun = tokio::time::Instant::now();
    let wait =
        Ask::post("/okap/continue").bearer(&token).header("prefer", "respond-async, wait=15");
    let decide = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        house.decide(&asked, &all(&asked)).await.unwrap();
    };
    let (answer, ()) = tokio::join!(house.send(wait), decide);
    assert_eq!(answer.status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    house.done().await;
}

#[tokio::test]
async fn v128_one_app_waits_with_three_requests_at_most() {
    let house = House::open().await;
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(house.send(authorize(&body())).await);
    }
    assert_eq!(answers.iter().filter(|a| a.status == 202).count(), 3);
    let refused = answers.last().unwrap();
    assert_eq!(refused.says(), (429, "too_many_requests".into()));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(house.interactions().await, 3);
    house.clock.turn(61);
    let mut other = body();
    other["client"]["name"] = json!("Other");
    assert_eq!(house.send(authorize(&other)).await.status, 202);
    assert_eq!(house.send(authorize(&body())).await.status, 429);
    // a decision makes room
    let asked = house.interaction(answers[0].json()["interaction_uri"].as_str().unwrap()).await;
    house.decide(&asked, &Decision::Deny).await.unwrap();
    assert_eq!(house.send(authorize(&body())).await.status, 202);
    house.done().await;
}

#[tokio::test]
async fn a_policy_decides_within_its_bounds_and_denies_beyond() {
    let policy = AutoApprove::for_owner(owner()).models(["gpt-4o-mini"]).unwrap();
    let policy = policy.limits(okap_types::Limits::monthly(okap_types::Money::usd(3)));
    let house = Plan::new().policy(policy).build().await;
    let granted = house.send(authorize(&body())).await;
    assert_eq!((granted.status, &granted.json()["limits"]["monthly_spend"]), (200, &json!("3.00")));
    let mut beyond = body();
    beyond["request"]["models"] = json!(["gpt-4o-mini", "gpt-4o"]);
    assert_eq!(house.send(authorize(&beyond)).await.says(), (403, "access_denied".into()));
    let mut more = body();
    more["request"]["limits"] = json!({"monthly_spend": 100});
    assert_eq!(house.send(authorize(&more)).await.json()["limits"]["monthly_spend"], "3.00");
    house.done().await;
}
