//! C24, C25, C28: access that is kept. Time is paused: no test sleeps.

use std::{sync::Arc, time::Duration};

use okap_client::{
    Client, MemoryStore, ModelAccess, Provider, Secret, Session, StoreError, TokenStore,
    store::Storing,
};
use serde_json::json;
use tokio::time::advance;

use crate::{
    Canned, VAULT, Vault, ask, built, pair, pair_at, renewable,
    vault::{Lost, METADATA, TOKEN},
};

const AT: &str = "/okap/token";

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A store that tests look into, and break.
#[derive(Clone, Default)]
struct Shelf(Arc<(MemoryStore, std::sync::atomic::AtomicBool)>);

impl Shelf {
    fn breaks(&self, broken: bool) {
        self.0.1.store(broken, std::sync::atomic::Ordering::SeqCst);
    }

    async fn refresh(&self) -> Option<String> {
        let text = self.0.0.load(VAULT).await.unwrap()?;
        let kept: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
        Some(kept["refresh_token"].as_str().unwrap().to_owned())
    }
}

impl TokenStore for Shelf {
    fn load<'a>(&'a self, issuer: &'a str) -> Storing<'a, Option<Secret<String>>> {
        self.0.0.load(issuer)
    }
    fn save<'a>(&'a self, issuer: &'a str, access: &'a Secret<String>) -> Storing<'a, ()> {
        if self.0.1.load(std::sync::atomic::Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::new("disk full")) });
        }
        self.0.0.save(issuer, access)
    }
    fn remove<'a>(&'a self, issuer: &'a str) -> Storing<'a, ()> {
        self.0.0.remove(issuer)
    }
}

/// A vault, a client of it with a store, and a session.
async fn kept() -> (Vault, Client, Shelf, Session) {
    let (vault, shelf) = (Vault::new(VAULT), Shelf::default());
    let client = built(&vault, |b| b.store(shelf.clone()));
    let session = client.session(renewable(&client).await).await.unwrap();
    (vault, client, shelf, session)
}

fn refreshes(vault: &Vault) -> Vec<String> {
    let calls = vault.calls("POST /okap/token").into_iter().map(|c| c.form());
    calls.filter_map(|f| f.get("refresh_token").cloned()).collect()
}

#[tokio::test(start_paused = true)]
async fn access_is_renewed_a_minute_before_its_end_and_not_earlier() {
    let (vault, _, shelf, session) = kept().await;
    advance(seconds(3539)).await;
    assert_eq!(session.access().await.unwrap().token().expose(), TOKEN);
    assert!(refreshes(&vault).is_empty());
    advance(seconds(1)).await;
    let access = session.access().await.unwrap();
    assert_eq!(access.token().expose(), "okap_at_1");
    assert_eq!(access.expires_in(), seconds(3600));
    assert_eq!(refreshes(&vault), ["okap_rt_0"]);
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_1"));
    let form = vault.calls("POST /okap/token")[1].form();
    assert_eq!(form["client_id"], "http://localhost");
    assert_eq!(form.len(), 3);
    // and again, with the next one
    advance(seconds(3600)).await;
    assert_eq!(session.access().await.unwrap().token().expose(), "okap_at_2");
    assert_eq!(refreshes(&vault), ["okap_rt_0", "okap_rt_1"]);
}

