//! Pace and end of a wait. Time is paused: no test sleeps.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::{Canned, Vault, ask, pair};

const CONTINUE: &str = "/okap/continue";

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// When each poll came, in seconds after the first.
fn polls(vault: &Vault) -> Vec<u64> {
    let calls = vault.calls("POST /okap/continue");
    calls.iter().map(|c| (c.at - calls[0].at).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn poll_is_held_by_the_vault_and_repeated_after_the_interval() {
    let (vault, client) = pair();
    vault.decide_after(Some(seconds(70)));
    let start = Instant::now();
    client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 55]);
    assert_eq!(start.elapsed().as_secs(), 70);
    assert_eq!(vault.calls("POST /okap/continue")[0].headers["prefer"], "wait=50");
}

#[tokio::test(start_paused = true)]
async fn interval_is_obeyed_where_the_vault_does_not_hold() {
    let (vault, client) = pair();
    let pending = client.start(ask()).await.unwrap();
    for _ in 0..2 {
        vault.can(CONTINUE, Canned::json(202, json!({"okap": "1.0", "status": "pending"})));
    }
    vault.can(
        CONTINUE,
        Canned::json(202, json!({"okap": "1.0", "status": "pending", "interval": 9})),
    );
    pending.wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 5, 10, 19]);
}

