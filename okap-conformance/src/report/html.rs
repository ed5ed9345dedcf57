//! A page for people: one file, without anything from elsewhere.

use askama::Template;

use super::Run;
use crate::{
    event::{Began, Ended, Tested},
    profile::Profile,
    requirement::Requirement,
    verdict::{Exit, Verdict},
};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    counts: Vec<(Verdict, usize)>,
    profiles: Vec<Score>,
    began: Option<&'a Began>,
    ended: Option<&'a Ended>,
    tests: Vec<&'a Tested>,
}

/// A profile, and how many of its tests passed.
struct Score {
    profile: Profile,
    claimed: bool,
    passed: usize,
    all: usize,
}

impl Score {
    /// Hundredths of the tests that passed.
    fn percent(&self) -> usize {
        (self.passed * 100).checked_div(self.all).unwrap_or_default()
    }
}

/// The page of a run.
///
/// # Errors
/// Where it cannot be made.
pub fn document(run: &Run) -> Result<String, askama::Error> {
    let began = run.began.as_ref();
    let profiles = Profile::ALL.map(|profile| {
        let (passed, all) = run.score(profile);
        let claimed = began.is_none_or(|began| !began.unclaimed.contains(&profile));
        Score { profile, claimed, passed, all }
    });
    let rest = run.tested.iter().filter(|tested| !tested.verdict.is_trouble());
    let page = Page {
        title: run.name(),
        counts: run.ended.iter().flat_map(|ended| ended.tally.all()).collect(),
        profiles: profiles.into(),
        began,
        ended: run.ended.as_ref(),
        tests: run.trouble().into_iter().chain(rest).collect(),
    };
    page.render()
}

/// The colour of a verdict, as a class.
pub(super) const fn tone(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Fail | Verdict::Flaky | Verdict::Error | Verdict::Xpass => "bad",
        Verdict::Warn | Verdict::Xfail => "warn",
        Verdict::Untestable => "odd",
        Verdict::NotApplicable => "dim",
    }
}

/// The colour of an end.
const fn colour(exit: &Exit) -> &'static str {
    match exit {
        Exit::Conformant => "good",
        Exit::Nonconformant | Exit::Harness | Exit::Unreachable | Exit::Usage => "bad",
        Exit::Incomplete | Exit::Interrupted => "odd",
        Exit::Stale => "warn",
    }
}

fn sentence(id: &str) -> &'static str {
    Requirement::find(id).map_or("", |requirement| requirement.text.as_str())
}

/// A sentence of the specification in parts: whether it is code, and its words.
pub(super) fn parts(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`').enumerate().map(|(at, part)| (at % 2 == 1, part))
}

fn link(id: &str) -> String {
    Requirement::find(id).map(Requirement::link).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_page_has_every_test_and_nothing_of_a_vault_is_markup() {
        let page = document(&sample::every()).unwrap();
        for tested in &sample::every().tested {
            assert!(page.contains(&format!("id=\"{}\"", tested.test)), "{}", tested.test);
        }
        assert!(!page.contains("<script>alert") && !page.contains("acme <vault>"));
    }

    #[test]
    fn a_page_takes_nothing_from_elsewhere() {
        let page = document(&sample::every()).unwrap();
        for outside in ["src=", "<link", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"), "and a browser would not let it");
    }
}
