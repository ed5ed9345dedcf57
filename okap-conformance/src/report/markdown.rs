//! A summary for the page of a CI run.

use std::fmt::Write;

use super::{
    Run,
    cause::{Cause, causes},
};
use crate::profile::Profile;

/// Most causes that are told about.
const TOLD: usize = 50;

/// The summary as text.
#[must_use]
pub fn document(run: &Run) -> String {
    let mut text = String::new();
    // a String takes everything
    let _ = write(run, &mut text);
    text
}

fn write(run: &Run, to: &mut String) -> std::fmt::Result {
    writeln!(to, "## OKAP conformance: {}\n", plain(&run.name()))?;
    if let Some(ended) = &run.ended {
        let why = ended.broken_off.as_ref().map(|why| format!(" {}.", plain(why)));
        let meaning = ended.exit.meaning();
        writeln!(to, "**{meaning}** — {}.{}\n", run.counts(), why.unwrap_or_default())?;
    }
    if let Some(began) = &run.began {
        writeln!(to, "| Profile | Passed |\n|---|---|")?;
        for profile in Profile::ALL {
            match (began.unclaimed.contains(&profile), run.score(profile)) {
                (true, _) => writeln!(to, "| {profile} | not claimed |")?,
                (false, (_, 0)) => writeln!(to, "| {profile} | no tests in this run |")?,
                (false, (passed, all)) => writeln!(to, "| {profile} | {passed} of {all} |")?,
            }
        }
    }
    let causes = causes(run);
    for cause in causes.iter().take(TOLD) {
        writeln!(to)?;
        one(cause, to)?;
    }
    if let Some(rest) = causes.len().checked_sub(TOLD).filter(|rest| *rest > 0) {
        writeln!(to, "\nAnd {rest} more.")?;
    }
    let Some(began) = &run.began else { return Ok(()) };
    writeln!(to, "\n<sub>okap-conformance {}, seed `{}`</sub>", began.suite, began.seed)
}

fn one(cause: &Cause<'_>, to: &mut String) -> std::fmt::Result {
    let tested = cause.first;
    let title = plain(&tested.title);
    writeln!(
        to,
        "<details><summary><b>{}</b> {}: {title}</summary>\n",
        tested.verdict, tested.test
    )?;
    match &tested.finding {
        None => writeln!(to, "{}", plain(&tested.said))?,
        Some(finding) => {
            if let Some(id) = &finding.requirement {
                writeln!(to, "{id}: {}\n", plain(finding.sentence()))?;
            }
            writeln!(to, "- expected: {}", plain(&finding.expected))?;
            writeln!(to, "- observed: {}", plain(&finding.observed))?;
            if let Some(exchange) = tested.shown_by() {
                let curl = exchange.curl();
                // longer than any fence inside
                let fence = "`".repeat(1 + longest_run(&curl).max(2));
                writeln!(to, "\n{fence}sh\n{curl}\n{fence}")?;
            }
        }
    }
    if !cause.others.is_empty() {
        writeln!(to, "\nThe same in {}", plain(&cause.ids(1).join(", ")))?;
    }
    writeln!(to, "\n</details>")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// In one line, and nothing in it is markup.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' => plain.extend(['\\', c]),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Tested, report::sample};

    #[test]
    fn a_summary_says_what_is_wrong_and_how_to_try_it() {
        insta::assert_snapshot!(document(&sample::every()));
    }

    #[test]
    fn what_one_thing_kept_from_passing_is_told_once() {
        let mut run = sample::every();
        let other = run.tested.iter().find(|tested| tested.test == "core.request.version").unwrap();
        let other = Tested { test: "core.request.waits".to_owned(), ..other.clone() };
        run.tested.push(other);
        let text = document(&run);
        assert_eq!(text.matches("<b>untestable</b>").count(), 1, "{text}");
        assert!(text.contains("The same in core.request.waits\n"), "{text}");
    }

    #[test]
    fn a_summary_of_a_good_run_is_short() {
        insta::assert_snapshot!(document(&sample::good()));
    }
}
