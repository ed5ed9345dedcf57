//! Requests in a minute and in a day, and the borders of days and months.

use okap_conformance::provider::{Fault, Rule};
use serde_json::json;

use crate::support::{Ask, Granted, House, chat_with};

impl House {
    async fn calls(&self, granted: &Granted) -> u16 {
        self.send(Ask::chat(&granted.token, json!({}))).await.status
    }
}

#[tokio::test]
async fn v180_five_a_minute_are_five_in_any_sixty_seconds() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"requests_per_minute": 5}))).await;
    for _ in 0..5 {
        assert_eq!(house.calls(&granted).await, 200);
        house.clock.turn(10);
    }
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!(refused.says(), (429, "rate_limit_exceeded".into()));
    // the first was 50 s ago
    assert_eq!(
        (refused.header("retry-after"), refused.header("x-should-retry")),
        (Some("10"), None)
    );
    house.clock.turn_ms(9_999);
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    house.clock.turn_ms(1);
    // it fits, and leaves a second later: the provider, too, shall see no more than five
    assert_eq!(house.calls(&granted).await, 200);
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.turn(61);
    for _ in 0..5 {
        assert_eq!(house.calls(&granted).await, 200);
    }
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_eq!(house.arrived(), 11);
    house.done().await;
}

#[tokio::test]
async fn v180_sixty_in_59_9_seconds_are_all_that_fit() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"requests_per_minute": 60}))).await;
    for _ in 0..60 {
        assert_eq!(house.calls(&granted).await, 200);
        house.clock.turn_ms(998);
    }
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.turn_ms(120);
    assert_eq!(house.calls(&granted).await, 200);
    assert_eq!(house.calls(&granted).await, 429);
    house.done().await;
}

#[tokio::test]
async fn v180_what_the_vault_refuses_burns_nothing() {
    let house = House::open().await;
    let granted = house
        .grant(chat_with(
            json!({"requests_per_minute": 1, "requests_per_day": 1, "monthly_spend": "0.1"}),
        ))
        .await;
    for refused in [
        Ask::chat(&granted.token, json!({"model": "gpt-4o"})),
        Ask::chat(&granted.token, json!({"n": 0})),
        Ask::chat(&granted.token, json!({})).json_text("{"),
        Ask::chat(
            &granted.token,
            json!({"messages": [{"role": "user", "content": "x".repeat(900_000)}], "n": 128, "model": "gpt-4o-mini", "max_tokens": 2_000_000_000}),
        ),
        Ask::get("/v1/openai/files").bearer(&granted.token),
        Ask::get("/v1/openai/models").bearer(&granted.token),
    ] {
        house.send(refused).await;
    }
    let before = house.arrived();
    let (status, first) = (house.calls(&granted).await, house.arrived() - before);
    assert!(before == 0 && status == 200 && first == 1, "{before} {status} {first}");
    assert_eq!(house.calls(&granted).await, 429);
    house.done().await;
}

#[tokio::test]
async fn requests_of_a_day_end_at_midnight_utc() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"requests_per_day": 2}))).await;
    house.clock.set("2026-11-15T23:59:58Z");
    assert_eq!((house.calls(&granted).await, house.calls(&granted).await), (200, 200));
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!(refused.says(), (429, "rate_limit_exceeded".into()));
    assert_eq!(
        (refused.header("retry-after"), refused.header("x-should-retry")),
        (None, Some("false"))
    );
    assert_eq!(refused.json()["okap"]["resets_at"], "2026-11-16T00:00:00Z");
    house.clock.set("2026-11-15T23:59:59.999Z");
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.set("2026-11-16T00:00:00Z");
    assert_eq!((house.calls(&granted).await, house.calls(&granted).await), (200, 200));
    assert_eq!(house.calls(&granted).await, 429);
    house.done().await;
}

#[tokio::test]
async fn v182_a_clock_that_steps_back_reopens_no_window() {
    let house = House::open().await;
    let granted =
        house.grant(chat_with(json!({"requests_per_minute": 100, "requests_per_day": 3}))).await;
    house.clock.set("2026-12-01T00:00:10Z");
    for _ in 0..3 {
        assert_eq!(house.calls(&granted).await, 200);
    }
    for earlier in ["2026-11-30T23:59:59Z", "2026-11-15T12:00:00Z", "2026-10-31T12:00:00Z"] {
        house.clock.set(earlier);
        assert_eq!(house.calls(&granted).await, 429, "{earlier}");
    }
    house.clock.set("2026-12-01T23:00:00Z");
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.set("2026-12-02T00:00:00Z");
    assert_eq!(house.calls(&granted).await, 200);
    house.done().await;
}

