//! A certificate: an in-toto Statement (test-result predicate) over runs of the whole catalogue.
//!
//! It is made of the runs' events alone, so that anybody who has them makes the same one again. It
//! proves that these events say so; who ran the suite, and on what, is for a signature over it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    catalogue,
    digest::{of_catalogue, sha256},
    event::{Began, Tested},
    report::{Run, coverage},
    verdict::{Exit, Tally, Verdict},
};

/// How often all tests are run, each time with another seed.
pub const ROUNDS: usize = 3;
/// The form of what a certificate says beside the predicate of in-toto.
const FORMAT: u32 = 1;

/// What a certificate is about, as it is told from outside the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Name and SHA-256 of the vault's program or image.
    pub artifact: Option<(String, String)>,
    /// SHA-256 of the suite's program.
    pub suite: String,
    /// What a person vouches for, with the person's name.
    pub attestations: Vec<String>,
}

/// Why runs make no certificate of conformance.
#[must_use]
pub fn problems(runs: &[Run]) -> Vec<String> {
    let mut wrong = Vec::new();
    if runs.len() != ROUNDS {
        wrong.push(format!("{} runs, and it takes {ROUNDS}", runs.len()));
    }
    let began: Vec<_> = runs.iter().filter_map(|run| run.began.as_ref()).collect();
    let seeds: BTreeSet<_> = began.iter().map(|began| &began.seed).collect();
    if seeds.len() != runs.len() {
        wrong.push("two runs have the same seed".to_owned());
    }
    let same: BTreeSet<_> = began.iter().map(|began| identity(began).to_string()).collect();
    if same.len() > 1 {
        wrong.push("the runs are not of one vault, one description and one suite".to_owned());
    }
    for (at, run) in runs.iter().enumerate() {
        wrong.extend(run_problems(run).into_iter().map(|said| format!("run {}: {said}", at + 1)));
    }
    wrong
}

/// What has to be the same in all runs.
fn identity(began: &Began) -> Value {
    json!([
        began.suite,
        began.catalogue,
        began.requirements,
        began.description,
        began.target.name,
        began.target.version,
        began.profiles,
        began.consent,
        began.verbs,
    ])
}

fn run_problems(run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    let (Some(began), Some(ended)) = (&run.began, &run.ended) else {
        return vec!["it has no beginning or no end".to_owned()];
    };
    if began.catalogue != of_catalogue() {
        let suite = &began.suite;
        wrong.push(format!("of another catalogue than this: take okap-conformance {suite}"));
    }
    let ran: BTreeSet<_> = run.tested.iter().map(|tested| tested.test.as_str()).collect();
    let claimed = catalogue::all().filter(|test| began.profiles.contains(&test.profile));
    let missing = claimed.filter(|test| !ran.contains(test.id)).count();
    if missing > 0 || !began.whole {
        wrong.push(format!("{missing} tests of the claimed profiles were left out"));
    }
    if ran.len() != run.tested.len() || run.tested.len() != began.tests {
        wrong.push("it does not have each test once".to_owned());
    }
    let tally: Tally = run.tested.iter().map(|tested| tested.verdict).collect();
    if tally != ended.tally || tally.exit() != ended.exit {
        wrong.push("its end is not what its tests came to".to_owned());
    }
    if run.with(&[Verdict::Xfail, Verdict::Xpass]).next().is_some() {
        wrong.push("a baseline never counts".to_owned());
    }
    let passed_without =
        |tested: &&Tested| tested.verdict == Verdict::Pass && tested.said.is_empty();
    if let Some(tested) = run.tested.iter().find(passed_without) {
        wrong.push(format!("{} passed without a witness", tested.test));
    }
    wrong
}

/// How the runs end, taken together: as the worst of them, and never well where something is wrong
/// with them.
#[must_use]
pub fn exit(runs: &[Run]) -> Exit {
    let exits: Vec<_> = runs
        .iter()
        .map(|run| run.tested.iter().map(|tested| tested.verdict).collect::<Tally>().exit())
        .collect();
    let worst = exits.iter().find(|exit| **exit == Exit::Nonconformant);
    let worst = worst.or_else(|| exits.iter().find(|exit| **exit != Exit::Conformant));
    match worst {
        Some(exit) => *exit,
        None if problems(runs).is_empty() => Exit::Conformant,
        None => Exit::Incomplete,
    }
}

