//! Audit rows, written in groups; a call is settled once its row is durable.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    ledger::Hold,
    pico::Pico,
    record::{AuditRow, Change},
};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::slot::{Family, Place};
use crate::{CommitError, Consent, Vault, core::Core};

/// Most rows that go to the store together.
const GROUP: usize = 256;
/// How often other tasks get on before a group goes to the store: this often, and on while each time
/// brings more rows.
const TURNS: std::ops::Range<usize> = 3..16;
/// How long the store is left alone after a failure; longer each time.
const PATIENCE: Duration = Duration::from_millis(200);
const MOST_PATIENCE: Duration = Duration::from_secs(2);
/// How long a call waits for its row; then its answer ends without it, as one that failed.
const WITHIN: Duration = Duration::from_secs(5);

/// Rows that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Books {
    waiting: Mutex<Waiting>,
    /// Rows that are not durable yet.
    open: AtomicUsize,
    failing: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<Entry>,
    /// Whether a task is writing.
    written: bool,
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct Settling {
    pub(crate) family: Arc<Family>,
    pub(crate) hold: Hold,
    pub(crate) cost: Pico,
    pub(crate) row: Arc<AuditRow>,
    /// Keeps it among the calls under way until its row is durable.
    pub(crate) place: Option<Place>,
}

#[derive(Debug)]
struct Entry {
    settling: Settling,
    done: oneshot::Sender<()>,
}

/// Tells when a call is settled.
#[derive(Debug)]
pub(crate) struct Settled(oneshot::Receiver<()>);

impl Settled {
    /// Waits until the row is durable; `false` where that takes too long. It is written all the same
    /// once the store is back.
    pub(crate) async fn wait(self) -> bool {
        matches!(timeout(WITHIN, self.0).await, Ok(Ok(())))
    }
}

impl Books {
    /// Whether the store takes no rows.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Adds an entry; whether somebody has to begin writing.
    fn add(&self, entry: Entry) -> bool {
        self.open.fetch_add(1, Ordering::AcqRel);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.rows.push(entry);
        !std::mem::replace(&mut waiting.written, true)
    }

    fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).rows.len()
    }

    /// The next group; none, and nobody is writing any more, where no row waits.
    fn next(&self) -> Vec<Entry> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.written = !waiting.rows.is_empty();
        let rest = waiting.rows.len().min(GROUP);
        let rest = waiting.rows.split_off(rest);
        std::mem::replace(&mut waiting.rows, rest)
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Writes a call's row; its hold becomes its cost once that is durable, whoever waits for it.
    pub(crate) fn book(self: &Arc<Self>, settling: Settling) -> Settled {
        let (done, settled) = oneshot::channel();
        if self.allowance.books.add(Entry { settling, done }) {
            let core = self.clone();
            tokio::spawn(async move { core.write_books().await });
        }
        Settled(settled)
    }

    async fn write_books(&self) {
        let books = &self.allowance.books;
        loop {
            // whoever is about to end goes along
            let mut ended = 0;
            for turn in 0..TURNS.end {
                tokio::task::yield_now().await;
                let before = std::mem::replace(&mut ended, books.waiting());
                if turn >= TURNS.start && ended == before {
                    break;
                }
            }
            let group = books.next();
            if group.is_empty() {
                return;
            }
            self.write_group(&group).await;
            for Entry { settling, done } in group {
                settling.family.settle(&settling.hold, settling.cost);
                drop(settling.place);
                books.open.fetch_sub(1, Ordering::AcqRel);
                // the call may have stopped waiting
                let _ = done.send(());
            }
        }
    }

    /// Writes a group, however often it takes: a row that is there already is not added again.
    async fn write_group(&self, group: &[Entry]) {
        let books = &self.allowance.books;
        let mut patience = PATIENCE;
        loop {
            let rows = group.iter().map(|entry| Change::Append(entry.settling.row.clone()));
            let mut commit = std::pin::pin!(self.vault.commit(rows.collect()));
            let done = match timeout(WITHIN, &mut commit).await {
                Ok(done) => done,
                Err(_) => {
                    // a store that hangs takes no rows either
                    books.failing.store(true, Ordering::Relaxed);
                    tracing::error!(rows = group.len(), "the store does not take what calls used");
                    commit.await
                }
            };
            let error = match done {
                Ok(()) => {
                    books.failing.store(false, Ordering::Relaxed);
                    return;
                }
                Err(CommitError::Conflict) => "a row conflicts".into(),
                Err(CommitError::Store(error)) => error.0,
            };
            // from here on no call is let through
            books.failing.store(true, Ordering::Relaxed);
            tracing::error!(%error, rows = group.len(), "calls could not be settled; they wait");
            sleep(patience).await;
            patience = (patience * 2).min(MOST_PATIENCE);
        }
    }
}
