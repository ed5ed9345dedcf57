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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn the_table_can_be_read() {
        let read = toml::from_str::<BTreeMap<String, Mutant>>(include_str!("../mutants.toml"));
        assert!(!read.unwrap().is_empty());
    }

    #[test]
    fn every_test_catches_a_mutant() {
        for test in catalogue::all() {
            assert!(caught_by(test.id).next().is_some(), "{}: write its mutant", test.id);
        }
    }

    #[test]
    fn mutants_name_tests_that_there_are() {
        for (id, mutant) in Mutant::all() {
            assert!(!mutant.killed_by.is_empty(), "{id} is caught by no test");
            for test in &mutant.killed_by {
                assert!(catalogue::find(test).is_some(), "{id}: {test}");
            }
        }
    }
}