#[tokio::test(start_paused = true)]
async fn interval_of_zero_is_no_licence_to_hammer() {
    let (vault, client) = pair();
    vault.twist("/okap/authorize", |b| b["interval"] = json!(0));
    vault.can(CONTINUE, Canned::json(202, json!({"okap": "1.0", "status": "pending"})));
    client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn interval_beyond_all_time_ends_with_the_wait() {
    let (vault, client) = pair();
    for header in ["", "retry-after"] {
        let pending = client.start(ask()).await.unwrap();
        vault.can(
            CONTINUE,
            match header {
                "" => Canned::json(202, json!({"status": "pending", "interval": u64::MAX})),
                name => Canned::json(429, json!({})).header(name, &u64::MAX.to_string()),
            },
        );
        let start = Instant::now();
        assert!(pending.wait(seconds(60)).await.unwrap_err().is_timeout());
        assert_eq!(start.elapsed(), seconds(60));
    }
    assert_eq!(vault.calls("POST /okap/continue").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn slow_down_adds_five_seconds_for_good() {
    let (vault, client) = pair();
    let pending = client.start(ask()).await.unwrap();
    vault.can(CONTINUE, Canned::json(400, json!({"error": "slow_down"})));
    vault.can(CONTINUE, Canned::json(202, json!({"okap": "1.0", "status": "pending"})));
    vault.can(CONTINUE, Canned::json(429, json!({"error": "slow_down"})));
    pending.wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 10, 20, 35]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed() {
    let (vault, client) = pair();
    let pending = client.start(ask()).await.unwrap();
    vault.can(
        CONTINUE,
        Canned::json(429, json!({"error": "too_many_requests"})).header("retry-after", "42"),
    );
    vault.can(
        CONTINUE,
        Canned::json(429, json!({"error": "too_many_requests"})).header("retry-after", "1"),
    );
    vault.can(CONTINUE, Canned::json(503, json!({})).header("retry-after", "120"));
    pending.wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 42, 57, 177]);
}

#[tokio::test(start_paused = true)]
async fn wait_ends_at_its_time_and_can_be_taken_up_again() {
    let (vault, client) = pair();
    vault.decide_after(Some(seconds(100)));
    let pending = client.start(ask()).await.unwrap();
    let start = Instant::now();
    let error = pending.wait(seconds(60)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.to_string(), "the user has not decided within 60 s");
    assert_eq!(start.elapsed(), seconds(60));
    assert!(pending.wait(seconds(60)).await.is_ok());
    assert_eq!(start.elapsed(), seconds(100));
}

#[tokio::test(start_paused = true)]
async fn wait_of_zero_asks_once_and_keeps_the_pace_across_calls() {
    let (vault, client) = pair();
    vault.decide_after(Some(seconds(1)));
    let pending = client.start(ask()).await.unwrap();
    assert!(pending.wait(Duration::ZERO).await.unwrap_err().is_timeout());
    tokio::time::advance(seconds(2)).await;
    assert!(pending.wait(Duration::ZERO).await.unwrap_err().is_timeout());
    assert_eq!(vault.calls("POST /okap/continue").len(), 1);
    tokio::time::advance(seconds(3)).await;
    assert!(pending.wait(Duration::ZERO).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn request_that_ends_undecided_is_expired() {
    let (vault, client) = pair();
    vault.decide_after(None);
    vault.twist("/okap/authorize", |b| b["expires_in"] = json!(90));
    let pending = client.start(ask()).await.unwrap();
    let start = Instant::now();
    let error = pending.wait(seconds(300)).await.unwrap_err();
    assert!(error.is_expired(), "{error}");
    assert_eq!(start.elapsed(), seconds(90));
    assert_eq!(pending.expires_in(), Some(Duration::ZERO));
    let polled = vault.calls("POST /okap/continue").len();
    assert!(pending.wait(seconds(300)).await.unwrap_err().is_expired());
    assert_eq!(vault.calls("POST /okap/continue").len(), polled);
}

#[tokio::test(start_paused = true)]
async fn vault_may_say_itself_that_the_request_ended() {
    for code in ["expired_token", "token_expired"] {
        let (vault, client) = pair();
        vault.can(CONTINUE, Canned::json(401, json!({"error": code})));
        let error = client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap_err();
        assert!(error.is_expired(), "{error}");
        assert_eq!(error.code(), Some(code));
    }
}

#[tokio::test(start_paused = true)]
async fn denial_ends_the_wait_at_any_status() {
    for status in [403, 200] {
        let (vault, client) = pair();
        let denied =
            json!({"okap": "1.0", "status": "denied", "reason": "", "error": "access_denied"});
        vault.can(CONTINUE, Canned::json(status, denied));
        let error = client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap_err();
        assert!(error.is_denied(), "{error}");
        assert_eq!(vault.calls("POST /okap/continue").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_failures_are_lived_through_and_more_are_not() {
    let down = || Canned::json(503, json!({"error": "temporarily_unavailable"}));
    let (vault, client) = pair();
    for _ in 0..3 {
        vault.can(CONTINUE, down());
    }
    client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [0, 10, 30, 70]);

    // in a row: a good answer between them begins the count again
    let (vault, client) = pair();
    for _ in 0..3 {
        vault.can(CONTINUE, down());
        vault.can(CONTINUE, down());
        vault.can(CONTINUE, Canned::json(202, json!({"status": "pending"})));
    }
    assert!(client.start(ask()).await.unwrap().wait(seconds(300)).await.is_ok());

    let (vault, client) = pair();
    for _ in 0..4 {
        vault.can(CONTINUE, down());
    }
    let error = client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap_err();
    assert!(error.is_vault(), "{error}");
    assert_eq!(error.code(), Some("temporarily_unavailable"));
}

#[tokio::test(start_paused = true)]
async fn wait_that_ends_on_a_failure_names_the_failure() {
    let (vault, client) = pair();
    let html = Canned { body: b"<html>".to_vec(), ..Canned::json(502, json!(0)) };
    vault.can(CONTINUE, html);
    let pending = client.start(ask()).await.unwrap();
    let error = pending.wait(seconds(3)).await.unwrap_err();
    assert!(error.is_temporary() && error.is_vault() && !error.is_timeout(), "{error}");
    assert!(pending.wait(seconds(60)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn grant_that_fails_a_check_ends_the_wait_at_once() {
    let (vault, client) = pair();
    vault.twist(CONTINUE, |b| {
        b["authorization_details"][0]["base_url"] = json!("https://evil.test")
    });
    let error = client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap_err();
    assert!(error.is_untrusted(), "{error}");
    assert_eq!(vault.calls("POST /okap/continue").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refusal_of_the_continuation_token_ends_the_wait() {
    let (vault, client) = pair();
    vault.can(CONTINUE, Canned::json(401, json!({"error": "invalid_token"})));
    let error = client.start(ask()).await.unwrap().wait(seconds(300)).await.unwrap_err();
    assert!(error.is_invalid_request(), "{error}");
    assert_eq!(vault.calls("POST /okap/continue").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_tasks_may_wait_for_one_request() {
    let (vault, client) = pair();
    vault.decide_after(Some(seconds(20)));
    let pending = client.start(ask()).await.unwrap();
    let (one, two) = tokio::join!(pending.wait(seconds(60)), pending.wait(seconds(60)));
    assert_eq!(one.unwrap().token().expose(), two.unwrap().token().expose());
    assert_eq!(vault.calls("POST /okap/continue").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c30_expiry_counts_from_the_answer_by_a_steady_clock() {
    let (vault, client) = pair();
    vault.twist(CONTINUE, |b| {
        b["expires_in"] = json!(3600);
        // a vault whose calendar is years behind
        b["authorization_details"][0]["expires"] = json!("2001-01-01");
    });
    let access = client.start(ask()).await.unwrap().wait(seconds(60)).await.unwrap();
    assert_eq!(access.expires_in(), seconds(3600));
    assert_eq!(access.expires_at(), (Instant::now() + seconds(3600)).into_std());
    tokio::time::advance(seconds(3599)).await;
    assert!(!access.is_expired());
    tokio::time::advance(seconds(1)).await;
    assert!(access.is_expired());
    assert_eq!(access.expires_in(), Duration::ZERO);
}
