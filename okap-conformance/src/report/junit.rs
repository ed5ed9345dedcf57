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
        Verdict::NotApplicable | Verdict::Xfail => TestCaseStatus::skipped(),
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

#[cfg(test)]
mod tests {
    use quick_xml::{Reader, events::Event};

    use super::*;
    use crate::report::sample;

    /// An element, what may stand in it, its attributes, and those of them that have to be there:
    /// the form that Ant gave JUnit's reports and that CI servers read.
    type Rule = (&'static str, &'static [&'static str], &'static [&'static str], usize);
    const RULES: [Rule; 8] = [
        ("testsuites", &["testsuite"], &["name", "tests", "failures", "errors", "time"], 1),
        (
            "testsuite",
            &["properties", "testcase", "system-out", "system-err"],
            &["name", "tests", "failures", "errors", "disabled", "skipped", "time"],
            4,
        ),
        (
            "testcase",
            &["properties", "skipped", "error", "failure", "system-out", "system-err"],
            &["name", "classname", "time"],
            2,
        ),
        ("properties", &["property"], &[], 0),
        ("property", &[], &["name", "value"], 2),
        ("skipped", &[], &["message", "type"], 0),
        ("error", &[], &["message", "type"], 0),
        ("failure", &[], &["message", "type"], 0),
    ];

    /// What of a document is not as the rules say.
    fn wrong(document: &str) -> Vec<String> {
        let mut reader = Reader::from_str(document);
        reader.config_mut().check_end_names = true;
        let (mut open, mut wrong) = (Vec::<String>::new(), Vec::new());
        loop {
            let (element, ends) = match reader.read_event() {
                Err(error) => return vec![error.to_string()],
                Ok(Event::Eof) => {
                    wrong.extend(open.iter().map(|name| format!("{name} does not end")));
                    return wrong;
                }
                Ok(Event::Start(element)) => (element, false),
                Ok(Event::Empty(element)) => (element, true),
                Ok(Event::End(_)) => {
                    open.pop();
                    continue;
                }
                Ok(_) => continue,
            };
            let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
            let allowed = |parent: &String| {
                let parent = RULES.iter().find(|rule| rule.0 == parent);
                parent.is_some_and(|rule| rule.1.contains(&name.as_str()))
            };
            if !open.last().map_or(name == "testsuites", allowed) {
                wrong.push(format!("{name} in {:?}", open.last()));
            }
            if let Some((_, _, attributes, needed)) = RULES.iter().find(|rule| rule.0 == name) {
                let has: Vec<_> = element
                    .attributes()
                    .map(|one| String::from_utf8(one.unwrap().key.as_ref().to_vec()).unwrap())
                    .collect();
                let strange = has.iter().filter(|one| !attributes.contains(&one.as_str()));
                wrong.extend(strange.map(|one| format!("{name} with {one}")));
                let missing =
                    attributes.iter().take(*needed).filter(|one| !has.iter().any(|h| h == *one));
                wrong.extend(missing.map(|one| format!("{name} without {one}")));
            }
            if !ends {
                open.push(name);
            }
        }
    }

    #[test]
    fn a_report_with_every_verdict_is_as_ci_servers_read_it() {
        let document = document(&sample::every()).unwrap();
        assert_eq!(wrong(&document), [""; 0], "{document}");
        insta::assert_snapshot!(document);
    }

    #[test]
    fn the_rules_see_what_is_wrong() {
        let document = document(&sample::every()).unwrap();
        for (from, to) in [
            ("<failure", "<fault"),
            ("<testcase name", "<testcase label"),
            ("</testsuites>", ""),
            ("<property name=\"verdict\"", "<property key=\"verdict\""),
        ] {
            assert!(!wrong(&document.replace(from, to)).is_empty(), "{from}");
        }
    }

    #[test]
    fn what_is_no_pass_is_an_element_and_not_only_a_count() {
        let document = document(&sample::every()).unwrap();
        let count = |what: &str| document.matches(what).count();
        // fail, untestable, flaky, xpass; error; not_applicable, xfail
        assert_eq!((count("<failure "), count("<error "), count("<skipped ")), (4, 1, 2));
        assert!(document.contains("name=\"requirement\" value=\"OKAP-R-294\""));
    }
}
