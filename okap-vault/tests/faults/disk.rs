//! A disk that is full, read-only or slow, and a database that another process has locked.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use okap_client::{Limits, Money};

use crate::{
    app::{App, Done, Kind},
    checks::{at_rest, calls_of, each_is_there_once, quiet, rows},
    kill::provider,
    shim::Disk,
    stage::Stage,
};

const CAP: u64 = 1_000_000;

async fn begin() -> (Stage, Arc<App>) {
    let stage = Stage::start(provider()).await;
    let cap = Limits::monthly(Money::from_micros(CAP).unwrap());
    let app = App::granted(&stage, "app.", cap).await;
    (stage, app)
}

/// So many calls at once.
async fn together(app: &Arc<App>, calls: usize) -> Vec<Done> {
    let call = |n| {
        let app = app.clone();
        let kind = if n % 2 == 0 { Kind::Whole } else { Kind::Stream };
        tokio::spawn(async move { app.call(0, kind).await })
    };
    let tasks: Vec<_> = (0..calls).map(call).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

fn passed(done: &[Done]) -> usize {
    done.iter().filter(|done| done.status == 200 && done.whole).count()
}

fn slowest(done: &[Done]) -> u64 {
    done.iter().map(|done| done.ended_ms - done.began_ms).max().unwrap()
}

/// Calls until one passes; how long that took.
async fn recovers(app: &App) -> Duration {
    let begun = Instant::now();
    while app.call(0, Kind::Whole).await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// What reached the provider is in the audit, each once, at no less than was billed.
async fn nothing_is_lost(stage: &Stage, app: &App) {
    let books = quiet(stage).await;
    at_rest(stage).await;
    let rows = rows(&stage.database().await, 0).await;
    each_is_there_once(app, &app.take(), &rows);
    let sent = rows.iter().filter(|row| row.status != 0).count();
    assert_eq!(sent, calls_of(app, &books).count(), "a row for each call that left");
    let charged: u64 = rows.iter().map(|row| row.cost.get()).sum();
    let billed: u64 = books.iter().map(|call| call.billed_pico).sum();
    assert!(billed <= charged && charged <= CAP * 1_000_000, "{billed} {charged}");
    assert!(stage.command(&["audit", "verify"], "").contains("rows hold"));
}

async fn fails_closed_on(disk: Disk) {
    let (stage, app) = begin().await;
    assert_eq!(passed(&together(&app, 8).await), 8);
    stage.disk(disk);
    let during = together(&app, 16).await;
    assert_eq!(passed(&during), 0, "no answer is whole before its row is durable");
    assert!(slowest(&during) < 15_000, "{during:?}");
    let refused = together(&app, 16).await;
    assert!(refused.iter().all(|done| done.status == 503), "{refused:?}");
    let left = calls_of(&app, &quiet(&stage).await).count();
    stage.disk(Disk::Sound);
    let recovered = recovers(&app).await;
    assert_eq!(passed(&together(&app, 8).await), 8);
    nothing_is_lost(&stage, &app).await;
    println!(
        "{disk:?}: 32 calls refused, the slowest after {} ms; {} of them had reached the \
         provider and are in the audit; calls pass again {} ms later, without a restart",
        slowest(&during),
        left - 8,
        recovered.as_millis(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_closed_and_what_left_is_written_when_there_is_room() {
    fails_closed_on(Disk::Full).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_fails_closed_and_what_left_is_written_later() {
    fails_closed_on(Disk::ReadOnly).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_200_ms_to_sync_delays_calls_and_refuses_none() {
    let (stage, app) = begin().await;
    stage.disk(Disk::Slow);
    let begun = Instant::now();
    let mut done = Vec::new();
    while begun.elapsed() < Duration::from_secs(3) {
        done.extend(together(&app, 32).await);
    }
    assert_eq!(passed(&done), done.len(), "{done:?}");
    // a lease, a row, and as much again of those before
    assert!(slowest(&done) < 4_000, "{} ms", slowest(&done));
    let mut times: Vec<_> = done.iter().map(|done| done.ended_ms - done.began_ms).collect();
    times.sort_unstable();
    println!(
        "fsync of 200 ms, 32 at once: {} calls in {} ms, p50 {} ms, slowest {} ms, 0 refused",
        done.len(),
        begun.elapsed().as_millis(),
        times[times.len() / 2],
        slowest(&done),
    );
    stage.disk(Disk::Sound);
    nothing_is_lost(&stage, &app).await;
}

/// Holds the database's write lock as another program would.
async fn locked_for(time: Duration) {
    let (stage, app) = begin().await;
    assert_eq!(passed(&together(&app, 8).await), 8);
    let other = rusqlite::Connection::open(stage.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (begun, mut during) = (Instant::now(), Vec::new());
    let holding = tokio::spawn(async move {
        tokio::time::sleep(time).await;
        other.execute_batch("ROLLBACK").unwrap();
    });
    while begun.elapsed() < time {
        during.extend(together(&app, 8).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    holding.await.unwrap();
    assert!(slowest(&during) < 20_000, "{} ms", slowest(&during));
    assert!(during.iter().all(|done| matches!(done.status, 200 | 503)), "{during:?}");
    let recovered = recovers(&app).await;
    assert_eq!(passed(&together(&app, 8).await), 8);
    nothing_is_lost(&stage, &app).await;
    println!(
        "locked for {} s: {} calls, {} passed, the others got 503, the slowest after {} ms; calls \
         pass again {} ms later",
        time.as_secs(),
        during.len(),
        passed(&during),
        slowest(&during),
        recovered.as_millis(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_for_3_s_loses_nothing() {
    locked_for(Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_locked_for_20_s_loses_nothing() {
    locked_for(Duration::from_secs(20)).await;
}
