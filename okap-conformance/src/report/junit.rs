//! JUnit XML, with a real child element for everything that is no pass.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::Run;
use crate::{event::Tested, profile::Profile, verdict::Verdict};

/// The report as text.
///
/// # Errors
/// Where it cannot be written down.
pub fn document(run: &Run) -> Result<String, quick_junit::SerializeError> {
    let target = run.began.as_ref().map_or("okap", |began| began.target.name.as_str());
    let mut report = Report::new(format!("okap-conformance {target}"));
    for profile in Profile::ALL {
        let tested = run.tested.iter().filter(|tested| tested.profile == profile);
        let mut suite = TestSuite::new(profile.word());
        suite.add_test_cases(tested.map(case));
        if !suite.test_cases.is_empty() {
            report.add_test_suite(suite);
        }
    }
    report.to_string()
}

fn case(tested: &Tested) -> TestCase {
    let mut case = TestCase::new(&tested.test, status(tested));
    case.set_classname(tested.profile.word()).set_time(Duration::from_millis(tested.ms));
    case.add_property(Property::new("verdict", tested.verdict.word()));
    case.add_property(Property::new("revision", tested.rev.to_string()));
    for requirement in &tested.verifies {
        case.add_property(Property::new("requirement", requirement));
    }
    if let Some(known) = &tested.known {
        case.add_property(Property::new("known", known));
    }
    case
}

fn status(tested: &Tested) -> TestCaseStatus {
    let mut status = match tested.verdict {
        Verdict::Pass | Verdict::Warn => return TestCaseStatus::success(),
        Verdict::NotApplicable | Verdict::Attested | Verdict::Review | Verdict::Xfail => {
            TestCaseStatus::skipped()
        }
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Fail | Verdict::Untestable | Verdict::Flaky | Verdict::Xpass => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
    };
    status.set_message(&tested.said).set_type(tested.verdict.word());
    let curls: Vec<_> = tested.exchanges.iter().map(crate::transcript::Exchange::curl).collect();
    status.set_description(curls.join("\n"));
    status
}
