//! When what is written gets to the disk.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rusqlite::Connection;

use crate::store::{Fault, StoreFault};

/// How long rows of the audit wait for others before they go to the disk together.
const SOON: Duration = Duration::from_millis(2);

/// How much of the log is copied at a time, in bytes.
const COPIED: u64 = 4 * 1024 * 1024;
/// How many pages of it there may be before the one that writes copies what is left, and begins it
/// anew: 32 MB.
pub(super) const LONGEST_LOG: u32 = 8_000;

/// Rows of the audit are written when their callers hear of it, and on the disk [`SOON`] after: they
/// outlive the process from the first moment, and a power failure from the second. Everything else
/// is on the disk first: a lease above all, so that no cap is passed after either.
pub(super) struct Disk {
    path: PathBuf,
    /// Whether a commit waits for the disk, as the connection is set.
    synced: bool,
    wake: Option<mpsc::SyncSender<()>>,
    failed: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Disk {
    /// Begins to look after the log of a database that is open.
    pub(super) fn start(path: &Path) -> Result<Self, StoreFault> {
        let (wake, woken) = mpsc::sync_channel(1);
        let failed = Arc::new(AtomicBool::new(false));
        let broken = |error| StoreFault::not_created(path, error);
        // once: later there may be no descriptor left, and one that is open hears of every failure
        let log = File::open(log_of(path)).map_err(broken)?;
        let (own, told) = (path.to_owned(), failed.clone());
        let thread = thread::Builder::new()
            .name("okap-disk".to_owned())
            .spawn(move || sync(&own, &log, &woken, &told))
            .map_err(broken)?;
        let (wake, thread) = (Some(wake), Some(thread));
        Ok(Self { path: path.to_owned(), synced: true, wake, failed, thread })
    }

    /// Sets the connection up for a transaction that is on the disk once it is committed, or not.
    pub(super) fn prepare(
        &mut self,
        connection: &Connection,
        synced: bool,
    ) -> Result<(), StoreFault> {
        // what a failed sync has lost nobody knows: the process has to read the file anew
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreFault::in_file(&self.path, Fault::Stopped));
        }
        if synced != self.synced {
            let how = if synced { "full" } else { "normal" };
            connection
                .pragma_update(None, "synchronous", how)
                .map_err(|error| StoreFault::of_sqlite(&self.path, error))?;
            self.synced = synced;
        }
        Ok(())
    }

    /// Takes note of a commit that failed: where it was the disk that did not take it, rows before it
    /// may be missing below it, and nothing that is written from then on can be relied on.
    pub(super) fn lost(&self, fault: &StoreFault) {
        if fault.is_of_the_disk() {
            self.failed.store(true, Ordering::Release);
        }
    }

    /// Brings to the disk, a little later, what is written by now.
    pub(super) fn sync_soon(&self) {
        if let Some(wake) = &self.wake {
            // where it is full, a sync that begins later is on its way
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// SQLite's write-ahead log, beside the database.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Copies the log into the database beside the one that writes, so that little is left to it.
fn copy(path: &Path, connection: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(super::connect(path)?),
    };
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

fn sync(path: &Path, log: &File, woken: &mpsc::Receiver<()>, failed: &AtomicBool) {
    let (mut connection, mut copied) = (None, 0);
    while woken.recv().is_ok() {
        thread::sleep(SOON);
        // rows from here on wake it again
        let _ = woken.try_recv();
        if let Err(error) = log.sync_data() {
            tracing::error!(%error, path = %path.display(), "the log cannot be brought to the disk");
            failed.store(true, Ordering::Release);
        }
        let long = log.metadata().map_or(0, |log| log.len());
        if long < copied {
            copied = 0;
        }
        if long - copied >= COPIED {
            copied = long;
            if let Err(error) = copy(path, &mut connection) {
                tracing::warn!(%error, "the log could not be copied; the writer will");
                connection = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn fault(code: i32) -> StoreFault {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        StoreFault::of_sqlite(Path::new("vault.db"), error)
    }

    /// A database that has a log.
    fn logged(path: &Path) -> Connection {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        connection
    }

    #[test]
    fn behind_a_sync_that_failed_nothing_is_written_and_behind_a_full_disk_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let connection = logged(&path);
        let mut disk = Disk::start(&path).unwrap();
        for passing in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_WRITE] {
            disk.lost(&fault(passing));
            disk.prepare(&connection, true).unwrap();
        }
        disk.lost(&fault(ffi::SQLITE_IOERR_FSYNC));
        let refused = disk.prepare(&connection, true).unwrap_err();
        assert_eq!(refused.fault(), Fault::Stopped);
    }

    /// As where a process has no descriptor left: nothing more can be opened, and what is open goes on.
    #[test]
    fn a_log_that_cannot_be_opened_once_more_is_brought_to_the_disk_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let connection = logged(&path);
        let mut disk = Disk::start(&path).unwrap();
        std::fs::rename(log_of(&path), folder.path().join("away")).unwrap();
        disk.sync_soon();
        thread::sleep(SOON * 50);
        disk.prepare(&connection, true).unwrap();
    }
}
