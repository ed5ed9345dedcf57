//! Whether a call costs more in a vault that has grown.

use std::time::Duration;

use super::{
    Stage, books,
    load::{self, Load, Outcome},
    report::{Figure, Goal},
    rounds::rounds,
};
use crate::out;

const PART: &str = "growth";
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
        let name = format!("a call among {grants} grants and {rows} usage rows");
        let (figure, rate) = cost(stage, name).await?;
        // what else the machine does moves nginx, too
        let now = figure.ratio().unwrap_or(figure.amount());
        let first = *first.get_or_insert(now);
        let most = (first * 110.0).round() / 100.0;
        let goal = match figure.ratio() {
            Some(_) => Goal::RatioAtMost(most),
            None => Goal::AtMost(most),
        };
        let note = format!("{:+.1} %, {rate:.0} calls/s", (now / first - 1.0) * 100.0);
        figures.push(figure.goal(goal).note(note));
    }
    Ok(figures)
}

/// Grants and rows at each step: first the grants grow, and then the rows.
fn sizes((most_grants, most_rows): (u64, u64)) -> Vec<(u64, u64)> {
    let grants = GRANTS.into_iter().filter(|grants| *grants <= most_grants);
    let last = grants.clone().next_back().unwrap_or(1);
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

/// CPU a call, beside nginx in the same rounds, and calls a second.
async fn cost(stage: &Stage, name: String) -> anyhow::Result<(Figure, f64)> {
    // what a vault that has just started does once is not what a call costs
    let warm_up = Load { calls: CALLS, warm_up: Duration::ZERO, span: stage.span };
    let target = stage.to_vault(&stage.lent.token, super::BODY);
    load::put(&target, warm_up).await?.all_answered()?;
    let all = rounds(stage, super::BODY, CALLS, stage.span).await?;
    let rate = all.figure(PART, "", "", |o| Some(o.rate)).amount();
    Ok((all.figure(PART, name, "µs CPU", Outcome::cpu_per_call), rate))
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
