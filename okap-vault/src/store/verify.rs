//! Does the audit's chain hold?

use okap_engine::record::Seal;
use okap_server::StoreError;

use super::{AuditEntry, Database, Head};

/// Rows that are read at one time.
pub(crate) const PAGE: u32 = 1_000;

/// Where the chain over the audit does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A row is not what was sealed, or not the one that followed.
    #[error(
        "row {0} of the audit is not what was sealed: it, or the row before it, was changed, moved or added"
    )]
    Row(u64),
    /// A row is gone.
    #[error("row {0} of the audit is missing")]
    Missing(u64),
    /// There is a row behind the head.
    #[error("row {0} of the audit is behind its head: it was added by something else than a vault")]
    Behind(u64),
    /// The head is not that of the last row.
    #[error("the head of the audit is not the seal of its last row, {0}: one of both was changed")]
    Head(u64),
    /// No head is written down.
    #[error("the head of the audit is gone")]
    NoHead,
    /// A head that was noted earlier is not in the chain.
    #[error("the head {0} is not in the chain: rows up to it were changed or removed")]
    Unknown(Seal),
}

/// The chain, row by row.
#[derive(Clone, Copy, Debug)]
struct Chain {
    at: Head,
}

impl Chain {
    /// The next row of the store.
    fn follow(&mut self, entry: &AuditEntry) -> Result<(), Flaw> {
        let seq = self.at.seq.saturating_add(1);
        if entry.seq != seq {
            return Err(Flaw::Missing(seq));
        }
        let row = entry.row.as_ref().ok_or(Flaw::Row(seq))?;
        let seal = self.at.seal.next_in(entry.form, row);
        if seal.is_none() || seal != entry.seal {
            return Err(Flaw::Row(seq));
        }
        self.at = Head { seq, seal: seal.ok_or(Flaw::Row(seq))? };
        Ok(())
    }
}

/// Follows the chain from its first row to the head of this moment, a page at a time; gives that
/// head, or the first flaw.
///
/// # Behavior
/// - With `noted`, a head of earlier, that one has to be in the chain as well.
/// - `progress` is told, page by page, how many rows of how many hold.
///
/// # Errors
/// [`StoreError`].
pub async fn verify(
    database: &Database,
    noted: Option<Seal>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Result<Head, Flaw>, StoreError> {
    let (head, last) = database.audit_head().await?;
    let Some(head) = head else { return Ok(Err(Flaw::NoHead)) };
    if last > head.seq {
        return Ok(Err(Flaw::Behind(head.seq.saturating_add(1))));
    }
    let mut chain = Chain { at: Head::START };
    let mut met = noted.is_none_or(|noted| noted == Seal::FIRST);
    while chain.at.seq < head.seq {
        let page = database.audit(chain.at.seq, PAGE).await?;
        if page.is_empty() {
            return Ok(Err(Flaw::Missing(chain.at.seq.saturating_add(1))));
        }
        for entry in page.iter().take_while(|entry| entry.seq <= head.seq) {
            if let Err(flaw) = chain.follow(entry) {
                return Ok(Err(flaw));
            }
            met = met || noted == Some(chain.at.seal);
        }
        // where the next row is behind the head, rows before it are missing
        if page.first().is_some_and(|entry| entry.seq > head.seq) {
            return Ok(Err(Flaw::Missing(chain.at.seq.saturating_add(1))));
        }
        progress(chain.at.seq, head.seq);
    }
    if chain.at != head {
        return Ok(Err(Flaw::Head(chain.at.seq)));
    }
    match noted {
        Some(noted) if !met => Ok(Err(Flaw::Unknown(noted))),
        _ => Ok(Ok(head)),
    }
}
