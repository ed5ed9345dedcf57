//! Interleaved rounds: direct, nginx, vault, and again; what counts is the median.

use std::time::Duration;

use super::{
    Stage,
    load::{self, Load, Outcome},
    report::{Figure, Goal},
    stats::median,
    upstream::Way,
};

/// What a vault, and what stands beside it, answered in each round.
pub(super) struct Rounds {
    direct: Vec<Outcome>,
    nginx: Vec<Outcome>,
    vault: Vec<Outcome>,
}

impl Rounds {
    pub(super) fn figure(
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

    /// What the way through costs on top of the way without, in microseconds.
    pub(super) fn added(
        &self,
        part: &'static str,
        name: impl Into<String>,
        of: impl Fn(&Outcome) -> f64,
    ) -> Figure {
        let middle = |rounds: &[Outcome]| median(rounds.iter().map(&of).collect());
        let direct = middle(&self.direct).unwrap_or_default();
        let less = |whole: f64| whole - direct;
        Figure::of(part, name, "µs added")
            .nginx(middle(&self.nginx).map(less))
            .vault(less(middle(&self.vault).unwrap_or_default()))
    }

    /// How many there were in all rounds together.
    pub(super) fn count(
        &self,
        part: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        of: impl Fn(&Outcome) -> usize,
    ) -> Figure {
        let sum = |rounds: &[Outcome]| load::to_f64(rounds.iter().map(&of).sum());
        let beside = |rounds: &[Outcome]| (!rounds.is_empty()).then(|| sum(rounds));
        Figure::of(part, name, unit)
            .direct(beside(&self.direct))
            .nginx(beside(&self.nginx))
            .vault(sum(&self.vault))
    }
}

/// Puts the same load on each in turn.
///
/// # Errors
/// Whatever breaks, and a call that is refused.
pub(super) async fn rounds(
    stage: &Stage,
    body: &str,
    calls: usize,
    span: Duration,
) -> anyhow::Result<Rounds> {
    let load = Load { calls, warm_up: span / 4, span };
    let direct = stage.to(stage.upstream, None, body);
    let nginx = stage.nginx.as_ref();
    let nginx = nginx.map(|nginx| stage.to(nginx.address, Some(nginx.process()), body));
    let vault = stage.to_vault(&stage.lent.token, body);
    let mut all = Rounds { direct: Vec::new(), nginx: Vec::new(), vault: Vec::new() };
    for _ in 0..stage.rounds {
        all.direct.push(load::put(&direct, load).await?.all_answered()?);
        if let Some(nginx) = &nginx {
            all.nginx.push(load::put(nginx, load).await?.all_answered()?);
        }
        all.vault.push(load::put(&vault, load).await?.all_answered()?);
    }
    Ok(all)
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
    Ok(vec![p50.goal(Goal::AtMost(700.0)), p99.goal(Goal::AtMost(1_500.0))])
}
