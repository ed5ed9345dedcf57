//! The vaults that lie, and the tests that catch each: what shows that a test can fail.
//!
//! The mutants themselves are in the bench (`tests/mutants`), which writes their table.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// A vault that does one thing wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What it does wrong.
    pub what: String,
    /// The tests that fail on it.
    pub killed_by: Vec<String>,
}

static ALL: LazyLock<BTreeMap<String, Mutant>> =
    LazyLock::new(|| toml::from_str(include_str!("../mutants.toml")).unwrap_or_default());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Idle {
    reason: String,
}

static IDLE: LazyLock<BTreeMap<String, Idle>> =
    LazyLock::new(|| toml::from_str(include_str!("../idle.toml")).unwrap_or_default());

impl Mutant {
    /// All of them by id, as this build knows them.
    #[must_use]
    pub fn all() -> &'static BTreeMap<String, Self> {
        &ALL
    }
}

/// The mutants that a test catches, by id.
pub fn caught_by(test: &str) -> impl Iterator<Item = (&'static str, &'static Mutant)> {
    let all = Mutant::all().iter().map(|(id, mutant)| (id.as_str(), mutant));
    all.filter(move |(_, mutant)| mutant.killed_by.iter().any(|killer| killer == test))
}

/// Why a test catches none, where that is known.
#[must_use]
pub fn idle(test: &str) -> Option<&'static str> {
    IDLE.get(test).map(|idle| idle.reason.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn every_test_catches_a_mutant_or_has_a_reason_and_none_has_both() {
        for test in catalogue::all() {
            let catches = caught_by(test.id).next().is_some();
            assert!(catches != idle(test.id).is_some(), "{}: a mutant, or a reason", test.id);
        }
        assert!(IDLE.values().all(|idle| !idle.reason.is_empty()));
    }

    #[test]
    fn mutants_and_reasons_name_tests_that_there_are() {
        for (id, mutant) in Mutant::all() {
            assert!(!mutant.killed_by.is_empty(), "{id} is caught by no test");
            for test in &mutant.killed_by {
                assert!(catalogue::find(test).is_some(), "{id}: {test}");
            }
        }
        assert!(IDLE.keys().all(|test| catalogue::find(test).is_some()));
    }
}
