//! Tests that did not pass for one reason, told once.

use super::Run;
use crate::{event::Tested, verdict::Verdict};

/// The tests that look for a vault at all: whoever fails both, and passes none, is none.
const SIGNS: [&str; 2] = ["core.metadata.issuer", "core.request.waits"];

/// Why tests did not pass.
#[derive(Clone, Debug)]
pub struct Cause<'a> {
    /// The first of them.
    pub first: &'a Tested,
    /// The others.
    pub others: Vec<&'a Tested>,
}

/// What stood in the way of the tests of a run, failures first.
#[must_use]
pub fn causes(run: &Run) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for tested in run.trouble() {
        match causes.iter_mut().find(|cause| key(cause.first) == key(tested)) {
            Some(cause) => cause.others.push(tested),
            None => causes.push(Cause { first: tested, others: Vec::new() }),
        }
    }
    causes
}

impl Cause<'_> {
    /// What went wrong, without what was built on it.
    #[must_use]
    pub fn reason(&self) -> &str {
        root(&self.first.said)
    }

    /// The ids of the tests after the first so many.
    #[must_use]
    pub fn ids(&self, from: usize) -> Vec<&str> {
        let all = std::iter::once(self.first).chain(self.others.iter().copied());
        all.skip(from).map(|tested| tested.test.as_str()).collect()
    }
}

/// Says that a server is no vault, where nothing that it answered looks like one.
#[must_use]
pub fn stranger(run: &Run) -> Option<String> {
    let failed = |id: &str| {
        let tested = run.tested.iter().find(|tested| tested.test == id)?;
        let finding = tested.finding.as_ref().filter(|_| tested.verdict == Verdict::Fail)?;
        let exchange = finding.exchange?;
        let asked = tested.exchanges.iter().find(|asked| asked.number == exchange)?;
        Some(format!("  {} {}\n    {}", asked.method, asked.url, finding.observed))
    };
    let passed = run.with(&[Verdict::Pass]).next().is_some();
    let answers: Option<Vec<_>> = SIGNS.into_iter().map(failed).collect();
    let answers = answers.filter(|_| !passed)?.join("\n");
    Some(format!("This is not an OKAP vault, or base_url is not its issuer:\n{answers}"))
}

/// The same for tests with the same reason, whatever nonces, tokens and ports stand in it.
fn key(tested: &Tested) -> (Verdict, Option<&str>, String) {
    let requirement = tested.finding.as_ref().and_then(|finding| finding.requirement.as_deref());
    let words = root(&tested.said).split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let same = words.filter(|word| !word.starts_with("okapconf"));
    let same = same.flat_map(str::chars).filter(|c| !c.is_ascii_digit()).collect();
    (tested.verdict, requirement, same)
}

/// `expected …, got …`, with the words before it that name what was expected of.
fn root(said: &str) -> &str {
    let Some((before, _)) = said.split_once("expected ") else { return said };
    let named = before.trim_end_matches(": ");
    let from = named.rfind(": ").map_or(0, |at| at + 2);
    said.get(from..).unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue, outcome::Finding, profile::Profile, transcript::Exchange};

    fn tested(test: &str, verdict: Verdict, said: &str) -> Tested {
        let finding = (verdict == Verdict::Fail).then(|| Finding {
            requirement: Some("OKAP-R-011".to_owned()),
            expected: "202".to_owned(),
            observed: "404".to_owned(),
            exchange: Some(1),
        });
        let exchange = Exchange {
            number: 1,
            at_ms: 0,
            took_ms: 0,
            method: "GET".to_owned(),
            url: format!("http://127.0.0.1:1/{test}"),
            headers: Vec::new(),
            body: String::new(),
            status: Some(404),
            answer_headers: Vec::new(),
            answer: String::new(),
            ca: None,
        };
        Tested {
            test: test.to_owned(),
            rev: 1,
            title: String::new(),
            profile: Profile::Core,
            verifies: Vec::new(),
            twin: None,
            threat: None,
            verdict,
            said: said.to_owned(),
            known: None,
            finding,
            attempts: 1,
            ms: 0,
            exchanges: vec![exchange],
        }
    }

    fn run(tested: Vec<Tested>) -> Run {
        Run { tested, ..Run::default() }
    }

    #[test]
    fn what_one_thing_kept_from_passing_is_told_once() {
        let run = run(vec![
            tested("a", Verdict::Untestable, "the twin did not: no request: expected 202, got 404"),
            tested("b", Verdict::Untestable, "no grant: no request: expected 202, got 404"),
            tested("c", Verdict::Untestable, "no request: expected 202, got 404 okapconfx7 a1"),
            tested("d", Verdict::Untestable, "no request: expected 202, got 404 okapconfy8 a2"),
            tested("e", Verdict::Untestable, "no request: expected 202, got a picture"),
            tested("f", Verdict::Untestable, "the driver cannot revoke"),
            tested("g", Verdict::Fail, "expected 202, got 404"),
            tested("h", Verdict::Pass, "seen"),
        ]);
        let causes = causes(&run);
        let ids: Vec<_> = causes.iter().map(|cause| cause.ids(0).join(" ")).collect();
        assert_eq!(ids, ["g", "a b", "c d", "e", "f"]);
        assert_eq!(causes[1].reason(), "no request: expected 202, got 404");
        assert_eq!(causes[4].reason(), "the driver cannot revoke");
    }

    #[test]
    fn a_server_without_any_sign_of_a_vault_is_called_so() {
        let fails = || SIGNS.map(|id| tested(id, Verdict::Fail, "expected 202, got 404")).to_vec();
        let said = stranger(&run(fails())).unwrap();
        assert!(said.contains("not an OKAP vault") && said.contains(SIGNS[1]), "{said}");
        let passes = [fails(), vec![tested("x", Verdict::Pass, "seen")]].concat();
        assert_eq!(stranger(&run(passes)), None);
        assert_eq!(stranger(&run(fails().split_off(1))), None, "one of the two was not asked");
        assert!(SIGNS.iter().all(|id| catalogue::find(id).is_some()));
    }
}
