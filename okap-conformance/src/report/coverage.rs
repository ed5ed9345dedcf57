//! Requirements, the tests that verify them, how those went, and the mutants that show that each can
//! fail.

use std::collections::BTreeMap;

use askama::Template;
use serde::Serialize;

use super::{
    Run,
    html::{parts, tone},
};
use crate::{
    catalogue,
    mutant::caught_by,
    requirement::{Requirement, untested},
    verdict::Verdict,
};

/// What is known of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A test that verifies it did not pass.
    NotMet,
    /// No test verifies it, and nobody has said why.
    Untested,
    /// Its tests did not come to anything, or were not in this run.
    Unknown,
    /// No test can verify it, for a reason.
    Excluded,
    /// A test verifies it, and has been seen to fail on a mutant; no run is looked at.
    Tested,
    /// Every test that verifies it passed.
    Met,
}

impl State {
    /// The word in a page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotMet => "not met",
            Self::Untested => "untested",
            Self::Unknown => "unknown",
            Self::Excluded => "excluded",
            Self::Tested => "tested",
            Self::Met => "met",
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::NotMet => "bad",
            Self::Untested | Self::Unknown => "odd",
            Self::Excluded => "dim",
            Self::Tested | Self::Met => "good",
        }
    }
}

/// One requirement.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// `OKAP-R-nnn`.
    pub id: &'static str,
    /// What is known of it.
    pub state: State,
    /// `MUST` and the like.
    pub level: &'static str,
    /// Who has to do it.
    pub actor: &'static str,
    /// The profile it belongs to.
    pub profile: &'static str,
    /// Where it stands.
    pub link: String,
    /// The sentence.
    pub text: &'static str,
    /// Why no test verifies it, where none does.
    pub reason: Option<&'static str>,
    /// Its tests, and what they came to.
    pub tests: BTreeMap<&'static str, Option<Verdict>>,
    /// The mutants that each of them catches.
    pub mutants: BTreeMap<&'static str, Vec<&'static str>>,
}

/// Every requirement, by identifier. Without a run it says what the catalogue has.
#[must_use]
pub fn lines(run: Option<&Run>) -> Vec<Line> {
    let mut tests: BTreeMap<&str, BTreeMap<&'static str, Option<Verdict>>> = BTreeMap::new();
    for test in catalogue::all() {
        let came = run.and_then(|run| run.tested.iter().find(|tested| tested.test == test.id));
        for id in test.verifies {
            tests.entry(id).or_default().insert(test.id, came.map(|tested| tested.verdict));
        }
    }
    let requirements = Requirement::all().iter();
    let lines = requirements.map(|(id, requirement)| {
        let tests = tests.remove(id.as_str()).unwrap_or_default();
        let reason = requirement.reason.as_deref().or_else(|| untested(id));
        let reason = reason.or_else(|| beyond(requirement));
        Line {
            id,
            state: state(&tests, reason, run.is_some()),
            level: &requirement.level,
            actor: &requirement.actor,
            profile: &requirement.profile,
            link: requirement.link(),
            text: &requirement.text,
            reason: reason.filter(|_| tests.is_empty()),
            mutants: tests.keys().map(|&test| (test, ids(test))).collect(),
            tests,
        }
    });
    lines.collect()
}

fn ids(test: &str) -> Vec<&'static str> {
    caught_by(test).map(|(id, _)| id).collect()
}

/// Why a vault's wire does not show it.
fn beyond(requirement: &Requirement) -> Option<&'static str> {
    match (requirement.actor.as_str(), requirement.testability.as_str()) {
        ("vault" | "page", "attest") => Some("a person has to vouch for it"),
        ("vault" | "page", _) => None,
        _ => Some("not a vault's to meet"),
    }
}

fn state(
    tests: &BTreeMap<&'static str, Option<Verdict>>,
    reason: Option<&str>,
    ran: bool,
) -> State {
    let any = |wanted: &[Verdict]| tests.values().flatten().any(|verdict| wanted.contains(verdict));
    match (tests.is_empty(), reason) {
        (true, Some(_)) => State::Excluded,
        (true, None) => State::Untested,
        (false, _) if !ran => State::Tested,
        (false, _) if any(&[Verdict::Fail, Verdict::Warn, Verdict::Flaky, Verdict::Xfail]) => {
            State::NotMet
        }
        (false, _) if tests.values().all(|came| *came == Some(Verdict::Pass)) => State::Met,
        (false, _) => State::Unknown,
    }
}

/// How many requirements are in which state.
#[must_use]
pub fn counts(lines: &[Line]) -> BTreeMap<State, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        let count: &mut usize = counts.entry(line.state).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

/// `coverage.json`.
#[must_use]
pub fn json(run: Option<&Run>) -> serde_json::Value {
    let lines = lines(run);
    serde_json::json!({
        "format": 1,
        "target": run.map(Run::name),
        "counts": counts(&lines),
        "requirements": lines,
    })
}

#[derive(Template)]
#[template(path = "coverage.html")]
struct Page<'a> {
    title: String,
    counts: BTreeMap<State, usize>,
    lines: &'a [Line],
}

/// `coverage.html`.
///
/// # Errors
/// Where the page cannot be made.
pub fn html(run: Option<&Run>) -> Result<String, askama::Error> {
    let lines = lines(run);
    let title = run.map_or("the catalogue".to_owned(), Run::name);
    Page { title, counts: counts(&lines), lines: &lines }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn state_of(id: &str, run: Option<&Run>) -> State {
        lines(run).into_iter().find(|line| line.id == id).unwrap().state
    }

    #[test]
    fn a_requirement_is_met_where_every_one_of_its_tests_passed() {
        let mut run = sample::every();
        assert_eq!(state_of("OKAP-R-294", Some(&run)), State::NotMet);
        assert_eq!(state_of("OKAP-R-294", None), State::Tested);
        run.tested.retain(|tested| tested.test != "proxy.refuse.model");
        assert_eq!(state_of("OKAP-R-294", Some(&run)), State::Unknown, "its test did not run");
    }

    #[test]
    fn what_cannot_be_tested_has_a_reason() {
        let lines = lines(None);
        let excluded = lines.iter().filter(|line| line.state == State::Excluded);
        assert!(excluded.clone().count() > 0);
        assert!(excluded.clone().all(|line| line.reason.is_some_and(|reason| !reason.is_empty())));
    }

    #[test]
    fn every_requirement_of_a_vault_has_a_test_or_a_reason() {
        let lines = lines(None);
        let untested = lines.iter().filter(|line| line.state == State::Untested);
        assert_eq!(untested.map(|line| line.id).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_test_counts_where_a_mutant_shows_that_it_can_fail() {
        let lines = lines(None);
        let of = |id: &str| lines.iter().find(|line| line.id == id).unwrap();
        let held = of("OKAP-R-141");
        assert_eq!(held.state, State::Tested);
        assert!(held.mutants["core.flat.approved"].contains(&"core.53"), "{held:?}");
    }

    #[test]
    fn the_page_has_the_mutants_beside_the_tests() {
        let page = html(None).unwrap();
        for (id, mutant) in crate::mutant::Mutant::all() {
            assert!(page.contains(&format!("<code class=\"id\">{id}</code>")), "{id}: {mutant:?}");
        }
    }

    #[test]
    fn every_requirement_is_in_the_page() {
        let page = html(Some(&sample::every())).unwrap();
        assert!(Requirement::all().keys().all(|id| page.contains(id.as_str())));
        assert!(page.contains("acme &#60;vault&#62;") && !page.contains("acme <vault>"));
    }
}