#[tokio::test(start_paused = true)]
async fn c25_ten_tasks_make_one_call() {
    let (vault, _, _, session) = kept().await;
    advance(seconds(3590)).await;
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.access().await.unwrap().token().expose().to_owned() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "okap_at_1");
    }
    assert_eq!(refreshes(&vault).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c25_ten_tasks_share_one_failure() {
    let (vault, _, _, session) = kept().await;
    advance(seconds(3601)).await;
    vault.can(METADATA, Canned::json(503, json!({"error": "temporarily_unavailable"})));
    let before = vault.lines().len();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.access().await.unwrap_err().is_temporary() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(vault.lines().len(), before + 1);
}

#[tokio::test(start_paused = true)]
async fn c24_invalid_grant_needs_the_user_and_no_second_call() {
    let (vault, client, shelf, session) = kept().await;
    advance(seconds(3590)).await;
    vault.revoke();
    let error = session.access().await.unwrap_err();
    assert!(error.is_reauthorize(), "{error}");
    assert_eq!(error.code(), Some("invalid_grant"));
    assert!(session.access().await.unwrap_err().is_reauthorize());
    assert_eq!(refreshes(&vault).len(), 1);
    assert_eq!(shelf.refresh().await, None);
    assert!(client.resume().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn c24_vault_that_fails_leaves_the_old_access_in_use_and_says_so() {
    for fail in [
        Canned::json(503, json!({"error": "temporarily_unavailable"})),
        Canned { body: b"<html>".to_vec(), ..Canned::json(502, json!(0)) },
        Canned::json(429, json!({"error": "too_many_requests"})),
    ] {
        let (vault, _, shelf, session) = kept().await;
        advance(seconds(3550)).await;
        for _ in 0..12 {
            vault.can(AT, fail.clone());
        }
        let access = session.access().await.unwrap();
        assert_eq!(access.token().expose(), TOKEN);
        let trouble = session.trouble().unwrap();
        assert!(trouble.is_temporary() && !trouble.is_reauthorize(), "{trouble}");
        assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_0"));
        // not at every call
        let tries = refreshes(&vault).len();
        session.access().await.unwrap();
        assert_eq!(refreshes(&vault).len(), tries);
        // once the token has ended, the failure is the answer
        advance(seconds(60)).await;
        assert!(session.access().await.unwrap_err().is_temporary());
        // and a vault that is well again is asked with the same token
        for _ in 0..20 {
            advance(seconds(6)).await;
            let _ = session.access().await;
        }
        assert_eq!(session.access().await.unwrap().token().expose(), "okap_at_1");
        assert!(session.trouble().is_none());
        assert!(refreshes(&vault).iter().all(|r| r == "okap_rt_0"));
        assert!(vault.stands());
    }
}

#[tokio::test(start_paused = true)]
async fn c24_silence_leaves_the_old_access_in_use() {
    let (vault, _, _, session) = kept().await;
    advance(seconds(3550)).await;
    for _ in 0..3 {
        vault.lose(METADATA, Lost::Silent);
    }
    assert_eq!(session.access().await.unwrap().token().expose(), TOKEN);
    assert!(session.trouble().unwrap().is_network());
}

#[tokio::test(start_paused = true)]
async fn c24_answer_without_a_refresh_token_keeps_the_old_one() {
    let (vault, _, shelf, session) = kept().await;
    advance(seconds(3590)).await;
    let answer = |b: &mut serde_json::Value| {
        b.as_object_mut().unwrap().remove("refresh_token");
    };
    vault.twist(AT, answer);
    assert!(session.access().await.unwrap().is_renewable());
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_0"));
}

#[tokio::test(start_paused = true)]
async fn call_that_broke_off_is_repeated_with_the_same_token_within_the_grace() {
    for how in [Lost::Broken, Lost::Silent] {
        let (vault, _, shelf, session) = kept().await;
        advance(seconds(3590)).await;
        vault.lose(AT, how);
        let access = session.access().await.unwrap();
        assert_eq!(access.token().expose(), "okap_at_2");
        assert_eq!(refreshes(&vault), ["okap_rt_0", "okap_rt_0"]);
        let calls = vault.calls("POST /okap/token");
        assert!(calls[2].at - calls[1].at < seconds(10));
        assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_1"));
        advance(seconds(3590)).await;
        assert!(session.access().await.is_ok());
        assert!(vault.stands());
    }
}

#[tokio::test(start_paused = true)]
async fn tries_stay_within_the_grace_of_the_first() {
    let (vault, _, _, session) = kept().await;
    advance(seconds(3550)).await;
    for _ in 0..20 {
        vault.lose(AT, Lost::Broken);
    }
    session.access().await.unwrap();
    let calls = vault.calls("POST /okap/token");
    assert!(calls.len() > 2);
    assert!(calls.last().unwrap().at - calls[1].at < seconds(10));
    assert!(vault.stands());
}

#[tokio::test(start_paused = true)]
async fn task_that_goes_away_does_not_lose_the_new_token() {
    let (vault, _, shelf, session) = kept().await;
    advance(seconds(3590)).await;
    vault.lose(AT, Lost::Silent);
    // gives up while the answer is under way
    assert!(tokio::time::timeout(seconds(2), session.access()).await.is_err());
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_1"));
    assert!(session.access().await.is_ok());
    assert!(vault.stands());
}

#[tokio::test(start_paused = true)]
async fn store_that_fails_loses_nothing_and_is_tried_again() {
    let (vault, _, shelf, session) = kept().await;
    shelf.breaks(true);
    advance(seconds(3590)).await;
    let access = session.access().await.unwrap();
    assert_eq!(access.token().expose(), "okap_at_1");
    assert!(session.trouble().unwrap().is_store());
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_0"));
    shelf.breaks(false);
    advance(seconds(6)).await;
    session.access().await.unwrap();
    assert!(session.trouble().is_none());
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_1"));
    assert_eq!(refreshes(&vault).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_another_program_renewed_is_taken_over() {
    let (vault, client, _, session) = kept().await;
    let other = client.resume().await.unwrap().unwrap();
    advance(seconds(3590)).await;
    assert_eq!(other.access().await.unwrap().token().expose(), "okap_at_1");
    advance(seconds(20)).await;
    assert_eq!(session.access().await.unwrap().token().expose(), "okap_at_1");
    assert_eq!(refreshes(&vault).len(), 1);
    assert!(vault.stands());
}

#[tokio::test(start_paused = true)]
async fn c28_access_of_another_vault_is_not_used() {
    let (vault, _, shelf, _) = kept().await;
    let elsewhere = Client::builder(
        "https://other.test".parse().unwrap(),
        okap_client::ClientInfo::new("Notes").unwrap(),
    );
    let other = elsewhere.transport(vault.transport()).store(shelf.clone()).build().unwrap();
    assert!(other.resume().await.unwrap().is_none());
    // not even where the store mixes them up
    let text = shelf.load(VAULT).await.unwrap().unwrap();
    shelf.save("https://other.test", &text).await.unwrap();
    assert!(other.resume().await.unwrap_err().is_untrusted());
    // and not from hand to hand
    let (_, client) = pair();
    let (_, stranger) = pair_at("https://third.test");
    let access = renewable(&client).await;
    assert!(stranger.session(access.clone()).await.unwrap_err().is_invalid_request());
    assert!(stranger.refresh(&access).await.unwrap_err().is_invalid_request());
    assert!(client.session(access).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn session_is_taken_up_again_after_a_restart() {
    let (vault, client, _, session) = kept().await;
    let before = session.access().await.unwrap();
    drop(session);
    let session = client.resume().await.unwrap().unwrap();
    let after = session.access().await.unwrap();
    assert_eq!(after.token().expose(), before.token().expose());
    assert_eq!(after.granted_json(), before.granted_json());
    assert_eq!((after.asked(), after.grant_id()), (before.asked(), before.grant_id()));
    assert_eq!(after.ends(), before.ends());
    assert!(after.expires_in() <= seconds(3600) && after.expires_in() > seconds(3590));
    assert!(refreshes(&vault).is_empty());
}

#[tokio::test(start_paused = true)]
async fn c30_calendar_that_was_set_back_gives_no_longer_life() {
    let (_, client) = pair();
    let access = renewable(&client).await;
    let text = access.save().unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
    kept["ends"] = json!("2098-01-01");
    let again = client.restore(&kept.to_string().into()).unwrap();
    assert_eq!(again.expires_in(), seconds(3600));
    kept["ends"] = json!("2020-01-01");
    assert!(client.restore(&kept.to_string().into()).unwrap().is_expired());
}

#[tokio::test(start_paused = true)]
async fn access_that_cannot_be_renewed_is_used_to_its_end() {
    let (vault, client) = pair();
    let access = client.start(ask()).await.unwrap().wait(Duration::ZERO).await.unwrap();
    let session = client.session(access).await.unwrap();
    advance(seconds(3599)).await;
    assert!(session.access().await.is_ok());
    advance(seconds(1)).await;
    let error = session.access().await.unwrap_err();
    assert!(error.is_reauthorize(), "{error}");
    assert!(vault.calls("POST /okap/token").is_empty());
    let access = session.renew(&renewable(&client).await).await.unwrap_err();
    assert!(access.is_reauthorize());
}

#[tokio::test(start_paused = true)]
async fn refused_token_is_renewed_at_once_and_once() {
    let (vault, _, _, session) = kept().await;
    let refused = session.access().await.unwrap();
    let (one, two) = tokio::join!(session.renew(&refused), session.renew(&refused));
    assert_eq!(one.unwrap().token().expose(), "okap_at_1");
    assert_eq!(two.unwrap().token().expose(), "okap_at_1");
    assert_eq!(refreshes(&vault).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn renewed_access_is_held_to_the_same_checks() {
    for (pointer, value) in [
        ("/authorization_details/0/models", json!(["gpt-4o-mini", "o3"])),
        ("/authorization_details/0/base_url", json!("https://evil.test/v1/openai")),
        ("/grant_id", json!("g_2")),
        ("/token_type", json!("DPoP")),
        ("/refresh_token", json!("two words")),
    ] {
        let (vault, client) = pair();
        let access = renewable(&client).await;
        vault.twist(AT, move |b| *b.pointer_mut(pointer).unwrap() = value.clone());
        let error = client.refresh(&access).await.unwrap_err();
        assert!(error.is_untrusted() || error.is_vault(), "{pointer}: {error}");
    }
    let (_, client) = pair();
    let renewed = client.refresh(&renewable(&client).await).await.unwrap();
    assert_eq!(renewed.differences(), []);
}

#[tokio::test(start_paused = true)]
async fn session_that_is_given_back_is_forgotten() {
    let (vault, client, shelf, session) = kept().await;
    vault.can("/okap/revoke", Canned::json(503, json!({"error": "temporarily_unavailable"})));
    assert!(session.revoke().await.unwrap_err().is_temporary());
    assert!(session.access().await.is_ok());
    session.revoke().await.unwrap();
    let given: Vec<_> = vault.calls("POST /okap/revoke");
    let given: Vec<_> = given.iter().map(|c| c.form()["token"].clone()).collect();
    assert_eq!(given, ["okap_rt_0", "okap_rt_0", TOKEN]);
    assert!(session.access().await.unwrap_err().is_reauthorize());
    assert_eq!(shelf.refresh().await, None);
    assert!(client.resume().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn narrow_access_leaves_the_session_whole() {
    let (vault, client, shelf, session) = kept().await;
    let less = ask().limits(okap_client::Limits::monthly(okap_client::Money::usd(1)));
    let narrow = session.narrow(less).await.unwrap();
    assert!(!narrow.is_renewable());
    assert_eq!(narrow.granted()[0].limits.monthly_spend, Some(okap_client::Money::usd(1)));
    assert_eq!(session.access().await.unwrap().token().expose(), TOKEN);
    assert_eq!(shelf.refresh().await.as_deref(), Some("okap_rt_1"));
    advance(seconds(3590)).await;
    let whole = session.access().await.unwrap();
    assert_eq!(whole.granted()[0].limits.monthly_spend, Some(okap_client::Money::usd(10)));
    assert!(vault.stands());
    // a wish for more than was granted uses nothing up
    vault.can(AT, Canned::json(400, json!({"error": "invalid_authorization_details"})));
    let error = session.narrow(ModelAccess::new(Provider::Groq)).await.unwrap_err();
    assert!(error.is_invalid_request(), "{error}");
    assert!(session.access().await.is_ok());
    assert!(client.resume().await.unwrap().is_some());
}
