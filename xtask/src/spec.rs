//! Holds `spec/okap.md`, `spec/requirements.toml` and `spec/coverage.toml` against each other and
//! against the code.
//!
//! Every rule of the text has an identifier, every identifier stands in the list with the same key
//! word, and every one is upheld by a test or a source file that is there.

mod coverage;
mod requirements;
mod text;

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, bail};

pub(crate) use self::coverage::Sources;
use self::{requirements::Requirement, text::Text};
use crate::tools::{root, say};

const TEXT: &str = "spec/okap.md";
const REQUIREMENTS: &str = "spec/requirements.toml";
const COVERAGE: &str = "spec/coverage.toml";

/// Checks the specification. There is nothing to write: both lists are written by hand.
///
/// # Errors
/// Every contradiction, one a line.
pub(crate) fn check() -> Result<()> {
    let text = Text::parse(&read(TEXT)?);
    let requirements = requirements::parse(&read(REQUIREMENTS)?)?;
    let coverage = coverage::parse(&read(COVERAGE)?)?;
    let sources = Sources::collect(root())?;

    let mut wrong = text.complaints.clone();
    wrong.extend(agreement(&text, &requirements));
    wrong.extend(requirements.iter().flat_map(|(id, one)| one.complaints(id)));
    let (counts, uncovered) = coverage::judge(&requirements, &coverage, &sources);
    wrong.extend(uncovered);
    if !wrong.is_empty() {
        bail!("{} faults in the specification:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    let of = |level: &str| requirements.values().filter(|r| r.level == level).count();
    say(&format!(
        "{TEXT}: {} requirements ({} MUST, {} MUST NOT, {} SHOULD, {} SHOULD NOT), {} headings, {} links",
        requirements.len(),
        of("MUST"),
        of("MUST NOT"),
        of("SHOULD"),
        of("SHOULD NOT"),
        text.headings.len(),
        text.links,
    ));
    say(&format!(
        "{COVERAGE}: {} by tests, {} by code alone, {} cited in a source, {} excluded",
        counts.tests, counts.code, counts.cited, counts.excluded,
    ));
    Ok(())
}

/// Whether text and list name the same rules, with the same key word, under a heading that exists.
fn agreement(text: &Text, requirements: &BTreeMap<String, Requirement>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, rule) in &text.rules {
        match requirements.get(id) {
            None => wrong.push(format!("{id} (line {}) is not in {REQUIREMENTS}", rule.line)),
            Some(one) if one.level != rule.level => wrong.push(format!(
                "{id} (line {}) says {}, {REQUIREMENTS} says {}",
                rule.line, rule.level, one.level
            )),
            Some(one) if one.anchor != rule.anchor => wrong.push(format!(
                "{id} (line {}) stands under #{}, {REQUIREMENTS} says #{}",
                rule.line, rule.anchor, one.anchor
            )),
            Some(one) if !one.quotes(&rule.sentence) => {
                wrong.push(format!(
                    "{id} (line {}) is quoted otherwise in {REQUIREMENTS}",
                    rule.line
                ));
            }
            Some(_) => {}
        }
    }
    let unused = requirements.keys().filter(|id| !text.rules.contains_key(*id));
    wrong.extend(unused.map(|id| format!("{id} of {REQUIREMENTS} stands nowhere in {TEXT}")));
    wrong
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}
