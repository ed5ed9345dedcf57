use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use okap_engine::record::Change;
use okap_server::{CommitError, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{disk::Disk, records};
use crate::store::{Fault, StoreFault};

/// Writes that may wait before callers wait too.
const WAITING: usize = 1024;
/// Most writes that share one trip to the disk.
const GROUP: usize = 256;

/// The one thread that writes. What waits while it syncs to disk goes into the next transaction
/// together, each write in a savepoint of its own.
pub(super) struct Writer {
    path: PathBuf,
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    /// Waits until what was handed over is written and the file is closed, so that a copy of the
    /// file alone is whole.
    fn drop(&mut self) {
        drop(self.jobs.take());
        let thread = self.thread.take().filter(|own| own.thread().id() != thread::current().id());
        if let Some(thread) = thread {
            // it has told its callers of anything that went wrong
            let _ = thread.join();
        }
    }
}

/// A write and the way back to who waits for it.
trait Job: Send {
    /// Whether it is on the disk before its caller hears of it.
    fn is_synced(&self) -> bool;
    /// Runs in its savepoint; `Err` undoes it, with the fault where there was one.
    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), Option<StoreFault>>;
    /// Tells the caller, once the transaction is durable or, with a fault, lost.
    fn done(self: Box<Self>, lost: Option<&StoreFault>);
}

enum Failed {
    Conflict,
    Fault(StoreFault),
}

impl Writer {
    pub(super) fn start(path: &Path, connection: Connection) -> Result<Self, StoreFault> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let own = path.to_owned();
        let disk = Disk::start(path)?;
        let thread = thread::Builder::new()
            .name("okap-writer".to_owned())
            .spawn(move || work(&own, connection, disk, waiting))
            .map_err(|error| StoreFault::not_created(path, error))?;
        Ok(Self { path: path.to_owned(), jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) async fn write<T, F>(&self, write: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let path = self.path.clone();
        let run = move |tx: &Transaction<'_>| {
            write(tx).map_err(|error| Failed::Fault(StoreFault::of_sqlite(&path, error)))
        };
        self.submit(run, true).await.map_err(|failed| match failed {
            Failed::Fault(fault) => fault,
            Failed::Conflict => StoreFault::in_file(&self.path, Fault::Other),
        })
    }

    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let path = self.path.clone();
        let synced = !changes.iter().all(|change| matches!(change, Change::Append(_)));
        let run = move |tx: &Transaction<'_>| match records::apply(tx, &changes) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failed::Conflict),
            Err(error) => Err(Failed::Fault(StoreFault::of_sqlite(&path, error))),
        };
        self.submit(run, synced).await.map_err(|failed| match failed {
            Failed::Conflict => CommitError::Conflict,
            Failed::Fault(fault) => StoreError::new(fault).into(),
        })
    }

    async fn submit<T, F>(&self, run: F, synced: bool) -> Result<T, Failed>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failed> + Send + 'static,
    {
        let stopped = || Failed::Fault(StoreFault::in_file(&self.path, Fault::Stopped));
        let (reply, answer) = oneshot::channel();
        let task = Task { run: Some(run), synced, outcome: None, reply };
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(Box::new(task)).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

struct Task<F, T> {
    run: Option<F>,
    synced: bool,
    outcome: Option<Result<T, Failed>>,
    reply: oneshot::Sender<Result<T, Failed>>,
}

impl<F, T> Job for Task<F, T>
where
    T: Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, Failed> + Send,
{
    fn is_synced(&self) -> bool {
        self.synced
    }

    fn run(&mut self, tx: &Transaction<'_>) -> Result<(), Option<StoreFault>> {
        let run = self.run.take().ok_or(None)?;
        // a write that panics takes nobody else with it
        self.outcome = catch_unwind(AssertUnwindSafe(|| run(tx))).ok();
        match &self.outcome {
            Some(Ok(_)) => Ok(()),
            Some(Err(Failed::Fault(fault))) => Err(Some(fault.clone())),
            Some(Err(Failed::Conflict)) | None => Err(None),
        }
    }

    fn done(self: Box<Self>, lost: Option<&StoreFault>) {
        let outcome = match (self.outcome, lost) {
            // what failed by itself says so, whatever became of the others
            (Some(Err(failed)), _) => Some(Err(failed)),
            (_, Some(lost)) => Some(Err(Failed::Fault(lost.clone()))),
            (outcome, None) => outcome,
        };
        if let Some(outcome) = outcome {
            // the caller may have stopped waiting
            let _ = self.reply.send(outcome);
        }
    }
}

fn work(
    path: &Path,
    mut connection: Connection,
    mut disk: Disk,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let synced = group.iter().any(|job| job.is_synced());
        let lost = disk
            .prepare(&connection, synced)
            .and_then(|()| write(path, &mut connection, &mut group))
            .err();
        match &lost {
            Some(fault) => disk.lost(fault),
            None if !synced => disk.sync_soon(),
            None => {}
        }
        for job in group {
            job.done(lost.as_ref());
        }
    }
}

/// One transaction for a group; on an error nothing of it was written.
fn write(
    path: &Path,
    connection: &mut Connection,
    group: &mut [Box<dyn Job>],
) -> Result<(), StoreFault> {
    let broken = |error| StoreFault::of_sqlite(path, error);
    let tx =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(broken)?;
    if let [alone] = group {
        // nobody else is undone with it: the transaction is its savepoint
        return match alone.run(&tx) {
            Ok(()) => tx.commit().map_err(broken),
            Err(_) if tx.is_autocommit() => Ok(()),
            Err(_) => tx.rollback().map_err(broken),
        };
    }
    for job in group {
        tx.execute_batch("SAVEPOINT job").map_err(broken)?;
        if let Err(fault) = job.run(&tx) {
            // some faults, such as a full disk, end the whole transaction
            if tx.is_autocommit() {
                return Err(fault.unwrap_or_else(|| StoreFault::in_file(path, Fault::Other)));
            }
            tx.execute_batch("ROLLBACK TO job").map_err(broken)?;
        }
        tx.execute_batch("RELEASE job").map_err(broken)?;
    }
    tx.commit().map_err(broken)
}
