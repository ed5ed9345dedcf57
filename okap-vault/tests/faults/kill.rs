//! A vault that is killed under load, again and again.

use std::{sync::Arc, time::Duration};

use okap_client::{Limits, Money};
use okap_conformance::provider::{Config, Fault, Manner, Rule};

use crate::{
    app::{App, Done, Kind},
    chance::{Chance, number},
    checks::{bill, each_is_there_once, quiet, rows},
    stage::Stage,
};

/// 0.002 USD: some 75 calls, what the vault lets through in a few lives.
const CAP: u64 = 2_000;
/// Calls that are under way at once.
const AT_ONCE: u64 = 16;
/// Lives of which one is long enough to spend all that is left.
const LONG: u64 = 7;

pub(crate) const KINDS: [Kind; 8] = [
    Kind::Whole,
    Kind::Stream,
    Kind::Whole,
    Kind::Abort,
    Kind::Stream,
    Kind::Refused,
    Kind::Whole,
    Kind::Failing,
];

/// A provider that takes a little time, and fails where it is asked for embeddings.
pub(crate) fn provider() -> Config {
    let manner = Manner {
        delay: Duration::from_millis(3),
        chunk_delay: Duration::from_millis(1),
        ..Manner::default()
    };
    Config { manner, ..Config::default() }
}

async fn load(app: Arc<App>, first: u64) {
    for round in first.. {
        let kind = KINDS[usize::try_from(round % 8).unwrap()];
        // no answer: it was killed
        if app.call(0, kind).await.status == 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_passes_no_cap_and_loses_no_call() {
    let kills = number("OKAP_KILLS", 20);
    let mut chance = Chance::named("kill -9 under load");
    let mut stage = Stage::start(provider()).await;
    stage.provider.set_fault(Rule::fault(Fault::status(500)).on("text-embedding"));
    let cap = || Limits::monthly(Money::from_micros(CAP).unwrap());
    let mut apps = vec![App::granted(&stage, "app0.", cap()).await];
    let (mut after, mut calls, mut whole, mut refused, mut lives) = (0, 0, 0, 0, 0);
    for kill in 1..=kills {
        let app = apps.last().unwrap().clone();
        let tasks: Vec<_> =
            (0..AT_ONCE).map(|first| tokio::spawn(load(app.clone(), first))).collect();
        let life = match kill % LONG {
            0 => Duration::from_secs(3),
            _ => chance.millis(10, 400),
        };
        tokio::time::sleep(life).await;
        stage.kill(0);
        for task in tasks {
            task.await.unwrap();
        }
        let done = app.take();
        let database = stage.database().await;
        let seen = rows(&database, after).await;
        after += u64::try_from(seen.len()).unwrap();
        whole += each_is_there_once(&app, &done, &seen);
        drop(database);
        calls += done.len();
        let status = |status| done.iter().filter(|done: &&Done| done.status == status).count();
        assert_eq!(status(200) + status(402) + status(403) + status(502) + status(0), done.len());
        refused += status(402);
        let billed = bill(&app, &quiet(&stage).await);
        assert!(billed <= CAP * 1_000_000, "{}: billed {billed} pico", app.name);
        stage.restart(0);
        lives += 1;
        if status(402) > 0 || lives == LONG {
            lives = 0;
            apps.push(App::granted(&stage, &format!("app{}.", apps.len()), cap()).await);
        }
    }
    let sound: String = rusqlite::Connection::open(stage.file())
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    assert!(stage.command(&["audit", "verify"], "").contains("rows hold"));
    // a fresh cap lets all through again
    let fresh = App::granted(&stage, "fresh.", cap()).await;
    for kind in [Kind::Whole, Kind::Stream].repeat(10) {
        let done = fresh.call(0, kind).await;
        assert!(done.status == 200 && done.whole, "{done:?}");
    }
    let books = quiet(&stage).await;
    let most = apps.iter().map(|app| bill(app, &books)).max().unwrap();
    println!(
        "{kills} kills, {calls} calls, {whole} answered whole, {refused} refused for money, {} \
         grants; 0 missing rows, 0 rows twice, overshoot 0 (the highest bill is {} % of its cap)",
        apps.len(),
        most / (CAP * 10_000),
    );
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
}
