//! A run that has one test of every verdict, for the tests of reports.

use super::Run;
use crate::{
    catalogue,
    driver::Verb,
    event::{About, Began, Ended, Event, FORMAT, Tested},
    outcome::Finding,
    profile::Profile,
    transcript::Exchange,
    verdict::{Exit, Tally, Verdict},
};

/// All verdicts, each with the test of the catalogue that has it in the sample.
const TESTED: [(&str, Verdict); 10] = [
    ("core.grant.allowed", Verdict::Pass),
    ("core.grant.narrowed", Verdict::Xfail),
    ("core.metadata.issuer", Verdict::Warn),
    ("core.request.version", Verdict::Untestable),
    ("core.token.expired", Verdict::Xpass),
    ("core.token.revoked", Verdict::NotApplicable),
    ("proxy.forward.body", Verdict::Flaky),
    ("proxy.forward.clean", Verdict::Pass),
    ("proxy.refuse.expired", Verdict::Error),
    ("proxy.refuse.model", Verdict::Fail),
];

/// A test of the catalogue that came to this.
pub(crate) fn tested(id: &str, verdict: Verdict) -> Tested {
    let test = catalogue::find(id).unwrap();
    let finding = Finding {
        requirement: Some(test.verifies.last().unwrap().to_string()),
        expected: "403 model_not_allowed".to_owned(),
        observed: "200 {\"choices\": <\"&'>}".to_owned(),
        exchange: Some(1),
    };
    let found = matches!(verdict, Verdict::Fail | Verdict::Warn | Verdict::Flaky | Verdict::Xfail);
    let known = matches!(verdict, Verdict::Xfail | Verdict::Xpass);
    Tested {
        test: id.to_owned(),
        rev: test.rev,
        title: test.title.to_owned(),
        profile: test.profile,
        verifies: test.verifies.iter().map(|id| (*id).to_owned()).collect(),
        twin: test.twin.map(str::to_owned),
        threat: test.threat.map(str::to_owned),
        verdict,
        said: match verdict {
            Verdict::Pass => "okapconfabc reached the provider as call 3".to_owned(),
            _ if found => format!("expected {}, got {}", finding.expected, finding.observed),
            _ => "the driver cannot advance | \u{1}\u{1b}[31m ]]> # so".to_owned(),
        },
        known: known.then(|| "see issue 12".to_owned()),
        finding: found.then_some(finding),
        attempts: 1 + usize::from(verdict == Verdict::Flaky),
        ms: 120,
        exchanges: if found { vec![exchange()] } else { Vec::new() },
    }
}

fn exchange() -> Exchange {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Exchange {
        number: 1,
        at_ms: 12,
        took_ms: 34,
        method: "POST".to_owned(),
        url: "http://127.0.0.1:8787/v1/chat/completions?a=b".to_owned(),
        headers: vec![
            header("authorization", "Bearer ${TOKEN_AT_2}"),
            header("content-type", "application/json"),
        ],
        body: "{\"model\":\"gpt-4o\",\"text\":\"<script>alert(1)</script>\"}".to_owned(),
        status: Some(200),
        answer_headers: vec![header("content-type", "application/json")],
        answer: "{\"choices\":[]}".to_owned(),
        ca: None,
    }
}

/// The events of a run in which these tests came to this.
pub(crate) fn events(tests: &[(&str, Verdict)]) -> Vec<Event> {
    let tally: Tally = tests.iter().map(|(_, verdict)| *verdict).collect();
    let began = Began {
        format: FORMAT,
        run: "abcdefghijkm".to_owned(),
        suite: "0.1.0".to_owned(),
        catalogue: "c".repeat(64),
        requirements: "r".repeat(64),
        target: About {
            name: "acme <vault>".to_owned(),
            version: "1.4.0".to_owned(),
            contact: "@acme".to_owned(),
            source: "https://vault.example/source".to_owned(),
            base_url: "http://127.0.0.1:8787".to_owned(),
            file: "ci/okap target.toml".to_owned(),
        },
        description: "d".repeat(64),
        consent: "hook".to_owned(),
        whole: false,
        profiles: vec![Profile::Core, Profile::Proxy, Profile::Limits],
        unclaimed: vec![Profile::Oauth],
        seed: "00000000000000ff".to_owned(),
        verbs: vec![Verb::Decide, Verb::Revoke],
        tests: tests.len(),
    };
    let mut events = vec![Event::Began(Box::new(began))];
    events.extend(tests.iter().map(|(id, verdict)| Event::Tested(Box::new(tested(id, *verdict)))));
    let exit = tally.exit();
    events.push(Event::Ended(Ended { exit, tally, ms: 4321, broken_off: None }));
    events
}

/// A run with one test of every verdict.
pub(crate) fn every() -> Run {
    run(&TESTED)
}

/// A run in which all went well.
pub(crate) fn good() -> Run {
    let run = run(&[("core.grant.allowed", Verdict::Pass), ("proxy.forward.clean", Verdict::Pass)]);
    assert_eq!(run.ended.as_ref().unwrap().exit, Exit::Conformant);
    run
}

/// A run without any test.
pub(crate) fn empty() -> Run {
    run(&[])
}

fn run(tests: &[(&str, Verdict)]) -> Run {
    let mut run = Run::default();
    events(tests).iter().for_each(|event| run.add(event));
    run
}
