//! Moves a whole vault from a SQLite file into an empty PostgreSQL database.

use okap_server::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::{AuditEntry, Backend, Database, Fault, Head, Place, StoreFault};

/// Pieces that may wait: memory stays small whatever the size of the vault.
const WAITING: usize = 4;

/// What was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Records: grants, tokens, accounts and what else the protocol keeps.
    pub records: u64,
    /// Rows of the audit.
    pub calls: u64,
    /// Providers' keys, sealed as they are.
    pub keys: u64,
    /// Browsers that are signed in.
    pub sessions: u64,
    /// Where the chain over the audit stands.
    pub head: Head,
}

/// Why a vault was not moved; the target is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// There is something in the target.
    #[error("{0} is not empty; a vault is moved into an empty database alone")]
    NotEmpty(Place),
    /// It goes from a file to a server, and not otherwise.
    #[error("a vault is moved from a SQLite file to PostgreSQL")]
    Direction,
    /// A row of the audit cannot be read.
    #[error("row {0} of the audit holds what no vault writes; see okap-vault audit verify")]
    Unreadable(u64),
    /// What arrived is not what was sent.
    #[error("{what}: {sent} were sent and {arrived} arrived; nothing was changed")]
    Lost {
        /// Of what.
        what: &'static str,
        /// How many were sent.
        sent: u64,
        /// How many are there.
        arrived: u64,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A piece of a vault on its way.
#[derive(Debug)]
pub(super) enum Piece {
    Records(Vec<RecordRow>),
    Calls(Vec<AuditEntry>),
    Keys(Vec<KeyRow>),
    Users(Vec<(String, String, i64)>),
    Sessions(Vec<(String, String, String, i64, i64)>),
    Meta(Vec<(String, String)>),
    /// All is sent: what has been written so often.
    Writes(i64),
}

#[derive(Debug)]
pub(super) struct RecordRow {
    pub(super) key: String,
    pub(super) version: i64,
    pub(super) bytes: Vec<u8>,
    pub(super) forget_after: Option<i64>,
}

#[derive(Debug)]
pub(super) struct KeyRow {
    pub(super) owner: String,
    pub(super) provider: String,
    pub(super) nonce: Vec<u8>,
    pub(super) sealed: Vec<u8>,
    pub(super) created: i64,
    pub(super) rotated: Option<i64>,
}

/// Moves a vault, all or nothing. The source stays as it is.
///
/// # Behavior
/// - Holds the write lock of the source until the target is durable: nothing is written beside it.
/// - Counts and the head of the audit are compared before the target is made durable.
///
/// # Errors
/// [`MoveError`].
pub async fn transfer(source: &Database, target: &Database) -> Result<Moved, MoveError> {
    let (Backend::Sqlite(from), Backend::Postgres(to)) = (&source.0, &target.0) else {
        return Err(MoveError::Direction);
    };
    let (send, pieces) = mpsc::channel(WAITING);
    let (done, until) = oneshot::channel();
    let sending = from.send_all(send, until);
    let receiving = async {
        let moved = to.receive_all(pieces).await;
        // lets go of the source
        let _ = done.send(());
        moved
    };
    let (sent, moved) = tokio::join!(sending, receiving);
    sent?;
    moved
}

/// The source ended before all was sent.
pub(super) fn broke_off(place: &Place) -> MoveError {
    StoreError::new(StoreFault::new(place, Fault::Stopped)).into()
}
