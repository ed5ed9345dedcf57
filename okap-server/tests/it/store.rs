//! A store that fails, lags, or changes under a call.

use std::{sync::Arc, time::Duration};

use okap_conformance::provider::Rule;
use okap_engine::{ledger::Account, pico::Pico, record::Key};
use okap_server::Vault as _;
use okap_types::Timestamp;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::{
    pushed::{form, push},
    support::{Ask, House, PATIENCE, Plan, chat, chat_with},
};

const LOST: &str = "vault_unavailable";

#[tokio::test]
async fn v187_a_vault_without_its_store_refuses() {
    let house = House::open().await;
    let granted = house.plain().await;
    let pending = house.ask(&chat_with(json!({}))).await;
    let pushed = house.send(push(&form())).await;
    let control = house.control();
    control.vault().down(true);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    assert_eq!(
        house.send(Ask::get("/v1/openai/models").bearer(&granted.token)).await.says(),
        (503, LOST.into())
    );
    assert_eq!(
        house.ask(&chat_with(json!({}))).await.says(),
        (503, "temporarily_unavailable".into())
    );
    assert_eq!(house.fetch(&pending).await.status, 503);
    assert_eq!(house.visit(&pushed).await.status, 503);
    assert_eq!(house.send(push(&form())).await.status, 503);
    let flat = json!({"okap": "1.0", "provider": "openai"});
    let flat = house.send(Ask::post("/okap/request").json(&flat)).await;
    assert_eq!((flat.status, &flat.json()["error_code"]), (200, &json!(LOST)));
    assert_eq!(house.arrived(), 0);
    control.vault().down(false);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    assert_eq!(house.visit(&pushed).await.status, 303);
    house.done().await;
}

#[tokio::test]
async fn v98_a_revocation_that_was_not_stored_is_not_confirmed() {
    let house = House::open().await;
    let granted = house.plain().await;
    let give_back = Ask::post("/okap/revoke").form(&[("token", &granted.token)]);
    let control = house.control();
    for fail in [true, false] {
        control.vault().down(fail);
        control.vault().full(!fail);
        let refused = house.send(give_back.clone()).await;
        assert_eq!(refused.says(), (503, "temporarily_unavailable".into()));
        control.revoke(&crate::support::owner(), &granted.grant.id).await.unwrap_err();
    }
    control.vault().full(false);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    assert_eq!(house.send(give_back).await.status, 200);
    assert_eq!(
        house.send(Ask::chat(&granted.token, json!({}))).await.says(),
        (401, "token_revoked".into())
    );
    house.done().await;
}

#[tokio::test]
async fn a_hold_that_cannot_be_stored_lets_nothing_through() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    let control = house.control();
    control.vault().full(true);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    assert_eq!((house.arrived(), control.vault().opened()), (0, 0));
    control.vault().full(false);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_key_that_cannot_be_opened_costs_nothing() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.control().vault().locked(true);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    house.quiet().await;
    assert_eq!((house.used(&granted).await, house.arrived()), (0, 0));
    house.control().vault().locked(false);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn a_call_that_could_not_be_settled_stays_held() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(300), ..Rule::default() });
    let control = house.control();
    let fail = async {
        house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
        control.vault().full(true);
    };
    let ask = Ask::chat(&granted.token, json!({"max_tokens": 1000}));
    let (unwritten, ()) = tokio::join!(house.send(ask), fail);
    assert_eq!(unwritten.says(), (503, LOST.into()));
    assert!(house.used(&granted).await >= 600_000_000);
    assert!(house.audit().is_empty());
    // nor is another let through meanwhile
    let refused = house.send(Ask::chat(&granted.token, json!({}))).await;
    assert_eq!(refused.says(), (503, LOST.into()));
    control.vault().full(false);
    house.quiet().await;
    assert_eq!(house.audit().len(), 1);
    assert_eq!(house.used(&granted).await, house.provider.ledger().totals.billed_pico);
    house.provider.clear_faults();
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn an_app_that_leaves_while_its_hold_is_stored_leaves_no_hold_behind() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.control().vault().lag(Duration::from_millis(150));
    for _ in 0..3 {
        let body = chat(json!({"max_tokens": 1000})).to_string();
        let mut stream = house.dial().await;
        let head = format!(
            "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            granted.token,
            body.len(),
        );
        let holds = house.control().vault().holds();
        stream.write_all(head.as_bytes()).await.unwrap();
        while house.control().vault().holds() == holds {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(stream);
        house.quiet().await;
    }
    assert_eq!(house.used(&granted).await, house.provider.ledger().totals.billed_pico);
    house.done().await;
}

#[tokio::test]
async fn a_grant_revoked_while_the_call_still_arrives_is_refused() {
    let house = House::open().await;
    for revoke in [true, false] {
        let granted = house.plain().await;
        let body = chat(json!({})).to_string();
        let (early, late) = body.split_at(20);
        let mut stream = house.dial().await;
        let head = format!(
            "POST /v1/openai/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{early}",
            granted.token,
            body.len(),
        );
        let reads = house.control().vault().asked().len();
        stream.write_all(head.as_bytes()).await.unwrap();
        // the token has been looked up, the body is still on its way
        while house.control().vault().asked().len() < reads + 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if revoke {
            house.revoke(&granted).await;
        }
        stream.write_all(late.as_bytes()).await.unwrap();
        let heard = house.hear(&mut stream).await;
        match revoke {
            true => assert!(
                heard.starts_with("HTTP/1.1 401 ") && heard.contains("token_revoked"),
                "{heard}"
            ),
            false => assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}"),
        }
        house.quiet().await;
        assert_eq!(
            (house.arrived(), house.control().vault().opened()),
            if revoke { (0, 0) } else { (1, 1) }
        );
    }
    house.done().await;
}

