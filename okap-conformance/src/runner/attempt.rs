//! One test, tried once or twice, and what that comes to.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures_util::FutureExt;

use super::ms;
use crate::{
    canary::Secrets,
    case::Case,
    catalogue::Test,
    driver::{DriverError, Verb},
    event::Tested,
    outcome::{Outcome, Stop},
    requirement::Requirement,
    stage::Stage,
    verdict::Verdict,
};

/// What one attempt came to, and the case that shows it.
struct Tried {
    outcome: Outcome,
    case: Case,
    in_time: bool,
}

/// Runs a test; once more where it failed, if that is wanted. Also tells whether the vault answered
/// every call in time; `None` where none was made.
pub(super) async fn attempts(
    stage: &Arc<Stage>,
    test: &'static Test,
    again: bool,
    keep: bool,
) -> (Tested, Option<bool>) {
    let begun = Instant::now();
    if let Some(missing) = missing(stage, test) {
        let said = DriverError::Unsupported(missing).to_string();
        let tested = Tested { verdict: Verdict::Untestable, said, attempts: 0, ..blank(test) };
        return (tested, None);
    }
    let mut tried = attempt(stage, test, 1).await;
    let mut tested = judged(test, &tried.outcome);
    // a vault that is gone would only be waited for once more
    let answered = tried.in_time && !tried.case.was_unanswered();
    if again && tested.verdict == Verdict::Fail && answered {
        let second = attempt(stage, test, 2).await;
        tested.attempts = 2;
        if second.outcome.is_ok() {
            tested.verdict = Verdict::Flaky;
        } else if let Err(Stop::Failed(_)) = second.outcome {
            tested = Tested { attempts: 2, ..judged(test, &second.outcome) };
            tried = second;
        }
    }
    redact(&mut tested, &stage.secrets);
    if keep || tested.verdict != Verdict::Pass {
        tested.exchanges = tried.case.transcript().exchanges();
    }
    tested.ms = ms(begun);
    let answered = tried.in_time && !tried.case.was_unanswered();
    (tested, Some(answered))
}

fn missing(stage: &Stage, test: &Test) -> Option<Verb> {
    test.needs.iter().copied().find(|verb| !stage.verbs.contains(verb))
}

async fn attempt(stage: &Arc<Stage>, test: &'static Test, attempt: usize) -> Tried {
    let case = Case::new(Arc::clone(stage), test, attempt);
    let patience = stage.target.timeouts.test.0;
    let run = AssertUnwindSafe((test.run)(&case)).catch_unwind();
    let (outcome, in_time) = match tokio::time::timeout(patience, run).await {
        Ok(Ok(outcome)) => (outcome, true),
        Ok(Err(_)) => (Err(Stop::Broken("the test panicked".to_owned())), true),
        Err(_) => {
            let requirement = test.verifies.first().copied().unwrap_or_default();
            let expected = format!("an end within {} s", patience.as_secs_f32());
            (Err(Stop::failed(requirement, expected, "none")), false)
        }
    };
    Tried { outcome, case, in_time }
}

fn judged(test: &'static Test, outcome: &Outcome) -> Tested {
    let tested = blank(test);
    match outcome {
        Ok(witness) => {
            let said = witness.seen().to_owned();
            Tested { verdict: Verdict::Pass, said, ..tested }
        }
        Err(stop) => {
            let said = stop.said();
            let finding = match stop {
                Stop::Failed(finding) => Some(finding.clone()),
                _ => None,
            };
            Tested { verdict: verdict(stop), said, finding, ..tested }
        }
    }
}

/// What a stop comes to: to do otherwise than one SHOULD is a warning.
fn verdict(stop: &Stop) -> Verdict {
    match stop {
        Stop::Failed(finding) => {
            let requirement = finding.requirement.as_deref().and_then(Requirement::find);
            let must = requirement.is_none_or(Requirement::is_must);
            if must { Verdict::Fail } else { Verdict::Warn }
        }
        Stop::Untestable(_) => Verdict::Untestable,
        Stop::NotApplicable(_) => Verdict::NotApplicable,
        Stop::Broken(_) => Verdict::Error,
    }
}

pub(super) fn blank(test: &'static Test) -> Tested {
    Tested {
        test: test.id.to_owned(),
        rev: test.rev,
        title: test.title.to_owned(),
        profile: test.profile,
        verifies: test.verifies.iter().map(|id| (*id).to_owned()).collect(),
        twin: test.twin.map(str::to_owned),
        threat: test.threat.map(str::to_owned),
        verdict: Verdict::Error,
        said: String::new(),
        known: None,
        finding: None,
        attempts: 1,
        ms: 0,
        exchanges: Vec::new(),
    }
}

/// Leaves no secret in what was said, nor one in the exchanges that what was said is the first to
/// show.
fn redact(tested: &mut Tested, secrets: &Secrets) {
    let mut texts = vec![&mut tested.said];
    if let Some(finding) = &mut tested.finding {
        texts.extend([&mut finding.expected, &mut finding.observed]);
    }
    texts.iter().for_each(|text| secrets.know_tokens(text));
    for text in texts {
        *text = secrets.redact_cut(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_do_otherwise_than_a_should_is_a_warning() {
        let failed = |requirement| verdict(&Stop::failed(requirement, "a", "b"));
        assert_eq!(failed("OKAP-R-331"), Verdict::Fail);
        assert_eq!(failed("OKAP-R-333"), Verdict::Warn);
    }

    #[test]
    fn a_token_that_only_a_test_speaks_of_is_taken_out() {
        let test = crate::catalogue::all().next().unwrap();
        let token = format!("okap_at_{}", "A1b".repeat(20)).get(..57).unwrap().to_owned();
        let stop = Stop::failed("OKAP-R-331", format!("not {token}"), format!("{token} in a row"));
        let mut tested = judged(test, &Err(stop));
        redact(&mut tested, &Secrets::default());
        let finding = tested.finding.unwrap();
        assert_eq!(finding.expected, "not ${TOKEN_AT_1}");
        assert_eq!(finding.observed, "${TOKEN_AT_1} in a row");
        assert!(!tested.said.contains(&token), "{}", tested.said);
    }

    #[test]
    fn only_a_failure_is_the_vaults() {
        assert_eq!(verdict(&Stop::Untestable(String::new())), Verdict::Untestable);
        assert_eq!(verdict(&Stop::Broken(String::new())), Verdict::Error);
    }
}
