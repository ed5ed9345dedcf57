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
    pub(super) fn start(path: &Path) -> Result<Self, StoreFault> {
        let (wake, woken) = mpsc::sync_channel(1);
        let failed = Arc::new(AtomicBool::new(false));
        let (own, log, told) = (path.to_owned(), log_of(path), failed.clone());
        let thread = thread::Builder::new()
            .name("okap-disk".to_owned())
            .spawn(move || sync(&own, &log, &woken, &told))
            .map_err(|error| StoreFault::not_created(path, error))?;
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

fn sync(path: &Path, log: &Path, woken: &mpsc::Receiver<()>, failed: &AtomicBool) {
    let (mut connection, mut copied) = (None, 0);
    while woken.recv().is_ok() {
        thread::sleep(SOON);
        // rows from here on wake it again
        let _ = woken.try_recv();
        let synced = File::open(log).and_then(|log| log.sync_data());
        if let Err(error) = synced {
            tracing::error!(%error, log = %log.display(), "the log cannot be brought to the disk");
            failed.store(true, Ordering::Release);
        }
        let long = std::fs::metadata(log).map_or(0, |log| log.len());
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

    #[test]
    fn behind_a_sync_that_failed_nothing_is_written_and_behind_a_full_disk_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let connection = Connection::open(&path).unwrap();
        let mut disk = Disk::start(&path).unwrap();
        for passing in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_WRITE] {
            disk.lost(&fault(passing));
            disk.prepare(&connection, true).unwrap();
        }
        disk.lost(&fault(ffi::SQLITE_IOERR_FSYNC));
        let refused = disk.prepare(&connection, true).unwrap_err();
        assert_eq!(refused.fault(), Fault::Stopped);
    }
}
