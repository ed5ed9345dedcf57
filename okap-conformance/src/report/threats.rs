//! Threats, the tests about them, and whether the vault meets them.

use std::collections::BTreeMap;

use askama::Template;

use super::{Run, html::tone};
use crate::{catalogue, event::Tested, verdict::Verdict};

/// How far a threat is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// No test about it passed, and one failed.
    Not,
    /// Some tests about it passed, and some did not.
    Partly,
    /// Nothing was learned about it.
    Unknown,
    /// Every test about it passed.
    Mitigated,
}

impl Met {
    const fn word(self) -> &'static str {
        match self {
            Self::Not => "not met",
            Self::Partly => "partly",
            Self::Unknown => "unknown",
            Self::Mitigated => "mitigated",
        }
    }

    const fn tone(self) -> &'static str {
        match self {
            Self::Not => "bad",
            Self::Partly => "warn",
            Self::Unknown => "odd",
            Self::Mitigated => "good",
        }
    }
}

/// A threat.
#[derive(Clone, Debug)]
pub struct Threat<'a> {
    /// Its name: `grant-escape`.
    pub name: &'static str,
    /// How far it is met.
    pub met: Met,
    /// The tests about it; without a result those that were not in this run.
    pub tests: Vec<(&'static str, &'static str, Option<&'a Tested>)>,
}

/// Every threat that the catalogue has a test about, the worst first.
#[must_use]
pub fn matrix(run: &Run) -> Vec<Threat<'_>> {
    let mut threats: BTreeMap<&'static str, Vec<_>> = BTreeMap::new();
    for test in catalogue::all() {
        let came = run.tested.iter().find(|tested| tested.test == test.id);
        if let Some(threat) = test.threat {
            threats.entry(threat).or_default().push((test.id, test.title, came));
        }
    }
    let threat = |(name, tests): (_, Vec<_>)| Threat { name, met: met(&tests), tests };
    let mut matrix: Vec<_> = threats.into_iter().map(threat).collect();
    matrix.sort_by_key(|threat| threat.met);
    matrix
}

fn met(tests: &[(&str, &str, Option<&Tested>)]) -> Met {
    let ran = || tests.iter().filter_map(|(_, _, came)| came.map(|tested| tested.verdict));
    let passed = ran().filter(|verdict| *verdict == Verdict::Pass).count();
    let failed = ran().any(|verdict| {
        matches!(verdict, Verdict::Fail | Verdict::Flaky | Verdict::Warn | Verdict::Xfail)
    });
    match passed {
        n if n == tests.len() => Met::Mitigated,
        0 if failed => Met::Not,
        0 => Met::Unknown,
        _ => Met::Partly,
    }
}

#[derive(Template)]
#[template(path = "threats.html")]
struct Page<'a> {
    title: String,
    matrix: Vec<Threat<'a>>,
}

/// `threats.html`.
///
/// # Errors
/// Where the page cannot be made.
pub fn html(run: &Run) -> Result<String, askama::Error> {
    Page { title: run.name(), matrix: matrix(run) }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_threat_is_met_only_where_all_of_its_tests_passed() {
        let run = sample::every();
        let of = |run: &Run| {
            let threats = matrix(run);
            threats.iter().find(|threat| threat.name == "grant-escape").unwrap().met
        };
        assert_eq!(of(&run), Met::Not);
        assert_eq!(of(&sample::good()), Met::Unknown, "its tests were not in this run");
        let mut passed = Run::default();
        for test in catalogue::all().filter(|test| test.threat == Some("grant-escape")) {
            passed.tested.push(sample::tested(test.id, Verdict::Pass));
        }
        assert_eq!(of(&passed), Met::Mitigated);
    }
}
