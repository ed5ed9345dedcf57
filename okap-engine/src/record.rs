//! What a vault keeps: records under keys, changed all together or not at all.
//!
//! A store sees keys, versions and bytes. What the bytes mean is decided here, so that a new
//! flow adds a kind of record and no method to any store.

mod app;
mod audit;
mod grant;
mod interaction;
mod nonces;
mod seal;
mod token;
mod wanted;

pub use app::{App, Identity, Owner};
pub use audit::{AuditRow, CallId, End};
pub use grant::{Allowed, Below, Grant, Owned, Share, details};
pub use interaction::{
    Back, Continuation, Interaction, Outcome, Pointer, Pushed, Repeated, UserCoded,
};
pub use nonces::Nonces;
pub use seal::{InvalidSeal, SEAL_FORM, Seal};
pub use token::{Access, Code, Device, Refresh, Rotated};
pub use wanted::Wanted;

use std::{fmt, sync::Arc};

use okap_types::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// Names a record: a kind, a slash, and what tells it apart. ASCII, at most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of a record of a kind.
    #[must_use]
    pub fn of<R: Record>(name: &str) -> Self {
        Self(format!("{}/{name}", R::KIND))
    }

    /// The prefix that all records of a kind share; for listing.
    #[must_use]
    pub fn all<R: Record>() -> Self {
        Self(format!("{}/", R::KIND))
    }

    /// A key as a store wrote it down.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record's bytes and how often it has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Grows with every write of the key; a store chooses the numbers.
    pub version: u64,
    /// The record as stored.
    pub bytes: Vec<u8>,
}

/// What must be true of a key for a change to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No record stands there.
    Absent,
    /// The record is still the one that was read.
    Version(u64),
}

/// One part of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes or, without bytes, removes a record.
    Put {
        /// Which record.
        key: Key,
        /// What must hold, else the whole commit fails.
        expect: Expect,
        /// The new bytes; `None` removes.
        bytes: Option<Vec<u8>>,
        /// From then on a store may forget the record.
        forget_after: Option<Timestamp>,
    },
    /// Adds a row to the audit; never conflicts. A row whose id stands there already is not added
    /// again: a node that cannot tell whether a commit got through repeats it.
    Append(Arc<AuditRow>),
}

impl Change {
    /// Whether nodes that remember what they read have to hear of it: a store raises its generation
    /// with the commit.
    ///
    /// What is only ever added, or is read anew each time, is not remembered.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        let Self::Put { key, expect, .. } = self else { return false };
        let of = |kind: &str| key.0.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/'));
        let replaces = matches!(expect, Expect::Version(_));
        replaces && (of(Grant::KIND) || of(Access::KIND))
    }
}

/// A kind of record.
pub trait Record: Serialize + DeserializeOwned {
    /// The first part of its keys.
    const KIND: &'static str;

    /// From when on a store may forget it.
    fn forget_after(&self) -> Option<Timestamp> {
        None
    }
}

/// The record was written by something else, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("record {key} cannot be read")]
pub struct Unreadable {
    key: Key,
    #[source]
    source: serde_json::Error,
}

/// A record with the place and version it was read from.
#[derive(Clone, Debug)]
pub struct Loaded<R> {
    /// Its key.
    pub key: Key,
    /// The version read; `None` where there was no record.
    pub version: Option<u64>,
    /// What stood there.
    pub record: R,
}

impl<R: Record> Loaded<R> {
    /// Reads what a store returned for a key.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(key: Key, found: Option<Versioned>) -> Result<Option<Self>, Unreadable> {
        let Some(found) = found else { return Ok(None) };
        match serde_json::from_slice(&found.bytes) {
            Ok(record) => Ok(Some(Self { key, version: Some(found.version), record })),
            Err(source) => Err(Unreadable { key, source }),
        }
    }

    /// The change that writes `record` in place of what was read.
    #[must_use]
    pub fn replace(&self, record: &R) -> Change {
        put(self.key.clone(), self.expect(), record)
    }

    /// The change that removes it.
    #[must_use]
    pub fn remove(&self) -> Change {
        Change::Put {
            key: self.key.clone(),
            expect: self.expect(),
            bytes: None,
            forget_after: None,
        }
    }

    fn expect(&self) -> Expect {
        self.version.map_or(Expect::Absent, Expect::Version)
    }
}

/// The change that writes a new record.
#[must_use]
pub fn insert<R: Record>(name: &str, record: &R) -> Change {
    put(Key::of::<R>(name), Expect::Absent, record)
}

fn put<R: Record>(key: Key, expect: Expect, record: &R) -> Change {
    // records are plain structs with text keys: serialising one cannot fail
    let bytes = serde_json::to_vec(record).unwrap_or_default();
    Change::Put { key, expect, bytes: Some(bytes), forget_after: record.forget_after() }
}
