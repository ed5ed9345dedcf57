//! Requests of a minute in real time, by the provider's own log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use okap_client::{Count, Limits};

use crate::{
    app::{App, Done, Kind},
    chance::number,
    checks::{beyond_rate, calls_of, quiet},
    kill::provider,
    server,
    stage::Stage,
};

/// A rate, how many call at once, and how long each rests between two calls.
const RATES: [(u32, usize, u64); 3] = [(1, 1, 400), (2, 2, 400), (60, 3, 150)];

async fn load(app: Arc<App>, node: usize, rest: u64, until: Instant) {
    while Instant::now() < until {
        app.call(node, Kind::Whole).await;
        tokio::time::sleep(Duration::from_millis(rest)).await;
    }
}

/// Calls that were refused though the provider had seen fewer than allowed, with a second to spare
/// at both ends of the minute.
fn falsely(
    app: &App,
    done: &[Done],
    calls: &[okap_conformance::provider::Call],
    rate: u32,
) -> usize {
    let seen: Vec<_> = calls_of(app, calls).map(|call| call.at_ms).collect();
    let room = |done: &&Done| {
        let minute = done.began_ms.saturating_sub(61_000)..done.ended_ms + 1_000;
        seen.iter().filter(|at| minute.contains(at)).count() < usize::try_from(rate).unwrap()
    };
    done.iter().filter(|done| done.status == 429).filter(room).count()
}

async fn keeps_its_rates(name: &str, stage: &Stage, seconds: u64) -> usize {
    let until = Instant::now() + Duration::from_secs(seconds);
    let (mut apps, mut tasks) = (Vec::new(), Vec::new());
    let long = std::env::var_os("OKAP_RATES").map(|_| (10_000, 64, 0));
    for (rate, at_once, rest) in RATES.into_iter().chain(long) {
        let limits =
            Limits { requests_per_minute: Some(Count::new(rate).unwrap()), ..Limits::default() };
        let app = App::granted(stage, &format!("{rate}."), limits).await;
        for n in 0..at_once.max(stage.nodes.len()) {
            let node = n % stage.nodes.len();
            tasks.push(tokio::spawn(load(app.clone(), node, rest, until)));
        }
        apps.push((app, rate));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let calls = quiet(stage).await;
    let mut falsely_refused = 0;
    for (app, rate) in apps {
        let done = app.take();
        let beyond = beyond_rate(&app, &calls, usize::try_from(rate).unwrap());
        let false_ones = falsely(&app, &done, &calls, rate);
        println!(
            "{name}, {rate} a minute: {} tried, {} passed in {seconds} s, overshoot {beyond}, \
             falsely refused {false_ones}",
            done.len(),
            calls_of(&app, &calls).count(),
        );
        assert_eq!(beyond, 0, "{name}, {rate} a minute");
        assert!(done.iter().all(|done| matches!(done.status, 200 | 429)), "{name}");
        assert!(calls_of(&app, &calls).count() > 0);
        falsely_refused += false_ones;
    }
    falsely_refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_any_minute_the_provider_sees_no_more_than_allowed() {
    let seconds = number("OKAP_RATES", 75);
    let url = tokio::task::spawn_blocking(server::database).await.unwrap();
    let one = Stage::start(provider()).await;
    let three = Stage::on_server(provider(), url, &[0, 0, 0]).await;
    let (alone, _) = tokio::join!(
        keeps_its_rates("one node", &one, seconds),
        keeps_its_rates("three nodes", &three, seconds),
    );
    assert_eq!(alone, 0, "falsely refused on one node");
}
