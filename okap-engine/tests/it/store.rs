//! A store in memory that keeps the promises of a vault's: all or nothing, only where the
//! expected versions stand, and records may be forgotten once they may be.

use std::collections::BTreeMap;

use okap_engine::record::{Access, Change, Expect, Grant, Key, Loaded, Record, Versioned};
use okap_types::Timestamp;

#[derive(Default)]
pub(crate) struct Store {
    records: BTreeMap<Key, (Versioned, Option<Timestamp>)>,
    writes: u64,
    /// How often a grant or access token was written over, removed or perhaps forgotten.
    pub(crate) rewrites: u64,
}

/// A commit met another version than it expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

impl Store {
    pub(crate) fn commit(&mut self, changes: &[Change]) -> Result<(), Conflict> {
        for change in changes {
            let Change::Put { key, expect, bytes, .. } = change else { continue };
            let stands = self.records.get(key).map(|(found, _)| found.version);
            let expected = match expect {
                Expect::Absent => None,
                Expect::Version(version) => Some(*version),
            };
            if stands != expected {
                return Err(Conflict);
            }
            let text = bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let told = text.is_some_and(|text| text.contains("okap_"));
            assert!(!told, "a token was written down under {key}");
        }
        for change in changes {
            let Change::Put { key, bytes, forget_after, .. } = change else { continue };
            self.writes += 1;
            let decides = [Key::all::<Grant>(), Key::all::<Access>()];
            if decides.iter().any(|kind| key.as_str().starts_with(kind.as_str())) {
                self.rewrites += u64::from(self.records.contains_key(key));
            }
            match bytes {
                Some(bytes) => {
                    let found = Versioned { version: self.writes, bytes: bytes.clone() };
                    self.records.insert(key.clone(), (found, *forget_after));
                }
                None => drop(self.records.remove(key)),
            }
        }
        Ok(())
    }

    /// Forgets what may be forgotten.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.rewrites += 1;
        self.records.retain(|_, (_, forget_after)| forget_after.is_none_or(|at| at > now));
    }

    pub(crate) fn read<R: Record>(&self, name: &str) -> Option<Loaded<R>> {
        let key = Key::of::<R>(name);
        let found = self.records.get(&key).map(|(found, _)| found.clone());
        Loaded::read(key, found).unwrap()
    }

    pub(crate) fn has<R: Record>(&self, name: &str) -> bool {
        self.records.contains_key(&Key::of::<R>(name))
    }
}
