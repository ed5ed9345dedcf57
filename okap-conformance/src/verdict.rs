//! What a test came to, and what a whole run comes to.

use std::{collections::BTreeMap, fmt, process::ExitCode};

use serde::{Deserialize, Serialize};

/// What one test came to. There is no `skip`: a test that did not run says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The vault does what the requirement says, and a witness shows it.
    Pass,
    /// It does something else.
    Fail,
    /// It does not do what the specification says it SHOULD.
    Warn,
    /// What the test builds on did not work, so that nothing was learned.
    Untestable,
    /// The target does not claim what is tested.
    NotApplicable,
    /// The suite, the driver or the network failed, not the vault.
    Error,
    /// It failed, and passed when it was tried again.
    Flaky,
    /// It failed as the baseline says.
    Xfail,
    /// It passed, and the baseline says that it fails.
    Xpass,
}

impl Verdict {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Untestable => "untestable",
            Self::NotApplicable => "not_applicable",
            Self::Error => "error",
            Self::Flaky => "flaky",
            Self::Xfail => "xfail",
            Self::Xpass => "xpass",
        }
    }

    /// Whether a reader has to do something about it.
    #[must_use]
    pub const fn is_trouble(self) -> bool {
        !matches!(self, Self::Pass | Self::NotApplicable | Self::Xfail)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How a run ends; the numbers are the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// Every test of every claimed profile passed.
    Conformant = 0,
    /// At least one test failed, or passed only the second time.
    Nonconformant = 1,
    /// The command, the target description or the selection makes no sense.
    Usage = 2,
    /// The target or the fake provider cannot be reached: nothing was measured.
    Unreachable = 3,
    /// The suite or the driver failed.
    Harness = 4,
    /// Nothing failed, and not everything could be tested.
    Incomplete = 5,
    /// What the baseline expects to fail passes.
    Stale = 6,
    /// Whoever started it has ended it, so that no report says this.
    #[serde(skip)]
    Interrupted = 130,
}

impl Exit {
    /// What it means, for a person.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Conformant => "conformant to every claimed profile",
            Self::Nonconformant => "not conformant",
            Self::Usage => "wrong usage",
            Self::Unreachable => "unreachable, nothing was measured",
            Self::Harness => "the suite or the driver failed",
            Self::Incomplete => "incomplete: nothing failed, and not everything was tested",
            Self::Stale => "the baseline is stale",
            Self::Interrupted => "ended from outside",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How many tests came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Tally(BTreeMap<Verdict, usize>);

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, verdict: Verdict) {
        let counted = self.0.entry(verdict).or_default();
        *counted = counted.saturating_add(1);
    }

    /// How many came to this.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or_default()
    }

    /// Those that there are, in order of verdict.
    pub fn all(&self) -> impl Iterator<Item = (Verdict, usize)> {
        self.0.iter().map(|(verdict, count)| (*verdict, *count))
    }

    /// How a run with these ends. Without a single pass it is never conformant.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let any = |verdicts: &[Verdict]| verdicts.iter().any(|verdict| self.of(*verdict) > 0);
        if any(&[Verdict::Fail, Verdict::Flaky]) {
            Exit::Nonconformant
        } else if any(&[Verdict::Error]) {
            Exit::Harness
        } else if any(&[Verdict::Untestable]) || !any(&[Verdict::Pass, Verdict::Xpass]) {
            Exit::Incomplete
        } else if any(&[Verdict::Xpass]) {
            Exit::Stale
        } else {
            Exit::Conformant
        }
    }
}

impl FromIterator<Verdict> for Tally {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> Self {
        let mut tally = Self::default();
        verdicts.into_iter().for_each(|verdict| tally.count(verdict));
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::*;

    fn exit(verdicts: &[Verdict]) -> Exit {
        verdicts.iter().copied().collect::<Tally>().exit()
    }

    #[test]
    fn a_run_is_conformant_where_all_pass_or_do_not_apply() {
        assert_eq!(exit(&[Pass, NotApplicable, Warn, Xfail]), Exit::Conformant);
    }

    #[test]
    fn one_verdict_of_another_kind_makes_it_something_else() {
        for (one, wanted) in [
            (Fail, Exit::Nonconformant),
            (Flaky, Exit::Nonconformant),
            (Error, Exit::Harness),
            (Untestable, Exit::Incomplete),
            (Xpass, Exit::Stale),
        ] {
            assert_eq!(exit(&[Pass, one]), wanted, "{one}");
        }
    }

    #[test]
    fn what_checked_nothing_is_never_conformant() {
        for nothing in [&[][..], &[NotApplicable], &[NotApplicable, Warn], &[Xfail]] {
            assert_eq!(exit(nothing), Exit::Incomplete);
        }
    }

    #[test]
    fn a_pass_that_the_baseline_does_not_know_was_checked_and_makes_it_stale() {
        assert_eq!(exit(&[Xpass]), Exit::Stale);
        assert_eq!(exit(&[Xpass, Untestable]), Exit::Incomplete);
    }

    #[test]
    fn a_failure_is_said_before_all_else() {
        assert_eq!(exit(&[Pass, Fail, Error, Untestable, Xpass]), Exit::Nonconformant);
        assert_eq!(exit(&[Pass, Error, Untestable, Xpass]), Exit::Harness);
    }
}
