//! Many calls at once on what was handed on: one cap for the whole family, on any number of nodes.

use std::{sync::Arc, time::Duration};

use okap_conformance::provider::Rule;
use okap_engine::ledger::Account;
use serde_json::{Value, json};

use crate::support::{Ask, Granted, House, PATIENCE, Plan, Tokens, chat_with, exchange, post};

/// Sends one call with each token at once, in turn to each node; statuses in order of sending.
async fn rush(house: &Arc<House>, hosts: &[String], tokens: &[String], extra: &Value) -> Vec<u16> {
    let go = |(n, token): (usize, &String)| {
        let (house, ask) = (house.clone(), Ask::chat(token, extra.clone()));
        let at = hosts[n % hosts.len()].clone();
        tokio::spawn(async move { house.flow_at(&at, ask).await.rest().await.status })
    };
    let tasks: Vec<_> = tokens.iter().enumerate().map(go).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

/// The parent, two children, and a child of one of them.
async fn family(house: &House, parent: &Granted) -> Vec<String> {
    let one = house.handed(&parent.token).await;
    let two = house.handed(&parent.token).await;
    let grandchild = house.handed(&one.access).await;
    vec![parent.token.clone(), one.access, two.access, grandchild.access]
}

/// So many tokens, each of the family in turn.
fn in_turn(family: &[String], calls: usize) -> Vec<String> {
    family.iter().cycle().take(calls).cloned().collect()
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|s| **s == status).count()
}

