//! The pen that writes the ledger.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::watch;

use super::config::Price;
use super::ledger::{Call, Ledger, State, Violation, What};

/// The ledger, shared by all calls.
pub(super) struct Books {
    page: Mutex<Page>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Page {
    ledger: Ledger,
    /// Sequence number before the first call on this page.
    before: u64,
}

impl Books {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { page: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// Enters a call. It stays open until [`OpenCall::end`], or until the guard is dropped.
    pub(super) fn open(self: &Arc<Self>, mut call: Call) -> OpenCall {
        let seq = self.write(|page| {
            call.seq = page.last_seq().saturating_add(1);
            let totals = &mut page.ledger.totals;
            totals.calls = totals.calls.saturating_add(1);
            totals.open = totals.open.saturating_add(1);
            totals.max_concurrent = totals.max_concurrent.max(totals.open);
            let seq = call.seq;
            page.ledger.calls.push(call);
            seq
        });
        OpenCall { books: Arc::clone(self), seq, price: Price::default() }
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.lock().ledger.clone()
    }

    pub(super) fn clear(&self) {
        self.write(|page| {
            page.before = page.last_seq();
            page.ledger = Ledger::default();
        });
    }

    pub(super) async fn wait_until(
        &self,
        patience: Duration,
        wanted: impl Fn(&Ledger) -> bool,
    ) -> io::Result<Ledger> {
        let mut changes = self.changed.subscribe();
        let wait = async {
            loop {
                {
                    let page = self.lock();
                    if wanted(&page.ledger) {
                        return page.ledger.clone();
                    }
                }
                // The sender lives in `self`, so this cannot fail while we wait.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(patience, wait).await.map_err(io::Error::from)
    }

    fn lock(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<R>(&self, change: impl FnOnce(&mut Page) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.send_replace(());
        result
    }
}

impl Page {
    fn last_seq(&self) -> u64 {
        self.ledger.calls.last().map_or(self.before, |call| call.seq)
    }

    /// The call, unless a reset has forgotten it.
    fn call(&mut self, seq: u64) -> Option<&mut Call> {
        let index = seq.checked_sub(self.before)?.checked_sub(1)?;
        self.ledger.calls.get_mut(usize::try_from(index).ok()?)
    }
}

/// A call that is being answered. Dropped before its end, it is booked as cancelled.
pub(super) struct OpenCall {
    books: Arc<Books>,
    seq: u64,
    price: Price,
}

impl OpenCall {
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn violation(&self, what: What, at: impl Into<String>) {
        let violation = Violation { seq: self.seq, what, at: at.into() };
        self.books.write(|page| {
            if page.call(self.seq).is_some() {
                page.ledger.violations.push(violation);
            }
        });
    }

    pub(super) fn body(&self, body: Value, sent: String) {
        self.change(|call| {
            call.body = body;
            call.sent = sent;
        });
    }

    pub(super) fn asked(&self, model: &str, streamed: bool) {
        self.change(|call| {
            call.model = Some(model.to_owned());
            call.streamed = streamed;
        });
    }

    pub(super) fn status(&self, status: u16) {
        self.change(|call| call.status = Some(status));
    }

    /// Bills the prompt; from here on the completion is billed at `price` too.
    pub(super) fn admit(&mut self, price: Price, prompt_tokens: u64) {
        self.price = price;
        self.bill(prompt_tokens, 0);
    }

    /// Bills completion tokens that were just made.
    pub(super) fn generated(&self, tokens: u64) {
        if tokens > 0 {
            self.bill(0, tokens);
        }
    }

    /// Closes the call. Only the first end counts.
    pub(super) fn end(&self, state: State) {
        self.books.write(|page| {
            let Some(call) = page.call(self.seq) else {
                return;
            };
            if call.state != State::Started {
                return;
            }
            call.state = state;
            call.ended_ms = Some(now_ms());
            let totals = &mut page.ledger.totals;
            totals.open = totals.open.saturating_sub(1);
        });
    }

    fn bill(&self, prompt: u64, completion: u64) {
        let cost = self.price.cost(prompt, completion);
        self.books.write(|page| {
            let Some(call) = page.call(self.seq) else {
                return;
            };
            call.prompt_tokens = call.prompt_tokens.saturating_add(prompt);
            call.completion_tokens = call.completion_tokens.saturating_add(completion);
            call.billed_pico = call.billed_pico.saturating_add(cost);
            let totals = &mut page.ledger.totals;
            totals.prompt_tokens = totals.prompt_tokens.saturating_add(prompt);
            totals.completion_tokens = totals.completion_tokens.saturating_add(completion);
            totals.billed_pico = totals.billed_pico.saturating_add(cost);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Call)) {
        self.books.write(|page| {
            if let Some(call) = page.call(self.seq) {
                change(call);
            }
        });
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.end(State::Cancelled);
    }
}

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
