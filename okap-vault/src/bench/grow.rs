//! Whether a call costs more in a vault that has grown.

use anyhow::Context;

use super::{
    Stage, books,
    load::{self, Load, Outcome},
    report::{Figure, Goal},
    stats::median,
};
use crate::out;

/// Grants to grow to.
const GRANTS: [u64; 4] = [10, 1_000, 100_000, 1_000_000];
/// Usage rows to grow to.
const ROWS: [u64; 3] = [100_000, 1_000_000, 10_000_000];
/// Grants and rows that are made before the next word of progress.
const TOGETHER: u64 = 100_000;
/// Calls at a time.
const CALLS: usize = 16;

/// The cost of a call at each size.
///
/// # Errors
/// A store that fails.
pub(super) async fn figures(stage: &mut Stage) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut first = None;
    let (mut grants, mut rows) = (1, 0);
    for (to_grants, to_rows) in sizes(stage.most) {
        fill(stage, (grants, to_grants), (rows, to_rows)).await?;
        (grants, rows) = (to_grants, to_rows);
        let (cpu, rate) = cost(stage).await?;
        let first = *first.get_or_insert(cpu);
        let name = format!("a call among {grants} grants and {rows} usage rows");
        let note = format!("{:+.1} %, {rate:.0} calls/s", (cpu / first - 1.0) * 100.0);
        let figure = Figure::of("growth", name, "µs CPU").vault(cpu).note(note);
        figures.push(figure.goal(Goal::AtMost((first * 11.0).round() / 10.0)));
    }
    Ok(figures)
}

/// Grants and rows at each step: first the grants grow, and then the rows.
fn sizes((most_grants, most_rows): (u64, u64)) -> Vec<(u64, u64)> {
    let grants = GRANTS.into_iter().filter(|grants| *grants <= most_grants);
    let last = grants.clone().last().unwrap_or(1);
    let rows = ROWS.into_iter().filter(|rows| *rows <= most_rows);
    grants.map(|grants| (grants, 0)).chain(rows.map(|rows| (last, rows))).collect()
}

/// Fills a vault that rests, and starts it again.
async fn fill(stage: &mut Stage, grants: (u64, u64), rows: (u64, u64)) -> anyhow::Result<()> {
    stage.vault.stop()?;
    let (mut made, wanted) = grants;
    while made < wanted {
        let more = wanted.saturating_sub(made).min(TOGETHER);
        books::lend_many(&stage.vault, &stage.lent, usize::try_from(more)?).await?;
        made = made.saturating_add(more);
        out::hint(&format!("growth: {made} grants"));
    }
    let (mut written, wanted) = rows;
    while written < wanted {
        let more = wanted.saturating_sub(written).min(TOGETHER);
        books::use_up(&stage.vault, more).await?;
        written = written.saturating_add(more);
        out::hint(&format!("growth: {written} usage rows"));
    }
    stage.vault.again()
}

async fn cost(stage: &Stage) -> anyhow::Result<(f64, f64)> {
    let target = stage.to_vault(&stage.lent.token, super::BODY);
    let load = Load { calls: CALLS, warm_up: stage.span, span: stage.span };
    let (mut cpu, mut rate) = (Vec::new(), Vec::new());
    for _ in 0..stage.rounds {
        let outcome = load::put(&target, load).await?.all_answered()?;
        cpu.extend(Outcome::cpu_per_call(&outcome));
        rate.push(outcome.rate);
    }
    let middle = median(cpu).zip(median(rate));
    middle.context("this system does not say what a process has used")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_grow_first_and_no_size_is_above_the_most() {
        let sizes = sizes((1_000, 1_000_000));
        assert_eq!(sizes, [(10, 0), (1_000, 0), (1_000, 100_000), (1_000, 1_000_000)]);
    }
}
