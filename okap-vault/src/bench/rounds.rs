//! Interleaved rounds: direct, nginx, vault, and again; what counts is the median.

use std::time::Duration;

use super::{
    Stage,
    load::{self, Load, Outcome, Target},
    report::{Figure, Goal},
    stats::median,
    upstream::Way,
};

/// What a vault, and what stands beside it, answered in each round.
struct Rounds {
    direct: Vec<Outcome>,
    nginx: Vec<Outcome>,
    vault: Vec<Outcome>,
}

impl Rounds {
    fn figure(
        &self,
        part: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        of: impl Fn(&Outcome) -> Option<f64>,
    ) -> Figure {
        let middle = |rounds: &[Outcome]| median(rounds.iter().filter_map(&of).collect());
        Figure::of(part, name, unit)
            .direct(middle(&self.direct))
            .nginx(middle(&self.nginx))
            .vault(middle(&self.vault).unwrap_or_default())
    }

    /// What the way through costs on top of the way without.
    fn added(
        &self,
        part: &'static str,
        name: impl Into<String>,
        of: impl Fn(&Outcome) -> f64,
    ) -> Figure {
        let middle = |rounds: &[Outcome]| median(rounds.iter().map(&of).collect());
        let direct = middle(&self.direct).unwrap_or_default();
        let less = |whole: f64| (whole - direct) / 1e3;
        Figure::of(part, name, "ms added")
            .nginx(middle(&self.nginx).map(less))
            .vault(less(middle(&self.vault).unwrap_or_default()))
    }
}

async fn rounds(stage: &Stage, body: &str, calls: usize, span: Duration) -> anyhow::Result<Rounds> {
    let load = Load { calls, warm_up: span / 4, span };
    let direct = stage.to(stage.upstream, None, body);
    let nginx = stage.nginx.as_ref();
    let nginx = nginx.map(|nginx| stage.to(nginx.address, Some(nginx.process()), body));
    let vault = stage.to_vault(&stage.lent.token, body);
    let mut all = Rounds { direct: Vec::new(), nginx: Vec::new(), vault: Vec::new() };
    for _ in 0..stage.rounds {
        all.direct.push(one(&direct, load).await?);
        if let Some(nginx) = &nginx {
            all.nginx.push(one(nginx, load).await?);
        }
        all.vault.push(one(&vault, load).await?);
    }
    Ok(all)
}

/// One round, in which nothing may be refused.
async fn one(target: &Target, load: Load) -> anyhow::Result<Outcome> {
    let outcome = load::put(target, load).await?;
    match outcome.refused.first() {
        None => Ok(outcome),
        Some(status) => {
            let refused = outcome.refused.len();
            anyhow::bail!(
                "{refused} calls were answered with another status, the first with {status}"
            )
        }
    }
}

/// Calls a second, and how long they take.
///
/// # Errors
/// Whatever breaks.
pub(super) async fn throughput(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    const PART: &str = "throughput";
    stage.manner.set(Way::default());
    let mut figures = Vec::new();
    for calls in &stage.connections {
        let all = rounds(stage, super::BODY, *calls, stage.span).await?;
        let rate = all.figure(PART, format!("{calls} at a time"), "calls/s", |o| Some(o.rate));
        let cpu = all.figure(PART, format!("CPU at {calls}"), "µs/call", Outcome::cpu_per_call);
        let p50 =
            all.figure(PART, format!("p50 at {calls}"), "µs", |o| Some(o.took.percentile(0.5)));
        let p99 =
            all.figure(PART, format!("p99 at {calls}"), "µs", |o| Some(o.took.percentile(0.99)));
        match calls {
            64 => {
                let rate = rate.goal(Goal::RatioAtLeast(stage.least_throughput()));
                figures.extend([rate, cpu.goal(Goal::RatioAtMost(1.9)), p50, p99]);
            }
            16 => {
                let p50 = p50.goal(Goal::RatioAtMost(2.0));
                figures.extend([rate, cpu, p50, p99.goal(Goal::RatioAtMost(3.0))]);
            }
            _ => figures.extend([rate, cpu, p50, p99]),
        }
    }
    Ok(figures)
}

/// What is added to a provider that takes 20 ms.
///
/// # Errors
/// Whatever breaks.
pub(super) async fn delay(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    const PART: &str = "provider of 20 ms";
    stage.manner.set(Way { delay: Duration::from_millis(20), ..Way::default() });
    let all = rounds(stage, super::BODY, 64, stage.span).await?;
    let p50 = all.added(PART, "p50 at 64", |o| o.took.percentile(0.5));
    let p99 = all.added(PART, "p99 at 64", |o| o.took.percentile(0.99));
    Ok(vec![p50.goal(Goal::AtMost(0.7)), p99.goal(Goal::AtMost(1.5))])
}

/// Streams: their first chunk, and what each chunk costs.
///
/// # Errors
/// Whatever breaks.
pub(super) async fn streams(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    const PART: &str = "streams";
    stage.manner.set(Way { chunks: 1, ..Way::default() });
    let short = rounds(stage, super::STREAM, 1, stage.span).await?;
    let first =
        short.figure(PART, "to the first chunk, p50", "µs", |o| Some(o.first.percentile(0.5)));
    stage.manner.set(Way { chunks: 50, pace: Duration::from_millis(5), ..Way::default() });
    let paced = rounds(stage, super::STREAM, 32, stage.span.max(Duration::from_secs(1))).await?;
    let name = |what: &str| format!("32 at 5 ms a chunk: {what}");
    let late = |part: f64| move |o: &Outcome| Some(o.late.percentile(part));
    Ok(vec![
        first,
        paced.figure(PART, name("delay p50"), "µs", late(0.5)).goal(Goal::RatioAtMost(1.3)),
        paced.figure(PART, name("delay p99"), "µs", late(0.99)).goal(Goal::RatioAtMost(2.0)),
        paced
            .figure(PART, name("latest chunk"), "µs", |o| Some(o.late.longest()))
            .goal(Goal::AtMost(5_000.0)),
        paced
            .figure(PART, name("CPU"), "µs/chunk", Outcome::cpu_per_chunk)
            .goal(Goal::RatioAtMost(1.5)),
    ])
}
