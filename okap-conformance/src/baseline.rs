//! Failures that are known: a file that says which tests do not pass yet, and why.
//!
//! ```toml
//! ["proxy.refuse.model"]
//! requirement = "OKAP-R-294"     # it has to fail in this; left out, in anything
//! reason = "models are checked from 1.5 on, see issue 12"
//! ```
//!
//! A test that passes although its failure is known makes the file stale, and the run ends as
//! [`Exit::Stale`](crate::verdict::Exit::Stale). A baseline never counts for a certificate.

use std::{collections::BTreeMap, fmt::Write, io, path::Path};

use serde::Deserialize;

use crate::{catalogue, event::Tested, verdict::Verdict};

/// Why a baseline does not hold.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("baseline {0} cannot be read: {1}")]
    Read(String, #[source] io::Error),
    /// It does not say what it may say.
    #[error("baseline {0} does not hold: {1}")]
    Parse(String, String),
    /// A test that there is not.
    #[error("baseline {0} names {1}, and there is no such test; see okap-conformance list")]
    NoTest(String, String),
    /// No reason.
    #[error("baseline {0} has no reason for {1}: say why it fails, and where that is worked on")]
    NoReason(String, String),
}

/// Failures that are known.
#[derive(Clone, Debug, Default)]
pub struct Baseline(BTreeMap<String, Known>);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    reason: String,
    requirement: Option<String>,
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, &name),
            Err(error) => Err(BaselineError::Read(name, error)),
        }
    }

    /// As [`read`](Self::read), of a text; `name` is the file's, for errors.
    ///
    /// # Errors
    /// [`BaselineError`].
    pub fn parse(text: &str, name: &str) -> Result<Self, BaselineError> {
        let name = name.to_owned();
        let known: BTreeMap<String, Known> = match toml::from_str(text) {
            Ok(known) => known,
            Err(error) => return Err(BaselineError::Parse(name, error.message().to_owned())),
        };
        for (test, known) in &known {
            if catalogue::find(test).is_none() {
                return Err(BaselineError::NoTest(name, test.clone()));
            }
            if known.reason.trim().is_empty() {
                return Err(BaselineError::NoReason(name, test.clone()));
            }
        }
        Ok(Self(known))
    }

    /// Makes of a failure that is known an `xfail`, and of a pass in its place an `xpass`. A failure
    /// in another requirement than the known one stays what it is.
    pub(crate) fn apply(&self, tested: &mut Tested) {
        let Some(known) = self.0.get(&tested.test) else { return };
        let failed_in = tested.finding.as_ref().and_then(|finding| finding.requirement.as_ref());
        let same = known.requirement.is_none() || known.requirement.as_ref() == failed_in;
        tested.verdict = match tested.verdict {
            Verdict::Pass => Verdict::Xpass,
            Verdict::Fail | Verdict::Warn | Verdict::Untestable if same => Verdict::Xfail,
            _ => return,
        };
        tested.known = Some(known.reason.clone());
    }
}

/// A baseline of what failed, for a person to write the reasons in; without them it does not hold.
pub fn draft<'a>(tested: impl IntoIterator<Item = &'a Tested>) -> String {
    let mut text = String::from("# failures that are known; each needs a reason\n");
    for tested in tested {
        let wanted = matches!(tested.verdict, Verdict::Fail | Verdict::Untestable | Verdict::Xfail);
        if !wanted {
            continue;
        }
        let requirement = tested.finding.as_ref().and_then(|finding| finding.requirement.as_ref());
        let reason = toml::Value::from(tested.known.clone().unwrap_or_default());
        // a String takes everything
        let _ = write!(text, "\n# {}\n[\"{}\"]\n", tested.said.replace('\n', " "), tested.test);
        if let Some(requirement) = requirement {
            let _ = writeln!(text, "requirement = \"{requirement}\"");
        }
        let _ = writeln!(text, "reason = {reason}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const KNOWN: &str = "['proxy.refuse.model']\nreason = 'issue 12'\nrequirement = 'OKAP-R-294'";

    fn after(verdict: Verdict, requirement: &str) -> Tested {
        let mut tested = sample::tested("proxy.refuse.model", verdict);
        if let Some(finding) = &mut tested.finding {
            finding.requirement = Some(requirement.to_owned());
        }
        Baseline::parse(KNOWN, "b.toml").unwrap().apply(&mut tested);
        tested
    }

    #[test]
    fn a_known_failure_is_expected_in_its_own_requirement_alone() {
        let tested = after(Verdict::Fail, "OKAP-R-294");
        assert_eq!((tested.verdict, tested.known.as_deref()), (Verdict::Xfail, Some("issue 12")));
        assert_eq!(after(Verdict::Fail, "OKAP-R-277").verdict, Verdict::Fail);
    }

    #[test]
    fn a_pass_in_its_place_makes_the_baseline_stale() {
        assert_eq!(after(Verdict::Pass, "").verdict, Verdict::Xpass);
    }

    #[test]
    fn what_only_passes_sometimes_is_never_expected() {
        assert_eq!(after(Verdict::Flaky, "OKAP-R-294").verdict, Verdict::Flaky);
        assert_eq!(after(Verdict::Error, "OKAP-R-294").verdict, Verdict::Error);
    }

    #[test]
    fn a_baseline_names_tests_that_there_are_and_a_reason_for_each() {
        let said = |text: &str| Baseline::parse(text, "b.toml").unwrap_err().to_string();
        assert!(said("['core.no.such']\nreason = 'x'").contains("no such test"));
        assert!(said("['proxy.refuse.model']\nreason = ' '").contains("no reason"));
        assert!(said("['proxy.refuse.model']\nreason = 'x'\nuntil = '1'").contains("until"));
    }

    #[test]
    fn a_draft_holds_once_it_has_reasons() {
        let failed = sample::tested("proxy.refuse.model", Verdict::Fail);
        let text = draft([&failed, &sample::tested("proxy.forward.clean", Verdict::Pass)]);
        assert!(!text.contains("forward"), "{text}");
        assert!(Baseline::parse(&text, "b").is_err(), "without a reason it does not hold");
        let text = text.replace("reason = \"\"", "reason = \"issue 12\"");
        let mut tested = failed;
        Baseline::parse(&text, "b").unwrap().apply(&mut tested);
        assert_eq!(tested.verdict, Verdict::Xfail);
    }
}