/// The statement about runs, whose events are these.
#[must_use]
pub fn statement(runs: &[(Run, String)], about: &About) -> Value {
    let only: Vec<Run> = runs.iter().map(|(run, _)| run.clone()).collect();
    let exit = exit(&only);
    let began = only.iter().find_map(|run| run.began.as_ref());
    let mut configuration = vec![
        resource("okap-conformance", &about.suite),
        resource("catalogue", began.map_or("", |began| &began.catalogue)),
        resource("requirements", began.map_or("", |began| &began.requirements)),
        resource("target description", began.map_or("", |began| &began.description)),
    ];
    let events = runs.iter().enumerate();
    let events: Vec<_> = events
        .map(|(at, (_, events))| resource(&events_file(at + 1), &sha256(events.as_bytes())))
        .collect();
    configuration.extend(events.iter().cloned());
    // without a program to point at, the statement is about what was seen
    let subject = match &about.artifact {
        Some((name, digest)) => vec![resource(name, digest)],
        None => events,
    };
    let with = |wanted: fn(&[Verdict]) -> bool| tests(&only, wanted);
    let warned = |all: &[Verdict]| all.contains(&Verdict::Warn) && !all.iter().any(is_failure);
    let result = match exit {
        Exit::Conformant if with(warned).is_empty() => "PASSED",
        Exit::Conformant => "WARNED",
        _ => "FAILED",
    };
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": result,
            "configuration": configuration,
            "passedTests": with(|all| all.iter().all(|verdict| *verdict == Verdict::Pass)),
            "warnedTests": with(warned),
            "failedTests": with(|all| all.iter().any(is_failure)),
            "okap": {
                "format": FORMAT,
                "suite": began.map(|began| &began.suite),
                "exit": exit,
                "target": began.map(|began| &began.target),
                "profiles": began.map(|began| &began.profiles),
                "seeds": only.iter().filter_map(|run| run.began.as_ref()).map(|b| &b.seed).collect::<Vec<_>>(),
                "consent": began.map(|began| &began.consent),
                "verbs": began.map(|began| &began.verbs),
                // a build with a test hook is not the build that is shipped
                "hooked": began.is_some_and(|began| began.consent == "hook"),
                "evidence": "self-run",
                "attestations": about.attestations,
                "problems": problems(&only),
                "requirements": requirements(&only),
            },
        },
    })
}

/// What the file of a run's events is called beside a statement.
#[must_use]
pub fn events_file(round: usize) -> String {
    format!("events-{round}.ndjson")
}

fn resource(name: &str, digest: &str) -> Value {
    json!({ "name": name, "digest": { "sha256": digest } })
}

const fn is_failure(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::Pass | Verdict::Warn | Verdict::NotApplicable)
}

/// The tests whose verdicts in all runs are so.
fn tests(runs: &[Run], wanted: fn(&[Verdict]) -> bool) -> Vec<String> {
    let mut all: BTreeMap<&str, Vec<Verdict>> = BTreeMap::new();
    for tested in runs.iter().flat_map(|run| &run.tested) {
        all.entry(&tested.test).or_default().push(tested.verdict);
    }
    let named = all.into_iter().filter(|(_, verdicts)| wanted(verdicts));
    named.map(|(test, _)| test.to_owned()).collect()
}

