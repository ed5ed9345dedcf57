//! The hash chain over the audit: each row carries a hash over itself and over all before it.
//!
//! Whoever changes, removes, adds or moves a row changes every hash behind it, and so the last
//! one, the head. A store keeps the head beside the rows; whoever notes a head elsewhere can tell
//! later that nothing up to it was touched.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use super::AuditRow;

/// The form in which rows are hashed today. A store keeps the form of each row beside it, so that
/// rows of an earlier form still verify.
pub const SEAL_FORM: u8 = 1;

/// SHA-256 over the seal before and a row.
///
/// ```
/// use okap_engine::record::Seal;
/// let seal: Seal = Seal::FIRST.to_string().parse()?;
/// assert_eq!(seal, Seal::FIRST);
/// # Ok::<(), okap_engine::record::InvalidSeal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seal([u8; 32]);

/// The text or the bytes are no seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seal is 64 hexadecimal digits")]
pub struct InvalidSeal;

impl Seal {
    /// What the first row goes on from.
    pub const FIRST: Self = Self([0; 32]);

    /// The seal of a row that follows one with this seal, in today's form.
    #[must_use]
    pub fn next(self, row: &AuditRow) -> Self {
        self.over(&canonical(row))
    }

    /// The same in the form that a store has noted; `None` for one that is not known here.
    #[must_use]
    pub fn next_in(self, form: u8, row: &AuditRow) -> Option<Self> {
        (form == SEAL_FORM).then(|| self.next(row))
    }

    /// The bytes as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Bytes that a store has kept.
    ///
    /// # Errors
    /// [`InvalidSeal`] where they are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSeal> {
        bytes.try_into().map(Self).map_err(|_| InvalidSeal)
    }

    fn over(self, row: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(row).finalize().into())
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Seal {
    type Err = InvalidSeal;

    fn from_str(text: &str) -> Result<Self, InvalidSeal> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(InvalidSeal);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = digit(high).zip(digit(low)).ok_or(InvalidSeal)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }
}

/// A row as bytes that no other row has: each text with its length before it, numbers big-endian.
///
/// A count of use that is zero is left out, and each other stands with its name: a kind of use that
/// is added later changes no row of before.
fn canonical(row: &AuditRow) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(SEAL_FORM);
    bytes.extend(row.id.node.to_be_bytes());
    bytes.extend(row.id.number.to_be_bytes());
    bytes.extend(row.at.unix_millis().to_be_bytes());
    bytes.extend(row.status.to_be_bytes());
    bytes.extend(row.cost.get().to_be_bytes());
    bytes.push(u8::from(row.estimated));
    let texts = [
        row.grant.as_str(),
        row.owner.as_str(),
        row.provider.as_str(),
        &row.model,
        &row.operation,
        &row.prices,
        row.end.as_str(),
    ];
    texts.iter().for_each(|word| text(&mut bytes, word));
    for (name, count) in row.usage.counted() {
        text(&mut bytes, &name);
        bytes.extend(count.to_be_bytes());
    }
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use okap_types::{Provider, Timestamp};

    use super::*;
    use crate::{
        pico::Pico,
        price::Usage,
        record::{CallId, End, Owner},
    };

    fn row() -> AuditRow {
        AuditRow {
            id: CallId { node: 42, number: 7 },
            at: Timestamp::from_unix_millis(1_700_000_000_000),
            grant: "g_1".parse().unwrap(),
            owner: Owner::new("owner"),
            provider: Provider::OpenAi,
            model: "gpt-4o-mini".to_owned(),
            operation: "chat".to_owned(),
            status: 200,
            usage: Usage { input: 12, output: 5, cache_read: 3, ..Usage::default() },
            cost: Pico::new(4_800_000),
            estimated: false,
            prices: "2026-10-01".to_owned(),
            end: End::Finished,
        }
    }

    #[test]
    fn the_seal_of_a_known_row_is_known() {
        let mut plain = vec![1];
        plain.extend([0, 0, 0, 0, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 7]);
        plain.extend(1_700_000_000_000_i64.to_be_bytes());
        plain.extend([0, 200]);
        plain.extend(4_800_000_u64.to_be_bytes());
        plain.push(0);
        let texts = ["g_1", "owner", "openai", "gpt-4o-mini", "chat", "2026-10-01", "finished"];
        for text in texts {
            plain.extend([0, 0, 0, u8::try_from(text.len()).unwrap()]);
            plain.extend(text.as_bytes());
        }
        for (name, count) in [("cache_read", 3_u64), ("input", 12), ("output", 5)] {
            plain.extend([0, 0, 0, u8::try_from(name.len()).unwrap()]);
            plain.extend(name.as_bytes());
            plain.extend(count.to_be_bytes());
        }
        assert_eq!(canonical(&row()), plain);
        let known = "55d178736723e6d676ccfe91a405f2ae47b4ddc0a40a3ab6206ee4aa87eb0b53";
        assert_eq!(Seal::FIRST.next(&row()).to_string(), known);
        assert_eq!(Seal::FIRST.next_in(1, &row()).unwrap().to_string(), known);
        assert_eq!(Seal::FIRST.next_in(2, &row()), None);
    }

    #[test]
    fn every_member_of_a_row_counts_and_so_does_what_came_before() {
        let first = Seal::FIRST.next(&row());
        assert_ne!(first.next(&row()), first);
        let changes: [fn(&mut AuditRow); 15] = [
            |row| row.id.node += 1,
            |row| row.id.number += 1,
            |row| row.at = row.at.plus_seconds(1),
            |row| row.grant = "g_2".parse().unwrap(),
            |row| row.owner = Owner::new("another"),
            |row| row.provider = Provider::Groq,
            |row| row.model.push('x'),
            |row| row.operation.push('x'),
            |row| row.status += 1,
            |row| row.usage.input += 1,
            |row| row.usage.output_reasoning += 1,
            |row| row.cost = Pico::new(1),
            |row| row.estimated = true,
            |row| row.prices.clear(),
            |row| row.end = End::AppLeft,
        ];
        for change in changes {
            let mut changed = row();
            change(&mut changed);
            assert_ne!(Seal::FIRST.next(&changed), first, "{changed:?}");
        }
        assert_eq!(Seal::FIRST.next(&row()), first);
    }

    #[test]
    fn texts_that_run_into_each_other_are_told_apart() {
        let (mut one, mut other) = (row(), row());
        (one.model, one.operation) = ("ab".to_owned(), "c".to_owned());
        (other.model, other.operation) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(Seal::FIRST.next(&one), Seal::FIRST.next(&other));
    }

    #[test]
    fn a_seal_is_read_as_it_is_written() {
        let seal = Seal::FIRST.next(&row());
        assert_eq!(seal.to_string().parse(), Ok(seal));
        assert_eq!(Seal::from_bytes(seal.as_bytes()), Ok(seal));
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(65)] {
            assert_eq!(wrong.parse::<Seal>(), Err(InvalidSeal));
        }
    }
}
