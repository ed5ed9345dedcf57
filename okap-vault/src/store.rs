//! The vault's database: one SQLite file, or a PostgreSQL database for several nodes.
//!
//! What the vault needs of it has names here and no SQL: pages, keys and the command line know
//! [`Database`] alone.

mod fault;
mod postgres;
mod rows;
mod sqlite;
mod transfer;
mod vault;
mod verify;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use okap_engine::record::{Change, Key, Owner, Versioned};
use okap_server::{CommitError, StoreError};
use okap_types::{GrantId, Provider, Timestamp};

pub use fault::{Fault, Place, StoreFault};
pub use postgres::{AddressError, DatabaseUrl, Postgres};
pub use rows::{AuditEntry, Head, KeptKey, Spent};
pub(crate) use rows::{Sealed, SessionRow, UserRow};
pub use sqlite::{NEWEST, Sqlite};
pub use transfer::{MoveError, Moved, transfer};
pub use vault::StoredVault;
pub(crate) use verify::PAGE;
pub use verify::{Flaw, verify};

/// Most rows of a kind that one sweep removes, so that it never holds up calls for long.
const SWEPT: u32 = 500;

/// An open database. Clone it freely; the last clone closes it.
#[derive(Clone, Debug)]
pub struct Database(Backend);

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Asks whichever database it is.
macro_rules! ask {
    ($self:ident, $store:ident => $ask:expr) => {
        match &$self.0 {
            Backend::Sqlite($store) => $ask.await,
            Backend::Postgres($store) => $ask.await,
        }
    };
}

impl Database {
    /// Opens a database file and brings it up to date; creates it where there is none.
    ///
    /// # Behavior
    /// - A file that is no database, is another program's, or was written by a newer okap-vault
    ///   is refused and stays as it is.
    ///
    /// # Errors
    /// [`StoreFault`], which names the file.
    pub async fn open(path: &Path) -> Result<Self, StoreFault> {
        Sqlite::open(path).await.map(|file| Self(Backend::Sqlite(file)))
    }