/// For each requirement that was tested, the worst that is known of it.
fn requirements(runs: &[Run]) -> BTreeMap<&'static str, coverage::State> {
    let mut worst = BTreeMap::new();
    for line in runs.iter().flat_map(|run| coverage::lines(Some(run))) {
        if !line.tests.is_empty() {
            let state = worst.entry(line.id).or_insert(line.state);
            *state = line.state.min(*state);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Event, report::sample};

    /// Three good runs of the whole of what the sample claims.
    fn runs() -> Vec<(Run, String)> {
        let round = |seed: usize| {
            let mut events = sample::events(&[]);
            events.pop();
            let mut tests = 0;
            let Event::Began(began) = &mut events[0] else { panic!("no beginning") };
            let profiles = began.profiles.clone();
            for test in catalogue::all().filter(|test| profiles.contains(&test.profile)) {
                tests += 1;
                events.push(Event::Tested(Box::new(sample::tested(test.id, Verdict::Pass))));
            }
            let Event::Began(began) = &mut events[0] else { panic!("no beginning") };
            (began.tests, began.whole) = (tests, true);
            (began.seed, began.catalogue) = (format!("{seed:016x}"), of_catalogue());
            let mut run = Run::default();
            events.iter().for_each(|event| run.add(event));
            end(&mut run);
            let lines = events.iter().map(|event| serde_json::to_string(event).unwrap());
            let lines: Vec<_> = lines.collect();
            (run, lines.join("\n"))
        };
        (1..=ROUNDS).map(round).collect()
    }

    fn end(run: &mut Run) {
        let tally: Tally = run.tested.iter().map(|tested| tested.verdict).collect();
        let exit = tally.exit();
        run.ended = Some(crate::event::Ended { exit, tally, ms: 1, broken_off: None });
    }

    fn after(change: impl Fn(&mut Vec<(Run, String)>)) -> (Exit, String) {
        let mut runs = runs();
        change(&mut runs);
        let only: Vec<_> = runs.into_iter().map(|(run, _)| run).collect();
        (exit(&only), problems(&only).join("; "))
    }

    #[test]
    fn three_whole_runs_that_pass_are_conformant() {
        assert_eq!(after(|_| {}), (Exit::Conformant, String::new()));
        let statement = statement(&runs(), &About::default());
        assert_eq!(statement["predicate"]["result"], "PASSED");
        assert_eq!(statement["predicate"]["failedTests"], json!([]));
    }

    #[test]
    fn what_is_not_three_whole_runs_is_never_conformant() {
        type Change = fn(&mut Vec<(Run, String)>);
        let changes: [(Change, &str); 8] = [
            (|runs| drop(runs.pop()), "2 runs"),
            (|runs| runs[1] = runs[0].clone(), "same seed"),
            (|runs| drop(runs[2].0.tested.pop()), "left out"),
            (|runs| runs[0].0.began.as_mut().unwrap().whole = false, "left out"),
            (|runs| runs[0].0.began.as_mut().unwrap().target.version.push('1'), "one vault"),
            (|runs| runs[0].0.began.as_mut().unwrap().catalogue.clear(), "another catalogue"),
            (|runs| runs[0].0.tested[0].said.clear(), "witness"),
            (|runs| runs[0].0.ended = None, "no end"),
        ];
        for (change, said) in changes {
            let (exit, problems) = after(change);
            assert_eq!(exit, Exit::Incomplete, "{said}");
            assert!(problems.contains(said), "{said}: {problems}");
        }
    }

    #[test]
    fn a_verdict_that_was_written_over_is_seen() {
        let (exit, problems) = after(|runs| {
            // the tests say that one failed, and the end that none did
            runs[1].0.tested[0].verdict = Verdict::Fail;
        });
        assert_eq!(exit, Exit::Nonconformant);
        assert!(problems.contains("its end is not"), "{problems}");
    }

    #[test]
    fn one_failure_in_one_run_is_in_the_statement() {
        let mut runs = runs();
        runs[2].0.tested[0].verdict = Verdict::Flaky;
        end(&mut runs[2].0);
        let statement = statement(&runs, &About::default());
        assert_eq!(statement["predicate"]["result"], "FAILED");
        assert_eq!(statement["predicate"]["failedTests"][0], runs[2].0.tested[0].test.as_str());
    }

    #[test]
    fn a_known_failure_does_not_count() {
        let (exit, problems) = after(|runs| {
            runs[0].0.tested[0].verdict = Verdict::Xfail;
            end(&mut runs[0].0);
        });
        assert_eq!(exit, Exit::Incomplete);
        assert!(problems.contains("baseline"), "{problems}");
    }
}
