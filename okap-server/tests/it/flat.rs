//! The flat request of the `okap` package on PyPI: HTTP 200, whatever the outcome.

use std::time::Duration;

use okap_engine::{flow::Decision, record::Interaction};
use serde_json::{Value, json};

use crate::support::{Answer, Ask, House, Plan, all};

fn body() -> Value {
    json!({"okap": "1.0", "provider": "openai", "models": ["gpt-4o-mini"], "capabilities": ["chat"], "app_name": "Notes"})
}

fn request(body: &Value) -> Ask {
    Ask::post("/okap/request").json(body)
}

impl House {
    /// The request that waits, once it is there.
    async fn waiting(&self) -> Interaction {
        loop {
            let stored = self.control().vault().everything().await;
            let found =
                stored.iter().find_map(|(key, _)| key.as_str().strip_prefix("interaction/"));
            if let Some(id) = found {
                return self.control().interaction(id).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn flat_decided(&self, decision: impl Fn(&Interaction) -> Decision) -> Answer {
        let decide = async {
            let asked = self.waiting().await;
            self.decide(&asked, &decision(&asked)).await.unwrap();
        };
        tokio::join!(self.send(request(&body())), decide).0
    }
}

#[tokio::test]
async fn the_answer_waits_for_the_user() {
    let house = House::open().await;
    let answer = house.flat_decided(all).await;
    let json = answer.json();
    assert_eq!((answer.status, &json["approved"]), (200, &json!(true)));
    let token = &json["token"];
    assert_eq!((&token["provider"], &token["capabilities"]), (&json!("openai"), &json!(["chat"])));
    assert_eq!(token["base_url"], format!("{}/v1/openai", house.issuer));
    let call = Ask::chat(token["token"].as_str().unwrap(), json!({}));
    assert_eq!(house.send(call).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_denial_is_told_with_status_200() {
    let house = House::open().await;
    let answer = house.flat_decided(|_| Decision::Deny).await;
    let json = answer.json();
    assert_eq!(
        (answer.status, &json["approved"], &json["error_code"]),
        (200, &json!(false), &json!("user_denied"))
    );
    assert!(json.get("token").is_none());
    house.done().await;
}

#[tokio::test]
async fn v71_v74_v77_v122_v124_what_cannot_be_granted_is_told_with_status_200() {
    let house = House::open().await;
    let text = body().to_string();
    for (wrong, code) in [
        (text.replace("1.0", "2.0"), "unsupported_version"),
        (text.replace("\"openai\"", "\"Open AI\""), "invalid_authorization_details"),
        (text.replace("\"openai\"", "\"nobody\""), "invalid_request"),
        (text.replacen('{', "{\"provid\\u0065r\":\"anthropic\",", 1), "duplicate_member"),
        (
            text.replacen('{', "{\"base_url\":\"http://evil.example\",", 1),
            "invalid_authorization_details",
        ),
        (
            text.replacen('{', "{\"limits\":{\"monthly_spend\":-1},", 1),
            "invalid_authorization_details",
        ),
        (
            text.replacen('{', "{\"limits\":{\"weekly_spend\":1},", 1),
            "invalid_authorization_details",
        ),
        (text[1..].to_owned(), "invalid_json"),
    ] {
        let answer = house.send(Ask::post("/okap/request").json_text(&wrong)).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["approved"]), (200, &json!(false)), "{wrong}");
        assert_eq!(json["error_code"], code, "{wrong}");
    }
    assert_eq!(house.control().vault().count("interaction").await, 0);
    assert_eq!(house.flat_decided(all).await.json()["approved"], true);
    house.done().await;
}

#[tokio::test]
async fn the_same_request_twice_at_once_is_one_request_and_one_token() {
    let house = House::open().await;
    // both look for an earlier request before either is stored
    house.control().vault().slow_reads(Duration::from_millis(40));
    let decide = async {
        let asked = house.waiting().await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        house.decide(&asked, &all(&asked)).await.unwrap();
    };
    let (one, other, ()) =
        tokio::join!(house.send(request(&body())), house.send(request(&body())), decide);
    assert_eq!(house.control().vault().count("interaction").await, 1);
    let approved = [&one, &other].iter().filter(|a| a.json()["approved"] == true).count();
    assert_eq!(approved, 1, "{} {}", one.text(), other.text());
    house.done().await;
}

#[tokio::test]
async fn another_computer_does_not_pick_up_the_decision() {
    let house = Plan::new().build().await;
    let decide = async {
        let asked = house.waiting().await;
        house.decide(&asked, &all(&asked)).await.unwrap();
    };
    let (mine, ()) = tokio::join!(house.send(request(&body())), decide);
    assert_eq!(mine.json()["approved"], true);
    // the same words from elsewhere are another request
    let count = house.control().vault().count("interaction").await;
    let other =
        tokio::time::timeout(Duration::from_millis(500), house.send(request(&body()).from(3)))
            .await;
    assert!(other.is_err(), "answered at once");
    assert_eq!(house.control().vault().count("interaction").await, count + 1);
    house.done().await;
}