    /// Connects to a PostgreSQL database and brings it up to date.
    ///
    /// # Behavior
    /// - What was written by a newer okap-vault, or tables of another program, stay as they are.
    /// - A connection that is lost is made anew when it is needed next.
    ///
    /// # Errors
    /// [`StoreFault`], which names the address without its password.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        Postgres::connect(url).await.map(|server| Self(Backend::Postgres(server)))
    }

    /// Where it is, as it may be shown: without a password.
    #[must_use]
    pub fn place(&self) -> Place {
        match &self.0 {
            Backend::Sqlite(file) => Place::File(file.path().to_owned()),
            Backend::Postgres(server) => server.place().clone(),
        }
    }

    /// The folder with all that is kept: of a file its own, of a server this one, to which every
    /// table is written.
    pub(crate) async fn laid_out(&self, folder: &Path) -> Result<PathBuf, StoreError> {
        match &self.0 {
            Backend::Sqlite(file) => {
                Ok(file.path().parent().unwrap_or_else(|| file.path()).to_owned())
            }
            Backend::Postgres(server) => {
                server.lay_out(folder).await?;
                Ok(folder.to_owned())
            }
        }
    }

    /// The file, where it is one.
    #[must_use]
    pub const fn sqlite(&self) -> Option<&Sqlite> {
        match &self.0 {
            Backend::Sqlite(file) => Some(file),
            Backend::Postgres(_) => None,
        }
    }

    /// Reads records, as [`Vault::read`](okap_server::Vault::read) says.
    pub(crate) async fn read(&self, keys: Vec<Key>) -> Result<Vec<Option<Versioned>>, StoreError> {
        ask!(self, store => store.read_records(keys))
    }

    /// Lists records, as [`Vault::list`](okap_server::Vault::list) says.
    pub(crate) async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        ask!(self, store => store.list_records(prefix, after, most))
    }

    /// Applies changes, as [`Vault::commit`](okap_server::Vault::commit) says.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        ask!(self, store => store.commit(changes))
    }

    /// Another number after each change that nodes have to hear of.
    pub(crate) async fn generation(&self) -> Result<u64, StoreError> {
        ask!(self, store => store.generation())
    }

    /// The clock of a server that several nodes share; a file has none of its own.
    pub(crate) async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(None),
            Backend::Postgres(server) => server.time().await.map(Some),
        }
    }

    /// Waits for a hint that the generation is another.
    pub(crate) async fn changed(&self) {
        match &self.0 {
            // nobody tells
            Backend::Sqlite(_) => std::future::pending().await,
            Backend::Postgres(server) => server.changed().await,
        }
    }

    /// Fails where the database cannot be read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look(&self) -> Result<(), StoreError> {
        ask!(self, store => store.look())
    }

    /// Removes records and sessions whose time has passed; returns how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, StoreError> {
        ask!(self, store => store.sweep(now, SWEPT))
    }

    /// How the keyring opens (JSON); `None` before the first start.
    pub(crate) async fn keyring(&self) -> Result<Option<String>, StoreError> {
        ask!(self, store => store.keyring())
    }

    /// Sets a vault up with how its keyring opens and who signs in; `false`, and nothing changed,
    /// where it is set up already.
    pub(crate) async fn set_up(&self, keyring: String, user: UserRow) -> Result<bool, StoreError> {
        ask!(self, store => store.set_up(keyring, user))
    }

    /// A user's password hash (PHC).
    pub(crate) async fn password_hash(&self, name: &str) -> Result<Option<String>, StoreError> {
        ask!(self, store => store.password_hash(name))
    }

    /// The session of a cookie's hash, if it has not ended.
    pub(crate) async fn session(
        &self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        ask!(self, store => store.session(hash, now))
    }

    /// Keeps a session, and forgets those that have ended when it begins.
    pub(crate) async fn start_session(&self, session: SessionRow) -> Result<(), StoreError> {
        ask!(self, store => store.start_session(session))
    }

    /// Forgets a session.
    pub(crate) async fn end_session(&self, hash: &str) -> Result<(), StoreError> {
        ask!(self, store => store.end_session(hash))
    }

    /// An owner's sealed key for a provider.
    pub(crate) async fn sealed_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Sealed>, StoreError> {
        ask!(self, store => store.sealed_key(owner, provider))
    }

    /// Keeps a key where there is none; `false` where there is one.
    pub(crate) async fn add_key(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.add_key(owner, provider, sealed, now))
    }

    /// Keeps a key in place of the one there is; `false` where there is none.
    pub(crate) async fn replace_key(
        &self,
        owner: &Owner,
        provider: &Provider,
        sealed: Sealed,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.replace_key(owner, provider, sealed, now))
    }

    /// Forgets a key; `false` where there is none.
    pub(crate) async fn remove_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<bool, StoreError> {
        ask!(self, store => store.remove_key(owner, provider))
    }

    /// An owner's keys in order of provider, without the keys.
    pub(crate) async fn kept_keys(&self, owner: &Owner) -> Result<Vec<KeptKey>, StoreError> {
        ask!(self, store => store.kept_keys(owner))
    }

    /// Sums the audit by grant, provider and model: from a moment on, of one grant or of all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn spent(
        &self,
        since: Option<Timestamp>,
        grant: Option<GrantId>,
    ) -> Result<Vec<Spent>, StoreError> {
        ask!(self, store => store.spent(since, grant))
    }

    /// A grant's latest calls, the last one first.
    pub(crate) async fn latest_calls(
        &self,
        grant: &GrantId,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        ask!(self, store => store.latest_calls(grant, most))
    }

    /// When each grant was used last.
    pub(crate) async fn last_calls(
        &self,
        grants: Vec<GrantId>,
    ) -> Result<HashMap<GrantId, Timestamp>, StoreError> {
        ask!(self, store => store.last_calls(grants))
    }

    /// Rows of the audit behind a place in its chain, in order; fewer than `most` at its end alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&self, after: u64, most: u32) -> Result<Vec<AuditEntry>, StoreError> {
        ask!(self, store => store.audit(after, most))
    }

    /// The head that is written down beside the audit, and the place of its last row, of one moment.
    /// `None` where what is written down is no head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_head(&self) -> Result<(Option<Head>, u64), StoreError> {
        ask!(self, store => store.audit_head())
    }
}