#[tokio::test]
async fn a_grant_revoked_while_the_hold_is_stored_is_refused() {
    let house = Arc::new(House::open().await);
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.control().vault().lag(Duration::from_millis(300));
    let call = {
        let (house, ask) = (house.clone(), Ask::chat(&granted.token, json!({})));
        tokio::spawn(async move { house.send(ask).await })
    };
    while house.control().vault().holds() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.control().vault().lag(Duration::ZERO);
    house.revoke(&granted).await;
    assert_eq!(call.await.unwrap().says(), (401, "token_revoked".into()));
    house.quiet().await;
    assert_eq!((house.arrived(), house.used(&granted).await), (0, 0));
    Arc::into_inner(house).unwrap().done().await;
}

/// What is on lease goes back by itself once no call needs it, and meanwhile counts as used.
#[tokio::test]
async fn a_lease_that_nobody_uses_goes_back() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    let account = async || {
        let prefix = Key::stored("account/");
        let found = house.control().vault().list(&prefix, None, 10).await.unwrap().remove(0).1;
        serde_json::from_slice::<Account>(&found.bytes).unwrap()
    };
    assert!(account().await.pledged() > Pico::ZERO);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(3);
    while account().await.pledged() > Pico::ZERO {
        assert!(tokio::time::Instant::now() < deadline, "the lease is still out");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stored = account().await.used(Timestamp::from_unix_millis(0)).month.get();
    assert_eq!(stored, house.charged());
    house.done().await;
}

/// While the lease of one account is written, those of the others are not given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_counts_in_three_accounts_passes_on_a_slow_disk() {
    let house = House::open().await;
    let parent = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    let child = house.handed(&parent.token).await;
    let grandchild = house.handed(&child.access).await;
    house.control().vault().lag(Duration::from_millis(200));
    let answer = house.send(Ask::chat(&grandchild.access, json!({}))).await;
    assert_eq!(answer.says(), (200, String::new()));
    // a lease for each account, and what renews them meanwhile
    let writes = house.control().vault().holds();
    assert!(writes <= 6, "{writes} writes for one call");
    house.control().vault().lag(Duration::ZERO);
    house.done().await;
}

#[tokio::test]
async fn a_call_waits_for_a_store_that_hangs_within_bounds() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    house.control().vault().lag(Duration::from_secs(60));
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    assert_eq!((house.arrived(), house.control().vault().opened()), (0, 0));
    house.control().vault().lag(Duration::ZERO);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

/// What hangs fails: no more calls go out whose rows it may never take.
#[tokio::test]
async fn behind_a_row_that_the_store_does_not_take_in_time_no_call_is_let_through() {
    let house = House::open().await;
    let granted = house.plain().await;
    house.control().vault().lag(Duration::from_secs(8));
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    assert_eq!(house.arrived(), 1);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.says(), (503, LOST.into()));
    assert_eq!(house.arrived(), 1);
    house.control().vault().lag(Duration::ZERO);
    house.quiet().await;
    assert_eq!(house.audit().len(), 1);
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    house.done().await;
}

/// An app that hangs up while its call waits for a lease: nothing is taken for it later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_strict_holds_no_lease_is_taken_for_a_call_that_has_left() {
    let house = Plan::new().tune(|config| config.strict_holds = true).build().await;
    let granted = house.grant(chat_with(json!({"requests_per_day": 100}))).await;
    let control = house.control();
    let lent = async || {
        let prefix = Key::stored("account/");
        let found = control.vault().list(&prefix, None, 10).await.unwrap().remove(0).1;
        let account = serde_json::from_slice::<Account>(&found.bytes).unwrap();
        account.used(Timestamp::from_unix_millis(0)).day_requests
    };
    control.vault().lag(Duration::from_millis(300));
    let (host, ask) = (house.host(), Ask::chat(&granted.token, json!({})));
    let left = async {
        while control.vault().holds() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for _ in 0..5 {
            let waits = house.flow_at(&host, ask.clone());
            let _ = tokio::time::timeout(Duration::from_millis(30), waits).await;
        }
    };
    let (first, ()) = tokio::join!(house.send(ask.clone()), left);
    assert_eq!(first.status, 200);
    house.quiet().await;
    assert_eq!(lent().await, 1);
    house.provider.set_barrier(1000, None);
    let second = async {
        house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
        let lent = lent().await;
        house.provider.release_barrier(None);
        lent
    };
    let (answer, lent) = tokio::join!(house.send(ask.clone()), second);
    assert_eq!((answer.status, lent), (200, 2));
    control.vault().lag(Duration::ZERO);
    house.done().await;
}

#[tokio::test]
async fn a_host_that_stops_waits_for_a_store_that_hangs_within_bounds() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": 1}))).await;
    assert_eq!(house.send(Ask::chat(&granted.token, json!({}))).await.status, 200);
    let control = house.control();
    control.vault().lag(Duration::from_secs(60));
    let stopping = tokio::time::timeout(PATIENCE / 4, control.settled(Duration::from_secs(1)));
    assert!(stopping.await.is_ok());
    control.vault().lag(Duration::ZERO);
    house.done().await;
}
