//! What the stores keep beside records, in words of no database.

use std::borrow::Cow;

use okap_engine::{
    pico::Pico,
    price::Usage,
    record::{AuditRow, Seal},
};
use okap_types::Timestamp;

/// What one grant used of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The grant.
    pub grant: String,
    /// Who runs the model.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls that were let through.
    pub calls: u64,
    /// Of these, calls whose usage is a bound and not the provider's own count.
    pub estimated_calls: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Generated tokens.
    pub output_tokens: u64,
    /// What it cost.
    pub cost: Pico,
    /// The part of `cost` that is estimated.
    pub estimated_cost: Pico,
}

/// A row of the audit as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the chain: 1, 2, 3 …
    pub seq: u64,
    /// The row; `None` where it holds what no vault writes.
    pub row: Option<AuditRow>,
    /// In which form it was sealed.
    pub form: u8,
    /// Its seal; `None` where that is none.
    pub seal: Option<Seal>,
}

/// Where the chain over the audit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place of the last row; 0 where there is none.
    pub seq: u64,
    /// Its seal.
    pub seal: Seal,
}

impl Head {
    /// Where the chain begins.
    pub const START: Self = Self { seq: 0, seal: Seal::FIRST };

    /// As the stores write it down.
    pub(super) fn stored(self) -> String {
        format!("{} {}", self.seq, self.seal)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let (seq, seal) = text.split_once(' ')?;
        Some(Self { seq: seq.parse().ok()?, seal: seal.parse().ok()? })
    }
}

/// A provider's key that is kept, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// Whose models it opens.
    pub provider: String,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last replaced.
    pub rotated: Option<Timestamp>,
}

/// What a nonce and a key have sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) nonce: [u8; 24],
    pub(crate) bytes: Vec<u8>,
}

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    /// SHA-256 of its cookie.
    pub(crate) hash: String,
    pub(crate) owner: String,
    /// What every form of it carries.
    pub(crate) csrf: String,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
}

/// Who may sign in.
#[derive(Clone, Debug)]
pub(crate) struct UserRow {
    pub(crate) name: String,
    /// A PHC string.
    pub(crate) password_hash: String,
    pub(crate) created: Timestamp,
}

/// The names of single values in `meta`.
pub(super) mod meta {
    /// How the keyring opens (JSON).
    pub(in crate::store) const KEYRING: &str = "keyring";
    /// Raised by what nodes have to hear of.
    pub(in crate::store) const GENERATION: &str = "generation";
    /// The last row that is listed by its grant (SQLite).
    pub(in crate::store) const LISTED: &str = "audit_listed";
    /// Where the chain over the audit stands.
    pub(in crate::store) const HEAD: &str = "audit_head";
}

/// A row as it can be kept: the stores have 63 bits, 9.2 million USD for a single call.
pub(super) fn storable(row: &AuditRow) -> Cow<'_, AuditRow> {
    const MOST: u64 = i64::MAX.cast_unsigned();
    if row.cost.get() <= MOST && row.usage.input <= MOST && row.usage.output <= MOST {
        return Cow::Borrowed(row);
    }
    let usage =
        Usage { input: row.usage.input.min(MOST), output: row.usage.output.min(MOST), ..row.usage };
    Cow::Owned(AuditRow { usage, cost: Pico::new(row.cost.get().min(MOST)), ..row.clone() })
}

/// What was used beyond input and output, as JSON; `None`, which nearly every row has, where that
/// is nothing.
pub(super) fn more(usage: &Usage) -> Option<String> {
    let counted = usage.counted();
    let rest = counted.iter().filter(|(name, _)| name != "input" && name != "output");
    let rest: serde_json::Map<_, _> =
        rest.map(|(name, count)| (name.to_string(), (*count).into())).collect();
    (!rest.is_empty()).then(|| serde_json::Value::Object(rest).to_string())
}

/// The usage that was kept in parts; `None` where a part holds what no vault writes.
pub(super) fn usage(input: i64, output: i64, more: Option<&str>) -> Option<Usage> {
    let rest: Usage =
        more.map_or_else(|| Some(Usage::default()), |m| serde_json::from_str(m).ok())?;
    Some(Usage { input: count(input)?, output: count(output)?, ..rest })
}

/// A number that a store has kept; `None` for one below zero, which no vault writes.
pub(super) fn count(kept: i64) -> Option<u64> {
    u64::try_from(kept).ok()
}

/// A number as the stores keep it; those of a [`storable`] row all fit.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
