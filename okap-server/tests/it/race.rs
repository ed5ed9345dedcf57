//! Many calls at once against one cap, while the provider holds its answers.

use std::{sync::Arc, time::Duration};

use okap_conformance::provider::Rule;
use serde_json::{Value, json};

use crate::support::{Ask, Granted, House, PATIENCE, Plan, chat_with};

/// Sends so many calls at once; statuses in order of arrival.
async fn rush(house: &Arc<House>, granted: &Granted, extra: Value, calls: usize) -> Vec<u16> {
    let go = |_| {
        let (house, ask) = (house.clone(), Ask::chat(&granted.token, extra.clone()));
        tokio::spawn(async move { house.send(ask).await.status })
    };
    let tasks: Vec<_> = (0..calls).map(go).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

/// What one call holds, in pico-USD: read while the provider holds its answer.
async fn bound(house: &Arc<House>, details: Value, extra: &Value) -> u64 {
    let probe = house.grant(details).await;
    house.provider.set_barrier(1000, None);
    let before = house.used(&probe).await;
    let (other, ask) = (house.clone(), Ask::chat(&probe.token, extra.clone()));
    let call = tokio::spawn(async move { other.send(ask).await.status });
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
    let held = house.used(&probe).await - before;
    house.provider.release_barrier(None);
    assert_eq!(call.await.unwrap(), 200);
    house.quiet().await;
    held
}

/// USD with six decimals, rounded up.
fn usd(pico: u64) -> String {
    let micros = pico.div_ceil(1_000_000);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn named(limits: Value, model: &str) -> Value {
    let mut details = chat_with(limits);
    details["models"] = json!([model]);
    details
}

async fn sixty_four_at_once(window: &str, extra: Value, model: &str) {
    let at_once = Plan::new().tune(|config| config.wait_for_money = Duration::ZERO);
    let house = Arc::new(at_once.build().await);
    let extra = crate::support::with(extra, json!({"model": model}));
    // asked for by another app, so that its counters are others
    let details = named(json!({window: 1000}), model);
    let one = bound(&house, details, &extra).await;
    assert!(one > 0);
    let cap = usd(one * 10);
    let body = json!({
        "okap": "1.0", "authorization_details": [named(json!({window: cap}), model)], "client": {"name": "Rush"},
    });
    let pending = house.send(Ask::post("/okap/authorize").json(&body)).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let grant = house.decide(&asked, &crate::support::all(&asked)).await.unwrap().grant.unwrap();
    let token = house.fetch(&pending).await.json()["access_token"].as_str().unwrap().to_owned();
    let granted = Granted { token, grant };

    let already = house.provider.ledger().totals;
    house.provider.set_barrier(1000, None);
    let rushing = {
        let (house, granted, extra) = (house.clone(), granted.clone(), extra.clone());
        tokio::spawn(async move { rush(&house, &granted, extra, 64).await })
    };
    // all that ever come are here: let the refusals of the others arrive, then let them go
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 10).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(house.provider.ledger().totals.open, 10);
    assert_eq!(house.used(&granted).await, one * 10);
    house.provider.release_barrier(None);
    let statuses = rushing.await.unwrap();
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(402)), (10, 54), "{statuses:?}");
    house.quiet().await;
    let billed = house.provider.ledger().totals.billed_pico - already.billed_pico;
    assert!(billed <= one * 10, "{billed}");
    // what was held and not spent is there again
    assert_eq!(house.used(&granted).await, billed);
    assert_eq!(house.send(Ask::chat(&granted.token, extra)).await.status, 200);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_calls_against_a_cap_worth_10_exactly_10_pass() {
    sixty_four_at_once("monthly_spend", json!({"max_tokens": 50}), "gpt-4o-mini").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_streams_against_a_days_cap_worth_10_exactly_10_pass() {
    sixty_four_at_once("daily_spend", json!({"max_tokens": 50, "stream": true}), "gpt-4o-mini")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v172_of_64_calls_with_three_answers_each_exactly_10_pass() {
    sixty_four_at_once("monthly_spend", json!({"max_completion_tokens": 900, "n": 3}), "gpt-4o")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_40_calls_at_once_five_a_minute_pass() {
    let house = Arc::new(House::open().await);
    let granted =
        house.grant(chat_with(json!({"requests_per_minute": 5, "monthly_spend": 10}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(100), ..Rule::default() });
    let statuses = rush(&house, &granted, json!({}), 40).await;
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(429)), (5, 35), "{statuses:?}");
    assert_eq!(house.arrived(), 5);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_40_calls_at_once_seven_a_day_pass_through_two_grants() {
    let house = Arc::new(House::open().await);
    let one = house.grant(chat_with(json!({"requests_per_day": 7}))).await;
    let other = house.grant(chat_with(json!({"requests_per_day": 7}))).await;
    let (a, b) =
        tokio::join!(rush(&house, &one, json!({}), 20), rush(&house, &other, json!({}), 20));
    assert_eq!(a.iter().chain(&b).filter(|s| **s == 200).count(), 7);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revoked_under_fire_no_call_passes_that_came_later() {
    let house = Arc::new(House::open().await);
    let granted = house.plain().await;
    let firing = {
        let (house, granted) = (house.clone(), granted.clone());
        tokio::spawn(async move { rush(&house, &granted, json!({}), 60).await })
    };
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    house.revoke(&granted).await;
    let opened = house.control().vault().opened();
    let later = rush(&house, &granted, json!({}), 20).await;
    assert!(later.iter().all(|status| *status == 401), "{later:?}");
    let early = firing.await.unwrap();
    assert!(early.iter().all(|status| matches!(status, 200 | 401)), "{early:?}");
    // a key is opened right behind the last look at the grant: one a thread may be in between
    let after = house.control().vault().opened() - opened;
    assert!(after <= 4, "{after} keys were opened after the revocation");
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_on_one_store_keep_one_cap_and_one_revocation() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let granted =
        house.grant(chat_with(json!({"requests_per_minute": 9, "monthly_spend": 10}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(50), ..Rule::default() });
    let go = |at: String| {
        let (house, ask) = (house.clone(), Ask::chat(&granted.token, json!({})));
        tokio::spawn(async move { house.flow_at(&at, ask).await.rest().await.status })
    };
    let tasks: Vec<_> =
        (0..40).map(|n| go(if n % 2 == 0 { house.host() } else { other.clone() })).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(429)), (9, 31), "{statuses:?}");
    house.quiet().await;
    assert_eq!(house.used(&granted).await, house.provider.ledger().totals.billed_pico);

    // a stream on one node ends when the other revokes
    house.clock.turn(60);
    house.provider.clear_faults();
    house.provider.set_fault(Rule {
        words: Some(3_000),
        chunk_delay_ms: Some(10),
        ..Rule::default()
    });
    let mut flow = house.flow_at(&other, Ask::chat(&granted.token, json!({"stream": true}))).await;
    flow.until("data:", 3).await;
    house.revoke(&granted).await;
    let begun = tokio::time::Instant::now();
    assert!(!flow.rest().await.whole);
    // a look each 400 ms, and a busy machine
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    Arc::into_inner(house).unwrap().done().await;
}

/// Money that is held for calls under way comes back when they cost less: a call that then fits is
/// not refused meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_wait_for_money_that_comes_back() {
    for extra in [json!({"max_tokens": 50}), json!({})] {
        let house = Arc::new(House::open().await);
        // a call holds about 40 times what it costs
        let granted = house.grant(chat_with(json!({"monthly_spend": "0.0002"}))).await;
        house.provider.set_fault(Rule { delay_ms: Some(20), ..Rule::default() });
        let statuses = rush(&house, &granted, extra, 40).await;
        let passed = statuses.iter().filter(|s| **s == 200).count();
        let refused = statuses.iter().filter(|s| **s == 402).count();
        assert_eq!(passed + refused, 40, "{statuses:?}");
        house.quiet().await;
        let used = house.used(&granted).await;
        let each = used / u64::try_from(passed).unwrap();
        println!("{passed} of 40 passed, {refused} refused; {used} of 200000000 used, {each} each");
        assert!(used <= 200_000_000);
        assert_eq!(used, house.provider.ledger().totals.billed_pico);
        // whoever was refused did not fit: not even one more is paid for by what is left
        assert!(refused == 0 || 200_000_000 - used < 35_000_000, "{used} used, {refused} refused");
        Arc::into_inner(house).unwrap().done().await;
    }
}

#[tokio::test]
async fn nobody_waits_for_what_will_not_fit_anyway() {
    let house = House::open().await;
    let granted = house.grant(chat_with(json!({"monthly_spend": "0.0002"}))).await;
    house.provider.set_barrier(1000, None);
    let ask = Ask::chat(&granted.token, json!({"max_tokens": 100}));
    let host = house.host();
    let held = house.flow_at(&host, ask.clone());
    let sent = async {
        house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
        let begun = tokio::time::Instant::now();
        let huge = "x".repeat(2_000);
        let ask =
            Ask::chat(&granted.token, json!({"messages": [{"role": "user", "content": huge}]}));
        assert_eq!(house.send(ask).await.status, 402);
        assert!(begun.elapsed() < Duration::from_secs(5));
        house.provider.release_barrier(None);
    };
    let (flow, ()) = tokio::join!(held, sent);
    assert_eq!(flow.rest().await.status, 200);
    house.done().await;
}

/// Whoever waits is woken by every call that ends, and none of that counts against it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_calls_that_wait_for_each_other_all_pass() {
    let house = Arc::new(House::open().await);
    // enough for what they cost, and for what four or five may cost at most
    let granted = house.grant(chat_with(json!({"monthly_spend": "0.0025"}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(20), ..Rule::default() });
    let statuses = rush(&house, &granted, json!({"max_tokens": 1000}), 200).await;
    let others: Vec<_> = statuses.iter().filter(|status| **status != 200).collect();
    assert!(others.is_empty(), "{others:?}");
    house.quiet().await;
    assert_eq!(house.used(&granted).await, house.provider.ledger().totals.billed_pico);
    Arc::into_inner(house).unwrap().done().await;
}

/// Two grants of one app count in one account, each under its own caps: calls of the one take no
/// lease away from those of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_capped_grant_is_served_beside_a_busy_one_without_a_cap() {
    let house = Arc::new(House::open().await);
    let free = house.grant(chat_with(json!({}))).await;
    let capped =
        house.grant(chat_with(json!({"monthly_spend": 1, "requests_per_day": 1000}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(5), ..Rule::default() });
    let extra = || json!({"max_tokens": 50});
    let (one, other) =
        tokio::join!(rush(&house, &free, extra(), 80), rush(&house, &capped, extra(), 80));
    assert!(one.iter().chain(&other).all(|status| *status == 200), "{one:?} {other:?}");
    Arc::into_inner(house).unwrap().done().await;
}

/// Whoever says how much output it wants waits for it rather than being cut short while money is
/// held that comes back; what will not fit anyway is cut short at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_wait_for_all_the_output_that_they_ask_for() {
    let house = Arc::new(House::open().await);
    // for two at once, and not for three
    let granted = house.grant(chat_with(json!({"monthly_spend": "0.0013"}))).await;
    house.provider.set_fault(Rule { delay_ms: Some(20), ..Rule::default() });
    let go = |_| {
        let (house, ask) = (house.clone(), Ask::chat(&granted.token, json!({"max_tokens": 900})));
        tokio::spawn(async move { house.send(ask).await })
    };
    for task in (0..20).map(go).collect::<Vec<_>>() {
        let answer = task.await.unwrap();
        assert_eq!((answer.status, answer.header("okap-output-ceiling")), (200, None));
    }
    let begun = tokio::time::Instant::now();
    let long = house.send(Ask::chat(&granted.token, json!({"max_tokens": 4000}))).await;
    assert_eq!(long.status, 200);
    assert!(long.header("okap-output-ceiling").is_some());
    assert!(begun.elapsed() < Duration::from_secs(5));
    Arc::into_inner(house).unwrap().done().await;
}