/// Money that one call holds, in pico-USD.
async fn bound(house: &Arc<House>, extra: &Value) -> u64 {
    let body = json!({
        "okap": "1.0", "authorization_details": [chat_with(json!({"monthly_spend": 1000}))],
        "client": {"name": "Probe"},
    });
    let pending = house.send(Ask::post("/okap/authorize").json(&body)).await;
    let asked = house.interaction(pending.json()["interaction_uri"].as_str().unwrap()).await;
    let grant = house.decide(&asked, &crate::support::all(&asked)).await.unwrap().grant.unwrap();
    let token = house.fetch(&pending).await.json()["access_token"].as_str().unwrap().to_owned();
    let probe = Granted { token, grant };
    house.provider.set_barrier(1000, None);
    let (other, ask) = (house.clone(), Ask::chat(&probe.token, extra.clone()));
    let call = tokio::spawn(async move { other.send(ask).await.status });
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 1).await.unwrap();
    let held = house.used(&probe).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v90_v172_fifty_calls_of_a_family_on_two_nodes_never_pass_the_parents_cap() {
    let at_once = Plan::new().tune(|config| config.wait_for_money = Duration::ZERO);
    let mut house = at_once.build().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let hosts = [house.host(), other];
    let extra = json!({"max_tokens": 50});
    let one = bound(&house, &extra).await;
    let parent = house.grant(chat_with(json!({"monthly_spend": usd(one * 10)}))).await;
    let tokens = in_turn(&family(&house, &parent).await, 50);
    let already = house.provider.ledger().totals.billed_pico;
    house.provider.set_barrier(1000, None);
    let rushing = {
        let (house, hosts, extra) = (house.clone(), hosts.clone(), extra.clone());
        tokio::spawn(async move { rush(&house, &hosts, &tokens, &extra).await })
    };
    house.provider.wait_until(PATIENCE, |ledger| ledger.totals.open == 10).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.provider.ledger().totals.open, 10);
    // the last ones may be a little shorter: what the other node has ahead is not theirs to use
    let held = house.used(&parent).await;
    assert!(held <= one * 10 && held > one * 9, "{held}");
    house.provider.release_barrier(None);
    let statuses = rushing.await.unwrap();
    // what came back went to those that still waited for the other node
    assert!(count(&statuses, 200) >= 10, "{statuses:?}");
    assert_eq!(count(&statuses, 200) + count(&statuses, 402), 50);
    house.quiet().await;
    let billed = house.provider.ledger().totals.billed_pico - already;
    assert!(billed <= one * 10, "{billed}");
    assert_eq!(house.used(&parent).await, billed);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v90_v180_of_fifty_calls_of_a_family_the_parents_rate_lets_through() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let hosts = [house.host(), other];
    for (rate, name) in [(7, "requests_per_minute"), (9, "requests_per_day")] {
        let before = house.arrived();
        let parent = house.grant(chat_with(json!({name: rate}))).await;
        let tokens = in_turn(&family(&house, &parent).await, 50);
        let statuses = rush(&house, &hosts, &tokens, &json!({})).await;
        // the same app has been heard already: its counters go on
        let expected = if name == "requests_per_day" { 9 - 7 } else { 7 };
        assert_eq!(count(&statuses, 200), expected, "{name}: {statuses:?}");
        assert_eq!(count(&statuses, 429), 50 - expected);
        assert_eq!(house.arrived() - before, expected);
        // a lease that a minute passes by counts as that of a node that is gone
        house.quiet().await;
        house.clock.turn(61);
    }
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v90_a_childs_own_cap_holds_it_and_nobody_else() {
    let house = Arc::new(House::open().await);
    let hosts = [house.host()];
    let parent = house.grant(chat_with(json!({"requests_per_day": 100}))).await;
    let three = json!({
        "type": "ai_model_access", "provider": "openai", "limits": {"requests_per_day": 3},
    });
    let child = house.child(&parent.token, &three).await;
    let statuses = rush(&house, &hosts, &vec![child.access.clone(); 20], &json!({})).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (3, 17), "{statuses:?}");
    // what was refused below counts nowhere
    let answer = house.send(Ask::get("/okap/limits").bearer(&parent.token)).await.json();
    assert_eq!(answer["limits"][0]["limits"]["requests_per_day"]["used"], 3);
    let statuses = rush(&house, &hosts, &vec![parent.token.clone(); 20], &json!({})).await;
    assert_eq!(count(&statuses, 200), 20);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_family_that_calls_at_once_never_stands_still() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let hosts = [house.host(), other];
    // every commit takes its time, so that all wait for each other where they can
    house.control().vault().lag(Duration::from_millis(2));
    let parent = house.grant(chat_with(json!({"monthly_spend": 1000}))).await;
    let mut members = vec![parent.token.clone()];
    for _ in 0..4 {
        let child = house.handed(&parent.token).await;
        let grandchild = house.handed(&child.access).await;
        members.extend([child.access, grandchild.access]);
    }
    let tokens = in_turn(&members, 63);
    let nothing = json!({});
    let rushing = rush(&house, &hosts, &tokens, &nothing);
    let statuses = tokio::time::timeout(PATIENCE * 2, rushing).await.expect("they stand still");
    let (good, busy) = (count(&statuses, 200), count(&statuses, 503));
    assert_eq!((good, busy), (63, 0), "{statuses:?}");
    house.control().vault().lag(Duration::ZERO);
    house.quiet().await;
    assert_eq!(house.used(&parent).await, house.charged());
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v90_a_line_of_four_is_charged_alike() {
    let house = Arc::new(House::open().await);
    let parent = house.grant(chat_with(json!({"monthly_spend": 1000}))).await;
    let mut line = vec![parent.token.clone()];
    for _ in 0..3 {
        line.push(house.handed(line.last().unwrap()).await.access);
    }
    let deepest = line.last().unwrap().clone();
    let hosts = [house.host()];
    let statuses = rush(&house, &hosts, &vec![deepest; 20], &json!({})).await;
    assert_eq!(count(&statuses, 200), 20, "{statuses:?}");
    house.quiet().await;
    let charged = house.charged();
    assert!(charged > 0);
    let mut accounts = Vec::new();
    for (key, found) in house.control().vault().everything().await {
        if key.as_str().starts_with("account/") {
            let account = okap_engine::record::Loaded::<Account>::read(key, Some(found));
            accounts.push(account.unwrap().unwrap().record);
        }
    }
    let now = okap_server::ports::Clock::now(&house.clock);
    let used: Vec<_> = accounts.iter().map(|account| account.used(now).month.get()).collect();
    assert_eq!(used, [charged; 4]);
    // what each of them is told is the same, too
    for token in &line {
        let answer = house.send(Ask::get("/okap/limits").bearer(token)).await.json();
        let spend = &answer["limits"][0]["limits"]["monthly_spend"];
        let used: f64 = spend["used"].as_str().unwrap().parse().unwrap();
        assert!(used * 1e12 >= charged as f64 && spend["limit"] == "1000.00", "{spend}");
    }
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v89_fifty_exchanges_that_race_with_a_revocation_leave_nothing_alive() {
    let mut house = House::open().await;
    let other = house.second_node().await;
    let house = Arc::new(house);
    let parent = house.plain().await;
    let go = |n: usize| {
        let (house, token) = (house.clone(), parent.token.clone());
        let at = if n.is_multiple_of(2) { house.host() } else { other.clone() };
        tokio::spawn(async move {
            let ask = post("/okap/token", &exchange(&token));
            house.flow_at(&at, ask).await.rest().await
        })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    tokio::time::sleep(Duration::from_millis(5)).await;
    house.revoke(&parent).await;
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            200 => {
                let child = Tokens::from(&answer);
                assert_eq!(house.chats(&child.access).await, (401, "token_revoked".into()));
            }
            _ => assert_eq!(answer.says(), (400, "invalid_request".into())),
        }
    }
    assert_eq!(house.arrived(), 0);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_exchanges_at_once_give_fifty_grants() {
    let house = Arc::new(House::open().await);
    let parent = house.plain().await;
    let go = |_| {
        let (house, token) = (house.clone(), parent.token.clone());
        tokio::spawn(async move { house.handed(&token).await })
    };
    let tasks: Vec<_> = (0..50).map(go).collect();
    let mut seen = std::collections::HashSet::new();
    for task in tasks {
        let child = task.await.unwrap();
        assert!(seen.insert(child.grant) && seen.insert(child.access));
    }
    assert_eq!(house.control().grants(&crate::support::owner()).await.unwrap().len(), 51);
    Arc::into_inner(house).unwrap().done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_family_shares_the_number_of_calls_under_way() {
    let house = crate::support::Plan::new().tune(|config| config.calls_at_once = 4).build().await;
    let house = Arc::new(house);
    let parent = house.plain().await;
    let tokens = in_turn(&family(&house, &parent).await, 12);
    house.provider.set_fault(Rule { delay_ms: Some(400), ..Rule::default() });
    let hosts = [house.host()];
    let statuses = rush(&house, &hosts, &tokens, &json!({})).await;
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (4, 8), "{statuses:?}");
    assert_eq!(house.chats(&tokens[3]).await.0, 200);
    Arc::into_inner(house).unwrap().done().await;
}
