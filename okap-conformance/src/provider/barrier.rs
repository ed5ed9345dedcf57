//! Holds answers until enough calls are here, so that a check-then-act bug shows at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::ledger::mentions;

/// One barrier for all calls, and those of calls with a certain text in their body.
pub(super) struct Barriers {
    all: Barrier,
    named: Mutex<Vec<(String, Arc<Barrier>)>>,
}

impl Barriers {
    pub(super) fn new(calls: Option<usize>) -> Self {
        Self { all: Barrier::new(calls), named: Mutex::default() }
    }

    pub(super) fn for_all(&self) -> &Barrier {
        &self.all
    }

    pub(super) fn of(&self, text: &str) -> Arc<Barrier> {
        let mut named = self.named();
        if let Some((_, barrier)) = named.iter().find(|(name, _)| name == text) {
            return Arc::clone(barrier);
        }
        let barrier = Arc::new(Barrier::new(None));
        named.push((text.to_owned(), Arc::clone(&barrier)));
        barrier
    }

    /// Returns when a call with this body may be answered.
    pub(super) async fn pass(&self, body: &Value) {
        let own = self.named().iter().find(|(text, _)| mentions(body, text)).cloned();
        match own {
            Some((_, barrier)) => barrier.pass().await,
            None => self.all.pass().await,
        }
    }

    /// Opens all of them.
    pub(super) fn clear(&self) {
        self.all.release(None);
        for (_, barrier) in self.named().drain(..) {
            barrier.release(None);
        }
    }

    fn named(&self) -> MutexGuard<'_, Vec<(String, Arc<Barrier>)>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Barrier {
    gate: Mutex<Gate>,
}

struct Gate {
    /// Calls still missing; `None` is an open gate.
    missing: Option<usize>,
    quiet: Option<Duration>,
    last_arrival: Instant,
    held: VecDeque<oneshot::Sender<()>>,
}

impl Barrier {
    pub(super) fn new(calls: Option<usize>) -> Self {
        let gate = Gate {
            missing: calls.filter(|calls| *calls > 0),
            quiet: None,
            last_arrival: Instant::now(),
            held: VecDeque::new(),
        };
        Self { gate: Mutex::new(gate) }
    }

    pub(super) fn arm(&self, calls: usize, quiet: Option<Duration>) {
        let mut gate = self.lock();
        gate.quiet = quiet;
        gate.missing = Some(calls);
        if calls == 0 {
            gate.open();
        }
    }

    /// Returns when this call may be answered.
    pub(super) async fn pass(&self) {
        let Some(mut released) = self.lock().arrive() else {
            return;
        };
        loop {
            let deadline = self.lock().quiet_until();
            let Some(deadline) = deadline else { break };
            tokio::select! {
                _ = &mut released => return,
                () = sleep_until(deadline) => self.lock().open_if_quiet(),
            }
        }
        // A sender that vanishes is a release as well.
        let _ = released.await;
    }

    pub(super) fn release(&self, calls: Option<usize>) -> usize {
        let mut gate = self.lock();
        match calls {
            None => gate.open(),
            Some(calls) => gate.let_go(calls),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    fn arrive(&mut self) -> Option<oneshot::Receiver<()>> {
        let missing = self.missing?.saturating_sub(1);
        self.missing = Some(missing);
        self.last_arrival = Instant::now();
        if missing == 0 {
            self.open();
            return None;
        }
        let (release, released) = oneshot::channel();
        self.held.push_back(release);
        Some(released)
    }

    fn open(&mut self) -> usize {
        self.missing = None;
        self.let_go(usize::MAX)
    }

    fn let_go(&mut self, calls: usize) -> usize {
        let mut gone = 0;
        while gone < calls {
            let Some(release) = self.held.pop_front() else {
                break;
            };
            // A call whose client went away does not count.
            if release.send(()).is_ok() {
                gone += 1;
            }
        }
        gone
    }

    fn quiet_until(&self) -> Option<Instant> {
        self.missing?;
        self.quiet.map(|quiet| self.last_arrival + quiet)
    }

    fn open_if_quiet(&mut self) {
        if self.quiet_until().is_some_and(|deadline| deadline <= Instant::now()) {
            self.open();
        }
    }
}
