//! Streams: their first chunk, what a chunk costs, which come late, what an open stream keeps.

use std::time::Duration;

use anyhow::bail;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    Stage, books,
    load::{self, Counted, Load, Outcome, Target},
    process::Process,
    report::{Figure, Goal},
    rounds::rounds,
    upstream::Way,
};

const PART: &str = "streams";
/// Between two chunks of a paced stream.
const PACE: Duration = Duration::from_millis(5);
/// Chunks of a paced stream: a quarter of a second.
const PACED: u32 = 50;
/// Chunks of a stream that comes as fast as it can.
const UNPACED: u32 = 400;
/// Streams that come as fast as they can, at a time.
const FAST: usize = 16;
/// A chunk that comes later than this was held up.
const LATE: Duration = Duration::from_millis(5);
/// Streams that are open at once.
const OPEN: usize = 1_000;
/// Of these, streams of one grant.
const OF_ONE: usize = 100;
/// How long they may take to open.
const OPENED: Duration = Duration::from_secs(20);

/// What streams cost.
///
/// # Errors
/// Whatever breaks.
pub(super) async fn figures(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    let mut figures = first_chunk(stage).await?;
    for streams in [1, 32] {
        figures.extend(paced(stage, streams).await?);
    }
    figures.extend(unpaced(stage).await?);
    figures.push(open(stage).await?);
    Ok(figures)
}

async fn first_chunk(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    stage.manner.set(Way { chunks: 1, ..Way::default() });
    let short = rounds(stage, super::STREAM, 1, stage.span).await?;
    let figure =
        |name, part| short.figure(PART, name, "µs", move |o| Some(o.first.percentile(part)));
    Ok(vec![figure("to the first chunk, p50", 0.5), figure("to the first chunk, p99", 0.99)])
}

async fn paced(stage: &Stage, streams: usize) -> anyhow::Result<Vec<Figure>> {
    stage.manner.set(Way { chunks: PACED, pace: PACE, ..Way::default() });
    let span = stage.span.max(Duration::from_secs(1));
    let all = rounds(stage, super::STREAM, streams, span).await?;
    let name = |what: &str| format!("{streams} at 5 ms a chunk: {what}");
    let late = |part: f64| move |o: &Outcome| Some(o.late.percentile(part));
    let added = |part: f64| move |o: &Outcome| o.late.percentile(part);
    let mut figures = match streams {
        1 => vec![
            all.figure(PART, name("delay p50"), "µs", late(0.5)),
            all.figure(PART, name("delay p99"), "µs", late(0.99)),
            all.added(PART, name("p50"), added(0.5)).goal(Goal::RatioAtMost(1.3)),
            all.added(PART, name("p99"), added(0.99)).goal(Goal::RatioAtMost(2.0)),
        ],
        // with nothing in between, load and provider get in each other's way, and nothing is added
        _ => vec![
            all.figure(PART, name("delay p50"), "µs", late(0.5)).goal(Goal::RatioAtMost(1.3)),
            all.figure(PART, name("delay p99"), "µs", late(0.99)).goal(Goal::RatioAtMost(2.0)),
        ],
    };
    figures.extend([
        all.figure(PART, name("latest chunk"), "µs", |o| Some(o.late.longest())),
        all.count(PART, name("later than 5 ms"), "chunks", |o| o.late.longer_than(LATE))
            .goal(Goal::Exactly(0.0)),
    ]);
    if streams > 1 {
        // of one stream the system's clock sees too little
        figures.push(
            all.figure(PART, name("CPU"), "µs/chunk", Outcome::cpu_per_chunk)
                .goal(Goal::RatioAtMost(1.5)),
        );
    }
    Ok(figures)
}

async fn unpaced(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    stage.manner.set(Way { chunks: UNPACED, ..Way::default() });
    let all = rounds(stage, super::STREAM, FAST, stage.span).await?;
    let name = |what: &str| format!("{FAST} as fast as they come: {what}");
    Ok(vec![
        all.figure(PART, name("throughput"), "chunks/s", |o| Some(o.chunk_rate)),
        all.figure(PART, name("CPU"), "µs/chunk", Outcome::cpu_per_chunk)
            .goal(Goal::RatioAtMost(1.5)),
    ])
}

/// Memory that an open stream keeps, beside what the process has under other load.
async fn open(stage: &mut Stage) -> anyhow::Result<Figure> {
    stage.vault.stop()?;
    stage.vault.again()?;
    stage.manner.set(Way::default());
    let tokens = books::lend_many(&stage.vault, &stage.lent, OPEN.div_ceil(OF_ONE)).await?;
    let before = Load { calls: 64, warm_up: Duration::ZERO, span: stage.span };
    load::put(&stage.to_vault(&stage.lent.token, super::BODY), before).await?.all_answered()?;
    let through: Vec<_> = tokens.iter().map(|t| stage.to_vault(t, super::STREAM)).collect();
    let own = kept(stage, stage.vault.process(), &through).await?;
    let nginx = match &stage.nginx {
        Some(nginx) => {
            let process = nginx.process();
            let target = stage.to(nginx.address, Some(process), super::STREAM);
            Some(kept(stage, process, &[target]).await?)
        }
        None => None,
    };
    Ok(Figure::of(PART, format!("{OPEN} open: memory"), "kB/stream").nginx(nginx).vault(own))
}

async fn kept(stage: &Stage, process: Process, targets: &[Target]) -> anyhow::Result<f64> {
    stage.manner.set(Way { chunks: 200, pace: Duration::from_millis(250), ..Way::default() });
    let (memory, began) = (process.memory()?, stage.manner.answered());
    let mut streams = JoinSet::new();
    for target in targets.iter().cycle().take(OPEN) {
        let target = target.clone();
        streams.spawn(async move {
            let mut wire = load::connect(&target).await?;
            let mut outcome = Outcome::default();
            load::call(&mut wire, &target, Counted::ALL, &mut outcome).await?;
            outcome.all_answered().map(drop)
        });
    }
    let until = Instant::now() + OPENED;
    while stage.manner.answered().saturating_sub(began) < u64::try_from(OPEN)? {
        if let Some(ended) = streams.try_join_next() {
            ended??;
            bail!("a stream of a minute ended at once");
        }
        if Instant::now() > until {
            bail!("{OPEN} streams were not open within {} s", OPENED.as_secs());
        }
        sleep(Duration::from_millis(10)).await;
    }
    // each has had a chunk or two
    sleep(Duration::from_millis(500)).await;
    Ok((process.memory()? - memory) * 1e3 / load::to_f64(OPEN))
}
