//! The list of requirements, and what an entry has to say.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

const ACTORS: &[&str] = &["vault", "client", "provider-facing", "page", "extension"];
const PROFILES: &[&str] =
    &["core", "oauth", "proxy", "limits", "device", "dpop", "delegation", "admin", "extension"];
const TESTABILITY: &[&str] = &["wire", "graybox", "attest", "excluded"];

/// One entry of `requirements.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requirement {
    pub(super) level: String,
    actor: String,
    profile: String,
    pub(super) anchor: String,
    testability: String,
    reason: Option<String>,
    text: String,
}

/// Reads the list.
///
/// # Errors
/// Where it is no list of requirements.
pub(super) fn parse(toml: &str) -> Result<BTreeMap<String, Requirement>> {
    toml::from_str(toml).context(super::REQUIREMENTS)
}

impl Requirement {
    /// Whether it is out of reach of any test here.
    pub(super) fn excluded(&self) -> bool {
        self.testability == "excluded"
    }

    /// Whether the entry's text is the beginning of the sentence.
    pub(super) fn quotes(&self, sentence: &str) -> bool {
        match self.text.strip_suffix(" …") {
            Some(begin) => sentence.starts_with(begin),
            None => sentence == self.text,
        }
    }

    /// What is wrong with the entry by itself.
    pub(super) fn complaints(&self, id: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let number = id.strip_prefix("OKAP-R-").unwrap_or_default();
        if number.len() != 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
            wrong.push(format!("{id} is not OKAP-R- and three digits"));
        }
        for (what, word, words) in [
            ("actor", &self.actor, ACTORS),
            ("profile", &self.profile, PROFILES),
            ("testability", &self.testability, TESTABILITY),
        ] {
            if !words.contains(&word.as_str()) {
                wrong.push(format!("{id}: {what} {word:?} is none of {}", words.join(", ")));
            }
        }
        if self.excluded() != self.reason.is_some() {
            wrong.push(format!("{id}: a reason belongs to what is excluded, and to nothing else"));
        }
        wrong
    }
}
