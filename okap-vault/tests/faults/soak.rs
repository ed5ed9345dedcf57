//! Mixed load for as long as one likes: nothing grows, nothing is left behind.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use okap_client::{Limits, Money};
use okap_conformance::provider::{Fault, Rule};

use crate::{
    app::App,
    chance::number,
    checks::{at_rest, quiet, rows},
    kill::{KINDS, provider},
    stage::{Stage, footprint},
};

/// How long one round lasts, behind which the vault rests and is looked at.
const ROUND: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 12;
/// What a vault's memory may grow by once it is warm, in bytes.
const GROWTH: u64 = 12 * 1024 * 1024;

async fn load(app: Arc<RwLock<Arc<App>>>, first: usize, stop: Arc<AtomicBool>) {
    for round in first.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let now = app.read().unwrap().clone();
        let done = now.call(0, KINDS[round % 8]).await;
        assert_ne!(done.status, 503, "{done:?}");
        assert_ne!(done.status, 0, "{done:?}");
    }
}

fn cap() -> Limits {
    Limits::monthly(Money::from_micros(100_000).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_nothing_grows_and_nothing_is_left_behind() {
    let seconds = number("OKAP_SOAK", 20);
    let stage = Stage::start(provider()).await;
    let (begun, mut warm) = (Instant::now(), None);
    let (mut rounds, mut after, mut calls, mut sent) = (0_u64, 0, 0, 0);
    let (mut billed, mut charged) = (0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) || warm.is_none() {
        stage.provider.set_fault(Rule::fault(Fault::status(500)).on("text-embedding"));
        let app = App::granted(&stage, &format!("round{rounds}."), cap()).await;
        let shared = Arc::new(RwLock::new(app.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|first| tokio::spawn(load(shared.clone(), first, stop.clone())))
            .collect();
        tokio::time::sleep(ROUND / 2).await;
        // the key is replaced and the grant revoked while calls and streams are under way
        stage.command(&["keys", "rotate", "openai"], stage.provider.master_key());
        let next = App::granted(&stage, &format!("round{rounds}b."), cap()).await;
        *shared.write().unwrap() = next.clone();
        stage.revoke(app.access.grant_id()).await;
        tokio::time::sleep(ROUND / 2).await;
        stop.store(true, Ordering::SeqCst);
        for task in tasks {
            task.await.unwrap();
        }
        let books = quiet(&stage).await;
        at_rest(&stage).await;
        let new = rows(&stage.database().await, after).await;
        after += u64::try_from(new.len()).unwrap();
        // an app that left while its call was on its way to the provider is charged all the same
        assert!(new.len() >= books.len(), "{} rows, {} calls", new.len(), books.len());
        let answered = new.iter().filter(|row| row.status != 0).count();
        assert!(answered <= books.len(), "{answered} rows, {} calls", books.len());
        calls += app.take().len() + next.take().len();
        sent += books.len();
        billed += books.iter().map(|call| call.billed_pico).sum::<u64>();
        charged += new.iter().map(|row| row.cost.get()).sum::<u64>();
        assert!(billed <= charged, "billed {billed}, charged {charged}");
        stage.provider.reset();
        rounds += 1;
        if rounds % 100 == 0 {
            println!("{} s: {:?}", begun.elapsed().as_secs(), footprint(stage.pid(0)));
        }
        // the first rounds fill what is kept for later calls
        if warm.is_none() && (rounds == 2 || begun.elapsed().as_secs() * 5 > seconds) {
            warm = Some(footprint(stage.pid(0)));
        }
    }
    let ((open, memory), (open_now, memory_now)) = (warm.unwrap(), footprint(stage.pid(0)));
    println!(
        "soak of {} s: {calls} calls, {sent} at the provider, {after} rows, {rounds} rotations and \
         revocations; billed {billed} <= charged {charged} pico-USD; memory {} -> {} kB, \
         descriptors {open} -> {open_now}, money held at rest 0",
        begun.elapsed().as_secs(),
        memory / 1024,
        memory_now / 1024,
    );
    assert!(memory_now <= memory + GROWTH, "memory grew from {memory} to {memory_now} bytes");
    // a connection to the provider may wait for each call that was under way
    let most = open + AT_ONCE;
    assert!(open_now <= most, "descriptors grew from {open} to {open_now}");
    assert!(stage.command(&["audit", "verify"], "").contains("rows hold"));
}
