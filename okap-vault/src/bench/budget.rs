//! A budget worth ten calls against two hundred at once, and a vault that is killed under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okap_types::{Limits, Money};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use super::{
    Stage, books,
    load::{self, Counted, Outcome},
    report::{Amount as _, Figure, Goal},
    upstream::TOKENS,
};

/// A model whose price is exact: 0.01 USD for the tokens that the provider generates.
pub(super) const MODEL: &str = "bench-exact";
/// Millionths of a dollar that a call costs.
const CALL: u64 = 10_000;
/// Calls that the budget is worth.
const WORTH: u64 = 10;
/// Calls at once.
const AT_ONCE: usize = 200;
/// Calls at one time while the vault is killed.
const UNDER_LOAD: usize = 16;
/// Answers after which it is killed.
const ANSWERS: u64 = 500;
/// How long the callers may take to notice.
const NOTICED: Duration = Duration::from_secs(10);

/// How many calls a budget lets through.
///
/// # Errors
/// A vault that breaks.
pub(super) async fn figures(stage: &Stage) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for ceiling in [Some(TOKENS), None] {
        let limits = Limits::monthly(Money::from_micros(CALL * WORTH).unwrap_or_default());
        let given = if ceiling.is_some() { "max_tokens given" } else { "no max_tokens" };
        // what an app has spent stays spent when it asks again: each of these is another app
        let lent = books::lend(&stage.vault, given, MODEL, limits).await?;
        let before = stage.manner.answered();
        let outcome = load::at_once(&stage.to_vault(&lent.token, &body(ceiling)), AT_ONCE).await?;
        let passed = stage.manner.answered().saturating_sub(before);
        let name = format!("worth 10 calls, 200 at once, {given}: pass");
        let note = match &outcome.refusal {
            Some(said) => format!("{} refused, the first with {}", outcome.refused, short(said)),
            None => "none refused".to_owned(),
        };
        let goal = Goal::Exactly(WORTH.amount());
        figures.push(Figure::of("budget", name, "calls").vault(passed).goal(goal).note(note));
        let bill = passed.saturating_mul(CALL).amount() / 1e6;
        let cap = CALL.saturating_mul(WORTH).amount() / 1e6;
        figures.push(
            Figure::of("budget", format!("the same: the provider's bill, cap {cap} USD"), "USD")
                .vault(bill)
                .goal(Goal::AtMost(cap)),
        );
    }
    Ok(figures)
}

/// The status, and the machine's word for it.
fn short(said: &str) -> String {
    let (status, body) = said.split_once(": ").unwrap_or((said, ""));
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let code = body.pointer("/error/code").and_then(serde_json::Value::as_str);
    code.map_or_else(|| said.to_owned(), |code| format!("{status} {code}"))
}

fn body(ceiling: Option<u64>) -> String {
    let ceiling = ceiling.map_or_else(String::new, |most| format!(",\"max_tokens\":{most}"));
    format!(r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"Go on."}}]{ceiling}}}"#)
}

/// How many of the calls that were answered are missing once the vault was killed.
///
/// # Errors
/// A vault that does not start again.
pub(super) async fn killed(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    let lent = books::lend(&stage.vault, "Killed", super::MODEL, super::plenty()).await?;
    let target = stage.to_vault(&lent.token, super::BODY);
    let answered = Arc::new(AtomicU64::new(0));
    let enough = Arc::new(Notify::new());
    let mut callers = JoinSet::new();
    for _ in 0..UNDER_LOAD {
        let (target, answered, enough) = (target.clone(), answered.clone(), enough.clone());
        callers.spawn(async move {
            let mut wire = load::connect(&target).await?;
            let mut outcome = Outcome::default();
            while load::call(&mut wire, &target, Counted::ALL, &mut outcome).await.is_ok()
                && outcome.refusal.is_none()
            {
                if answered.fetch_add(1, Ordering::SeqCst).saturating_add(1) == ANSWERS {
                    enough.notify_one();
                }
            }
            anyhow::Ok(())
        });
    }
    timeout(NOTICED, enough.notified()).await?;
    stage.vault.kill();
    while let Some(done) = timeout(NOTICED, callers.join_next()).await? {
        done??;
    }
    stage.vault.again()?;
    let recorded = stage.vault.recorded(lent.grant.as_str())?;
    let answered = answered.load(Ordering::SeqCst);
    let figure = Figure::of("kill -9", "answered calls missing from the audit", "calls")
        .vault(answered.saturating_sub(recorded))
        .goal(Goal::Exactly(0.0))
        .note(format!("{answered} answered, {recorded} recorded"));
    Ok(vec![figure])
}
