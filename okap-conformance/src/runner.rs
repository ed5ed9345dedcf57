//! Runs tests: some at a time, each within its time, and not on when the vault is gone.

mod attempt;
mod breaker;

use std::{sync::Arc, time::Instant};

use tokio::task::JoinSet;

use crate::{
    baseline::Baseline,
    catalogue::{self, Test},
    digest,
    event::{About, Began, Ended, Event, FORMAT, Tested},
    profile::Profile,
    requirement::Requirement,
    stage::Stage,
    verdict::{Exit, Tally, Verdict},
};
use attempt::attempts;
use breaker::Breaker;

/// How tests are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many at a time. Those that change the vault for all run alone, at the end.
    pub at_once: usize,
    /// Whether a failure is tried once more, to tell what is flaky.
    pub again: bool,
    /// Whether the exchanges of a pass are told as well.
    pub keep: bool,
    /// Failures that are known.
    pub baseline: Baseline,
}

impl Default for Options {
    fn default() -> Self {
        Self { at_once: 6, again: true, keep: false, baseline: Baseline::default() }
    }
}

/// Runs these tests on a stage and tells what happens as it happens.
///
/// # Behavior
/// - The order comes from the stage's seed.
/// - After three tests in a row that got no answer the rest is `untestable`.
pub async fn run(
    stage: &Arc<Stage>,
    tests: &[&'static Test],
    options: Options,
    tell: &mut (dyn FnMut(&Event) + Send),
) -> Exit {
    let begun = Instant::now();
    tell(&Event::Began(Box::new(began(stage, tests))));
    let mut order = tests.to_vec();
    stage.seed.of("order").shuffle(&mut order);
    let (alone, together): (Vec<_>, Vec<_>) = order.into_iter().partition(|test| test.runs_alone());

    let mut report = Report { tally: Tally::default(), breaker: Breaker::default(), tell };
    group(stage, together, &options, options.at_once.max(1), &mut report).await;
    group(stage, alone, &options, 1, &mut report).await;

    let Report { tally, breaker, tell } = report;
    let exit = tally.exit();
    let ended = Ended { exit, tally, ms: ms(begun), broken_off: breaker.why() };
    tell(&Event::Ended(ended));
    exit
}

struct Report<'a> {
    tally: Tally,
    breaker: Breaker,
    tell: &'a mut (dyn FnMut(&Event) + Send),
}

impl Report<'_> {
    fn tested(&mut self, mut tested: Tested, baseline: &Baseline) {
        baseline.apply(&mut tested);
        self.tally.count(tested.verdict);
        (self.tell)(&Event::Tested(Box::new(tested)));
    }
}

async fn group(
    stage: &Arc<Stage>,
    tests: Vec<&'static Test>,
    options: &Options,
    at_once: usize,
    report: &mut Report<'_>,
) {
    let mut waiting = tests.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < at_once {
            let Some(test) = waiting.next() else { break };
            match report.breaker.why() {
                Some(why) => {
                    report.tested(not_run(test, why), &options.baseline);
                }
                None => {
                    let (stage, again, keep) = (Arc::clone(stage), options.again, options.keep);
                    (report.tell)(&Event::Started { test: test.id.to_owned() });
                    running.spawn(async move { attempts(&stage, test, again, keep).await });
                }
            }
        }
        let Some(done) = running.join_next().await else { return };
        // a test that panics is caught where it runs
        if let Ok((tested, answered)) = done {
            if let Some(answered) = answered {
                report.breaker.saw(answered);
            }
            report.tested(tested, &options.baseline);
        }
    }
}

fn began(stage: &Stage, tests: &[&'static Test]) -> Began {
    let identity = &stage.target.target;
    let profiles = stage.target.profiles();
    Began {
        format: FORMAT,
        run: stage.run.clone(),
        suite: env!("CARGO_PKG_VERSION").to_owned(),
        catalogue: digest::of_catalogue(),
        requirements: Requirement::digest(),
        description: stage.target.digest.clone(),
        consent: stage.target.consent.mode().word().to_owned(),
        whole: catalogue::all()
            .filter(|test| profiles.contains(&test.profile))
            .all(|test| tests.iter().any(|chosen| chosen.id == test.id)),
        target: About {
            name: identity.name.clone(),
            version: identity.version.clone(),
            contact: identity.contact.clone(),
            source: identity.source.clone(),
            base_url: stage.base_url.clone(),
            file: stage.target.file.clone(),
        },
        unclaimed: Profile::ALL.into_iter().filter(|p| !profiles.contains(p)).collect(),
        profiles,
        seed: stage.seed.to_string(),
        verbs: stage.verbs.iter().copied().collect(),
        tests: tests.len(),
    }
}

fn not_run(test: &'static Test, why: String) -> Tested {
    Tested { verdict: Verdict::Untestable, said: why, attempts: 0, ..attempt::blank(test) }
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
