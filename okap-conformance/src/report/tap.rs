//! TAP 14: a line for each test, and what is wrong as YAML below it.

use std::fmt::Write;

use super::Run;
use crate::{event::Tested, verdict::Verdict};

/// The report as text.
#[must_use]
pub fn document(run: &Run) -> String {
    let mut text = String::new();
    // a String takes everything
    let _ = write(run, &mut text);
    text
}

fn write(run: &Run, to: &mut String) -> std::fmt::Result {
    writeln!(to, "TAP version 14")?;
    match run.tested.len() {
        0 => writeln!(to, "1..0 # SKIP no tests")?,
        n => writeln!(to, "1..{n}")?,
    }
    if let Some(began) = &run.began {
        writeln!(to, "# {} at {}, seed {}", plain(&run.name()), began.target.base_url, began.seed)?;
    }
    for (at, tested) in run.tested.iter().enumerate() {
        point(at + 1, tested, to)?;
    }
    let Some(ended) = &run.ended else { return Ok(()) };
    writeln!(to, "# {}: {}", ended.exit.meaning(), run.counts())
}

fn point(number: usize, tested: &Tested, to: &mut String) -> std::fmt::Result {
    let verdict = tested.verdict;
    let known = tested.known.as_deref().unwrap_or_default();
    let (ok, directive) = match verdict {
        Verdict::Pass | Verdict::Warn => ("ok", String::new()),
        Verdict::NotApplicable => ("ok", format!(" # SKIP {verdict}: {}", plain(&tested.said))),
        Verdict::Xfail => ("not ok", format!(" # TODO {}", plain(known))),
        // without a directive: a reader of TAP takes a TODO that passes for fine, and it is stale
        Verdict::Fail | Verdict::Untestable | Verdict::Error | Verdict::Flaky | Verdict::Xpass => {
            ("not ok", String::new())
        }
    };
    writeln!(to, "{ok} {number} - {}: {}{directive}", tested.test, plain(&tested.title))?;
    if verdict == Verdict::Pass {
        return Ok(());
    }
    writeln!(to, "  ---")?;
    let mut member = |name: &str, value: &str| {
        // a string of JSON is one of YAML
        writeln!(to, "  {name}: {}", serde_json::Value::from(value))
    };
    member("verdict", verdict.word())?;
    member("said", &tested.said)?;
    if let Some(finding) = &tested.finding {
        member("requirement", finding.requirement.as_deref().unwrap_or_default())?;
        member("expected", &finding.expected)?;
        member("observed", &finding.observed)?;
    }
    writeln!(to, "  ...")
}

/// In one line, where `#` begins no directive.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('#', "\\#");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_verdict_has_its_line() {
        insta::assert_snapshot!(document(&sample::every()));
    }

    #[test]
    fn a_run_without_tests_plans_none() {
        assert!(document(&sample::empty()).contains("1..0 # SKIP"));
    }
}
