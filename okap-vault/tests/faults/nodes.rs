//! Three nodes on one PostgreSQL, one of them with a clock that is five minutes ahead, while nodes
//! are killed, connections are cut and the database is killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use okap_client::{Count, Limits, Money};
use okap_conformance::provider::{Fault, Rule};

use crate::{
    app::{App, Kind},
    chance::{Chance, number},
    checks::{beyond_rate, bill, each_is_there_once, quiet, rows},
    kill::{KINDS, provider},
    server::{Server, sql},
    stage::Stage,
};

const CLOCKS: [i64; 3] = [0, 0, 300];
/// 0.02 USD.
const CAP: u64 = 20_000;
const PER_MINUTE: usize = 150;

/// Calls at one node until it is told to stop.
async fn load(app: Arc<App>, node: usize, stop: Arc<AtomicBool>, seen: Arc<[AtomicUsize; 3]>) {
    for round in node.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let done = app.call(node, KINDS[round % 8]).await;
        seen[node].fetch_add(usize::from(done.status == 200), Ordering::SeqCst);
        // nothing is to be had for a while
        if matches!(done.status, 0 | 402 | 429 | 503) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_pass_no_cap_whatever_is_killed() {
    let faults = number("OKAP_KILLS", 9);
    let mut chance = Chance::named("three nodes");
    let mut server = Server::start();
    let url = server.database();
    let mut stage = Stage::on_server(provider(), url.clone(), &CLOCKS).await;
    stage.provider.set_fault(Rule::fault(Fault::status(500)).on("text-embedding"));
    let limits = || Limits {
        monthly_spend: Some(Money::from_micros(CAP).unwrap()),
        requests_per_minute: Some(Count::new(u32::try_from(PER_MINUTE).unwrap()).unwrap()),
        ..Limits::default()
    };
    let (mut after, mut calls, mut whole, mut apps) = (0, 0, 0, Vec::new());
    for fault in 0..faults {
        // each kind of fault meets a fresh cap, and one that is used up
        if fault % 3 == 0 {
            apps.push(App::granted(&stage, &format!("app{fault}."), limits()).await);
        }
        let app: &Arc<App> = apps.last().unwrap();
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let tasks: Vec<_> = (0..12)
            .map(|n| tokio::spawn(load(app.clone(), n % 3, stop.clone(), Arc::clone(&seen))))
            .collect();
        tokio::time::sleep(chance.millis(200, 1_500)).await;
        match fault % 3 {
            0 => {
                let node = usize::try_from(chance.below(3)).unwrap();
                stage.kill(node);
                tokio::time::sleep(chance.millis(0, 500)).await;
                stage.restart(node);
            }
            1 => {
                let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                           WHERE pid <> pg_backend_pid() AND datname = current_database()";
                assert_ne!(sql(&url, cut), "0");
            }
            _ => {
                server.crash();
                tokio::time::sleep(chance.millis(0, 1_000)).await;
                server.run();
            }
        }
        tokio::time::sleep(chance.millis(200, 1_000)).await;
        stop.store(true, Ordering::SeqCst);
        for task in tasks {
            task.await.unwrap();
        }
        let done = app.take();
        let database = stage.database().await;
        let new = rows(&database, after).await;
        after += u64::try_from(new.len()).unwrap();
        whole += each_is_there_once(app, &done, &new);
        calls += done.len();
        let books = quiet(&stage).await;
        assert!(bill(app, &books) <= CAP * 1_000_000, "{}", app.name);
        assert_eq!(beyond_rate(app, &books, PER_MINUTE), 0, "{}", app.name);
    }
    // all of them serve again, with nobody's help
    let fresh = App::granted(&stage, "fresh.", limits()).await;
    let begun = Instant::now();
    for node in 0..CLOCKS.len() {
        while fresh.call(node, Kind::Whole).await.status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(15), "node {node} does not recover");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert!(stage.command(&["audit", "verify"], "").contains("rows hold"));
    println!(
        "three nodes: {faults} faults, {calls} calls, {whole} answered whole; 0 missing rows, \
         0 twice, overshoot of money 0, of rates 0; all serve again after {} ms",
        begun.elapsed().as_millis(),
    );
    assert!(whole > 0);
    drop(stage);
}
