//! One SQLite file: one thread that writes, a few connections that read.
//!
//! Several processes may use one file: the command line works beside a running server.

mod audit;
mod disk;
mod keys;
mod migrate;
mod people;
mod records;
mod transfer;
mod writer;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use okap_engine::record::Change;
use okap_server::{CommitError, StoreError};
use okap_types::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::Semaphore;

use super::{Fault, StoreFault};
pub use migrate::NEWEST;
use writer::Writer;

/// How long one process waits for another's write.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;
/// Most rows of the audit that one sweep lists by their grants: a few milliseconds.
const LISTED: u32 = 2_000;
/// Reads at one time.
const READERS: usize = 4;

/// An open database file. Clone it freely; the last clone closes it.
#[derive(Clone)]
pub struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens a database file and brings it up to date; creates it where there is none.
    ///
    /// # Behavior
    /// - A file that is no database, is another program's, or was written by a newer okap-vault
    ///   is refused and stays as it is.
    ///
    /// # Errors
    /// [`StoreFault`], which names the file.
    pub async fn open(path: &Path) -> Result<Self, StoreFault> {
        let path = path.to_owned();
        let opening = path.clone();
        tokio::task::spawn_blocking(move || Self::open_now(opening))
            .await
            .unwrap_or_else(|_| Err(StoreFault::in_file(&path, Fault::Stopped)))
    }

    fn open_now(path: PathBuf) -> Result<Self, StoreFault> {
        create_private(&path)?;
        let broken = |error| StoreFault::of_sqlite(&path, error);
        let mut connection = connect(&path).map_err(broken)?;
        migrate::to_newest(&path, &mut connection)?;
        connection.pragma_update(None, "wal_autocheckpoint", disk::LONGEST_LOG).map_err(broken)?;
        let writer = Writer::start(&path, connection)?;
        let readers = Mutex::new(Vec::new());
        let turns = Arc::new(Semaphore::new(READERS));
        Ok(Self { inner: Arc::new(Inner { path, writer, readers, turns }) })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads. Sees one moment of the database, with every write that had returned before.
    ///
    /// # Errors
    /// [`StoreError`], its source a [`StoreFault`].
    pub async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let turn = self.inner.turns.clone().acquire_owned().await;
        let Ok(turn) = turn else { return Err(self.stopped()) };
        let inner = self.inner.clone();
        // it runs to its end, and keeps its turn, also where nobody waits for it any more
        let read = move || {
            let _turn = turn;
            inner.read(read)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(done) => done.map_err(StoreError::new),
            Err(_) => Err(self.stopped()),
        }
    }

    /// Writes, all or nothing, durable once this returns `Ok`. Runs also if the caller stops
    /// waiting.
    ///
    /// # Errors
    /// [`StoreError`], its source a [`StoreFault`]; nothing was written.
    pub async fn write<T, F>(&self, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.inner.writer.write(write).await.map_err(StoreError::new)
    }

    pub(in crate::store) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.inner.writer.commit(changes).await
    }

    /// Fails where the database cannot be read.
    pub(in crate::store) async fn look(&self) -> Result<(), StoreError> {
        self.generation().await.map(drop)
    }

    pub(in crate::store) async fn sweep(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<usize, StoreError> {
        let now = now.unix_millis();
        self.write(move |tx| {
            let records = tx.execute(
                "DELETE FROM records WHERE key IN
                 (SELECT key FROM records WHERE forget_after <= ?1 LIMIT ?2)",
                (now, most),
            )?;
            let sessions = tx.execute(
                "DELETE FROM sessions WHERE hash IN
                 (SELECT hash FROM sessions WHERE expires <= ?1 LIMIT ?2)",
                (now, most),
            )?;
            let listed = audit::list(tx, LISTED)?;
            Ok(records.saturating_add(sessions).saturating_add(listed))
        })
        .await
    }

    fn stopped(&self) -> StoreError {
        StoreError::new(StoreFault::in_file(&self.inner.path, Fault::Stopped))
    }
}

impl Inner {
    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreFault> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let answer = (|| {
            let connection = match idle {
                Some(connection) => connection,
                None => reader(&self.path)?,
            };
            let moment = connection.unchecked_transaction()?;
            let answer = read(&moment)?;
            moment.finish()?;
            Ok((answer, connection))
        })();
        // a connection that failed is not used again
        let (answer, connection) =
            answer.map_err(|error| StoreFault::of_sqlite(&self.path, error))?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }
}

/// A connection as every part of the vault wants it.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    // the schema of a tampered file may not call functions with side effects
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Makes the file, for its owner alone, before SQLite would make it for all.
fn create_private(path: &Path) -> Result<(), StoreFault> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreFault::not_created(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn reads_that_nobody_waits_for_any_more_are_few_at_a_time_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join("vault.db")).await.unwrap();
        let (began, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        for _ in 0..READERS * 3 {
            let (store, began, ended) = (store.clone(), began.clone(), ended.clone());
            let read = tokio::spawn(async move {
                store
                    .read(move |_| {
                        let _ = began.send(());
                        let _ = ended.lock().map(|ended| ended.recv());
                        Ok(())
                    })
                    .await
            });
            tokio::time::sleep(Duration::from_millis(50)).await;
            read.abort();
        }
        assert_eq!(begun.try_iter().count(), READERS);
        drop(end);
        store.read(|_| Ok(())).await.unwrap();
        assert!(store.inner.readers.lock().unwrap().len() <= READERS);
    }
}
