//! A failed test as a script for a shell.

use std::{collections::BTreeSet, fmt::Write};

use crate::{event::Tested, transcript::secret};

/// The calls of a test in order. Secrets are variables; those that are not set are named first.
#[must_use]
pub fn script(tested: &Tested) -> String {
    let calls: Vec<_> = tested.exchanges.iter().map(|exchange| exchange.curl()).collect();
    let variables: BTreeSet<_> = calls.iter().flat_map(|call| variables(call)).collect();
    let mut text = format!("#!/bin/sh\n# {}: {}\n", line(&tested.test), line(&tested.title));
    // a String takes everything
    let _ = writeln!(text, "# {}: {}", tested.verdict, line(&tested.said));
    let _ = writeln!(text, "set -u");
    for name in variables {
        let _ = writeln!(text, ": \"${{{name}:?set it first}}\"");
    }
    for (exchange, call) in tested.exchanges.iter().zip(calls) {
        let came = match exchange.status {
            Some(status) => format!("answered {status} after {} ms", exchange.took_ms),
            None => "was not answered".to_owned(),
        };
        let _ = writeln!(text, "\n# {}: {came}\n{call}", exchange.number);
    }
    text
}

/// Names of the secrets in a line.
fn variables(line: &str) -> Vec<&str> {
    let open = line.match_indices("${");
    let live = open.filter(|(at, _)| !line.get(..*at).unwrap_or_default().ends_with('\\'));
    live.filter_map(|(at, _)| secret(line.get(at..)?)).collect()
}

fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::sample, verdict::Verdict};

    #[test]
    fn a_script_names_the_secrets_that_it_needs() {
        insta::assert_snapshot!(script(&sample::tested("proxy.refuse.model", Verdict::Fail)));
    }
}
