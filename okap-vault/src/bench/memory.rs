//! How soon a vault answers, and how much memory it keeps.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    Stage, books,
    load::{self, Counted, Load, Outcome},
    report::{Figure, Goal},
    stats::median,
};

/// Tokens that are used once each.
const TOKENS: usize = 10_000;
/// Callers that use them.
const CALLERS: usize = 16;
/// Starts, of which the median counts.
const STARTS: usize = 5;

/// From the start of the process to the first answered call, its keys opened by a passphrase.
///
/// # Errors
/// A vault that does not answer.
pub(super) async fn start(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    let mut took = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        stage.vault.stop()?;
        let began = Instant::now();
        stage.vault.again()?;
        let target = stage.to_vault(&stage.lent.token, super::BODY);
        load::at_once(&target, 1).await?.all_answered()?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let figure = Figure::of("start", "to the first answered call", "ms")
        .vault(median(took).unwrap_or_default());
    Ok(vec![figure.goal(Goal::AtMost(100.0))])
}

/// Resident memory: fresh, under load, and once many tokens were used.
///
/// # Errors
/// A vault that does not answer.
pub(super) async fn figures(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    stage.vault.stop()?;
    stage.vault.again()?;
    let beside = stage.nginx.as_ref().map(super::Nginx::process);
    let figure = |name: &'static str, stage: &Stage| -> anyhow::Result<Figure> {
        let nginx = beside.map(super::Process::memory).transpose()?;
        let own = stage.vault.process().memory()?;
        Ok(Figure::of("memory", name, "MB").nginx(nginx).vault(own))
    };
    let fresh = figure("fresh", stage)?;
    let load = Load { calls: 64, warm_up: Duration::ZERO, span: stage.span };
    load::put(&stage.to_vault(&stage.lent.token, super::BODY), load).await?.all_answered()?;
    let loaded = figure("after a load of 64 calls at a time", stage)?;
    let tokens = books::lend_again(&stage.vault, &stage.lent, TOKENS).await?;
    use_each(stage, tokens).await?;
    let one = figure("after 10,000 tokens of one grant were used", stage)?;
    stage.vault.stop()?;
    stage.vault.again()?;
    let tokens = books::lend_many(&stage.vault, &stage.lent, TOKENS).await?;
    use_each(stage, tokens).await?;
    let many = figure("after 10,000 tokens of as many grants and accounts were used", stage)?;
    let most = Goal::AtMost(32.0);
    Ok(vec![fresh, loaded, one.goal(most), many.goal(most)])
}

async fn use_each(stage: &Stage, tokens: Vec<String>) -> anyhow::Result<()> {
    let (tokens, next) = (Arc::new(tokens), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (tokens, next) = (tokens.clone(), next.clone());
        let mut target = stage.to_vault(&stage.lent.token, super::BODY);
        callers.spawn(async move {
            let mut wire = load::connect(&target).await?;
            let mut outcome = Outcome::default();
            while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
                let path = "/v1/openai/chat/completions";
                target.request = load::request(path, target.address, Some(token), super::BODY);
                load::call(&mut wire, &target, Counted::ALL, &mut outcome).await?;
            }
            outcome.all_answered()
        });
    }
    while let Some(done) = callers.join_next().await {
        done??;
    }
    Ok(())
}