#[tokio::test]
async fn v182_a_minute_is_not_reopened_either() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"requests_per_minute": 2}))).await;
    assert_eq!((house.calls(&granted).await, house.calls(&granted).await), (200, 200));
    house.clock.turn(-3600);
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.turn(3600 + 59);
    assert_eq!(house.calls(&granted).await, 429);
    house.clock.turn(1);
    assert_eq!(house.calls(&granted).await, 200);
    house.done().await;
}

#[tokio::test]
async fn v182_what_has_expired_stays_expired() {
    let house = House::open().await;
    let mut details = chat_with(json!({}));
    details["expires"] = json!("2026-11-16");
    let granted = house.grant(details).await;
    assert_eq!(house.calls(&granted).await, 200);
    house.clock.set("2026-11-16T00:00:00Z");
    assert_eq!(house.calls(&granted).await, 401);
    house.clock.turn(-3600);
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!(refused.says(), (401, "token_expired".into()));
    house.done().await;
}

#[tokio::test]
async fn money_comes_back_with_the_month_and_the_day() {
    let house = House::open().await;
    for (limit, last, next) in [
        ("monthly_spend", "2026-11-30T23:59:59.999Z", "2026-12-01T00:00:00Z"),
        ("daily_spend", "2026-12-01T23:59:59.999Z", "2026-12-02T00:00:00Z"),
    ] {
        let mut details = chat_with(json!({limit: "0.000070"}));
        details["models"] = json!(["gpt-4o-mini"]);
        let body =
            json!({"okap": "1.0", "authorization_details": [details], "client": {"name": limit}});
        let pending = house.send(Ask::post("/okap/authorize").json(&body)).await;
        let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
        house.decide(&asked, &crate::support::all(&asked)).await.unwrap();
        let token = house.fetch(&pending).await.json()["access_token"].as_str().unwrap().to_owned();
        let spend =
            || async { house.send(Ask::chat(&token, json!({"max_tokens": 40}))).await.status };
        house.provider.set_fault(Rule { words: Some(40), times: Some(1), ..Rule::default() });
        // no usage: the whole bound is charged
        house.provider.set_fault(Rule::fault(Fault::TruncatedJson).times(1));
        assert_eq!(spend().await, 502);
        assert_eq!(spend().await, 402, "{limit}");
        house.clock.set(last);
        assert_eq!(spend().await, 402, "{limit}");
        house.clock.set(next);
        assert_eq!(spend().await, 200, "{limit}");
    }
    house.done().await;
}

#[tokio::test]
async fn a_call_that_ends_tomorrow_is_charged_to_yesterday() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"daily_spend": 1, "monthly_spend": 1}))).await;
    house.clock.set("2026-11-30T23:59:59Z");
    house.provider.set_fault(Rule { words: Some(8), chunk_delay_ms: Some(20), ..Rule::default() });
    let mut flow = house.flow(Ask::chat(&granted.token, json!({"stream": true}))).await;
    flow.until("data:", 3).await;
    house.clock.set("2026-12-01T00:00:01Z");
    assert!(flow.rest().await.whole);
    house.quiet().await;
    assert_eq!(house.used(&granted).await, 0);
    assert_eq!(house.audit()[0].at.to_string(), "2026-11-30T23:59:59Z");
    assert!(house.charged() > 0);
    house.done().await;
}

#[tokio::test]
async fn asking_again_resets_no_counter() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"requests_per_day": 1}))).await;
    assert_eq!(house.calls(&granted).await, 200);
    let again = house.grant(chat_with(json!({"requests_per_day": 1}))).await;
    assert_eq!(house.calls(&again).await, 429);
    house.revoke(&granted).await;
    house.revoke(&again).await;
    let third = house.grant(chat_with(json!({"requests_per_day": 2}))).await;
    assert_eq!((house.calls(&third).await, house.calls(&third).await), (200, 429));
    house.done().await;
}

/// A provider would see a call that leaves too late in the next minute, too.
#[tokio::test]
async fn a_call_that_the_store_holds_up_behind_its_hold_does_not_leave_under_a_rate() {
    let house = House::open().await;
    let rated = house.grant(chat_with(json!({"requests_per_minute": 5}))).await;
    let unrated = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.control().vault().slow_reads(std::time::Duration::from_millis(600));
    let late = house.send(Ask::chat(&rated.token, json!({}))).await;
    assert_eq!(late.says(), (503, "vault_unavailable".into()));
    assert_eq!(house.arrived(), 0);
    assert_eq!(house.send(Ask::chat(&unrated.token, json!({}))).await.status, 200);
    house.control().vault().slow_reads(std::time::Duration::ZERO);
    assert_eq!(house.calls(&rated).await, 200);
    house.done().await;
}
