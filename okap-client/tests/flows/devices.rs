//! RFC 8628, and C33. Time is paused: no test sleeps.

use std::time::Duration;

use okap_client::Provider;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    Canned, Vault, ask, pair,
    vault::{METADATA, TOKEN},
};

const POLL: &str = "/okap/token";

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn error(status: u16, code: &str) -> Canned {
    Canned::json(status, json!({"error": code}))
}

/// When each poll came, in seconds after the codes.
fn polls(vault: &Vault) -> Vec<u64> {
    let start = vault.calls("POST /okap/device_authorization")[0].at;
    vault.calls("POST /okap/token").iter().map(|c| (c.at - start).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn user_enters_the_code_elsewhere_and_the_app_gets_access() {
    let (vault, client) = pair();
    vault.decide_on_device_after(seconds(12));
    let prompt = client.start_on_device(ask()).await.unwrap();
    assert_eq!(
        prompt.to_string(),
        "open https://vault.test/okap/device on any device and enter the code BCDF-GHJK"
    );
    assert_eq!(prompt.user_code(), "BCDF-GHJK");
    assert_eq!(
        prompt.verification_uri_complete().unwrap().as_str(),
        "https://vault.test/okap/device?user_code=BCDF-GHJK"
    );
    assert_eq!(prompt.expires_in(), seconds(600));
    let asked = vault.calls("POST /okap/device_authorization")[0].form();
    assert_eq!(asked["client_id"], "http://localhost");
    assert_eq!(asked["client_name"], "Notes");
    assert_eq!(asked.len(), 3);

    let access = prompt.wait(seconds(300)).await.unwrap();
    assert_eq!(access.token().expose(), TOKEN);
    assert!(access.is_renewable() && !access.is_bound());
    assert_eq!(access.base_url(Provider::OpenAi).unwrap().path(), "/v1/openai");
    assert_eq!(vault.calls("POST /okap/token")[0].form().len(), 3);
    // asking again gives the same
    assert_eq!(prompt.wait(seconds(1)).await.unwrap().token().expose(), TOKEN);
    assert_eq!(polls(&vault), [5, 10, 15]);
}

#[tokio::test(start_paused = true)]
async fn c33_interval_is_obeyed_and_slow_down_adds_five_seconds_for_good() {
    let (vault, client) = pair();
    let prompt = client.start_on_device(ask()).await.unwrap();
    for code in ["authorization_pending", "slow_down", "authorization_pending", "slow_down"] {
        vault.can(POLL, error(400, code));
    }
    prompt.wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [5, 10, 20, 30, 45]);

    for (interval, first) in [(json!(9), 9), (json!(null), 5), (json!(0), 1)] {
        let (vault, client) = pair();
        vault.twist("/okap/device_authorization", move |b| b["interval"] = interval.clone());
        client.start_on_device(ask()).await.unwrap().wait(seconds(60)).await.unwrap();
        assert_eq!(polls(&vault), [first]);
    }
}

#[tokio::test(start_paused = true)]
async fn c33_request_that_ends_undecided_is_expired_and_asked_for_no_more() {
    let (vault, client) = pair();
    vault.decide_on_device_after(seconds(1000));
    vault.twist("/okap/device_authorization", |b| b["expires_in"] = json!(22));
    let start = Instant::now();
    let prompt = client.start_on_device(ask()).await.unwrap();
    let error = prompt.wait(seconds(300)).await.unwrap_err();
    assert!(error.is_expired(), "{error}");
    assert_eq!(start.elapsed(), seconds(22));
    assert_eq!(polls(&vault), [5, 10, 15, 20]);
    assert!(prompt.wait(seconds(300)).await.unwrap_err().is_expired());
    assert_eq!(polls(&vault).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn c33_wait_that_is_dropped_asks_no_more_and_can_be_taken_up_again() {
    let (vault, client) = pair();
    vault.decide_on_device_after(seconds(60));
    let prompt = client.start_on_device(ask()).await.unwrap();
    vault.can(POLL, error(400, "slow_down"));
    assert!(tokio::time::timeout(seconds(12), prompt.wait(seconds(300))).await.is_err());
    tokio::time::advance(seconds(40)).await;
    assert_eq!(polls(&vault), [5]);
    // the slower pace is kept
    prompt.wait(seconds(300)).await.unwrap();
    assert_eq!(polls(&vault), [5, 52, 62]);
}

#[tokio::test(start_paused = true)]
async fn c33_time_of_the_app_ends_the_wait_and_not_the_request() {
    let (vault, client) = pair();
    vault.decide_on_device_after(seconds(30));
    let prompt = client.start_on_device(ask()).await.unwrap();
    assert!(prompt.wait(seconds(20)).await.unwrap_err().is_timeout());
    assert!(prompt.wait(seconds(20)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn c33_last_word_of_the_vault_ends_the_wait() {
    type Is = fn(&okap_client::Error) -> bool;
    let cases: [(&str, Is); 4] = [
        ("access_denied", okap_client::Error::is_denied),
        ("expired_token", okap_client::Error::is_expired),
        ("invalid_grant", okap_client::Error::is_reauthorize),
        ("invalid_client", okap_client::Error::is_invalid_request),
    ];
    for (code, is) in cases {
        let (vault, client) = pair();
        let prompt = client.start_on_device(ask()).await.unwrap();
        vault.can(POLL, error(400, code));
        let error = prompt.wait(seconds(300)).await.unwrap_err();
        assert!(is(&error), "{error}");
        assert_eq!(error.code(), Some(code));
        assert_eq!(vault.calls("POST /okap/token").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_failures_are_lived_through() {
    let (vault, client) = pair();
    let prompt = client.start_on_device(ask()).await.unwrap();
    for _ in 0..3 {
        vault.can(POLL, error(503, "temporarily_unavailable"));
    }
    assert!(prompt.wait(seconds(300)).await.is_ok());
    let (vault, client) = pair();
    let prompt = client.start_on_device(ask()).await.unwrap();
    for _ in 0..4 {
        vault.can(POLL, error(503, "temporarily_unavailable"));
    }
    assert!(prompt.wait(seconds(300)).await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn vault_without_devices_says_so() {
    let (vault, client) = pair();
    vault.twist(METADATA, |m| {
        m.as_object_mut().unwrap().remove("device_authorization_endpoint");
    });
    let error = client.start_on_device(ask()).await.unwrap_err();
    assert_eq!(error.to_string(), "the vault has no device_authorization_endpoint");
}

#[tokio::test]
async fn page_and_code_for_the_user_are_the_vaults() {
    for (name, value) in [
        ("verification_uri", "https://evil.test/okap/device"),
        ("verification_uri_complete", "https://evil.test/okap/device?user_code=BCDF-GHJK"),
        ("user_code", "AB\u{1b}[2J"),
    ] {
        let (vault, client) = pair();
        vault.twist("/okap/device_authorization", move |b| b[name] = json!(value));
        let error = client.start_on_device(ask()).await.unwrap_err();
        assert!(error.is_untrusted() || error.is_vault(), "{name}: {error}");
    }
}
