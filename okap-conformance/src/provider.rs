//! A fake provider: answers like OpenAI, Anthropic and Google, keeps its own books, misbehaves on request.
//!
//! A vault under test is given [`FakeProvider::url`] as the address of all of them (it appends
//! `/v1/…` itself, for Google `/v1beta/…`) and the master key of the [`Config`]. What arrives is written into the
//! [`Ledger`]: a leaked token, a wrong credential or a header that had to stay behind is a
//! [`Violation`], and every call is billed, also one whose reader went away in the middle.
//!
//! ```
//! use okap_conformance::provider::{Config, FakeProvider, Fault, Rule};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let provider = FakeProvider::start(Config::default()).await?;
//! provider.set_fault(Rule::fault(Fault::status(429)).on("gpt-4o").times(2));
//! // … let the vault under test call `provider.url()` …
//! let ledger = provider.ledger();
//! assert!(ledger.violations.is_empty());
//! assert_eq!(ledger.totals.billed_pico, 0);
//! # Ok(()) }
//! ```

mod answer;
mod anthropic;
mod ask;
mod barrier;
mod books;
mod config;
mod control;
mod desk;
mod dialect;
mod draft;
mod error;
mod faults;
mod form;
mod google;
mod gzip;
mod inspect;
mod ledger;
mod listen;
mod openai;
mod prompt;
mod reply;
mod route;
mod stream;
mod visit;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use config::{Config, Counting, Manner, Price};
pub use faults::{Fault, Rule};
pub use ledger::{Call, Header, Ledger, State, Totals, Violation, What};

use desk::Desk;

/// A running fake provider. Dropping it closes the port and every open connection.
pub struct FakeProvider {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl FakeProvider {
    /// Binds the port and serves OpenAI, Anthropic, Google and the control plane on it.
    ///
    /// # Errors
    /// The address cannot be bound, or the master key is empty or no header value.
    pub async fn start(config: Config) -> io::Result<Self> {
        if config.master_key.is_empty() || HeaderValue::from_str(&config.master_key).is_err() {
            let text = "the master key must be a non-empty header value";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let listener = TcpListener::bind(&config.listen).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk::new(config));
        let server = tokio::spawn(listen::serve(listener, control::router(Arc::clone(&desk))));
        Ok(Self { address, desk, server })
    }

    /// The address without a path: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that the vault must present, and nobody else may ever see.
    #[must_use]
    pub fn master_key(&self) -> &str {
        self.desk.master_key()
    }

    /// A copy of the books.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.desk.books.ledger()
    }

    /// Waits until the books satisfy `wanted`, and returns a copy of them.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when `patience` is over first.
    pub async fn wait_until(
        &self,
        patience: Duration,
        wanted: impl Fn(&Ledger) -> bool,
    ) -> io::Result<Ledger> {
        self.desk.books.wait_until(patience, wanted).await
    }

    /// Adds a rule. Every rule that matches a call applies to it, the later ones override.
    pub fn set_fault(&self, rule: Rule) {
        self.desk.rules.add(rule);
    }

    /// Removes all rules.
    pub fn clear_faults(&self) {
        self.desk.rules.clear();
    }

    /// Holds every answer until `calls` have arrived, counted from now.
    ///
    /// # Behavior
    /// - When they have arrived all are let go together, and later calls pass freely.
    /// - With `quiet`, all are let go as well when no call arrived for that long: a vault that
    ///   queues calls instead of refusing them is then not deadlocked.
    pub fn set_barrier(&self, calls: usize, quiet: Option<Duration>) {
        self.desk.barriers.for_all().arm(calls, quiet);
    }

    /// As [`set_barrier`](Self::set_barrier), for the calls whose body has this text in it; such a
    /// call passes no other barrier.
    pub fn set_barrier_for(&self, text: &str, calls: usize, quiet: Option<Duration>) {
        self.desk.barriers.of(text).arm(calls, quiet);
    }

    /// Lets the first `calls` held answers go, or all of them (`None`), which also opens the
    /// barrier for later calls. Returns how many went.
    pub fn release_barrier(&self, calls: Option<usize>) -> usize {
        self.desk.barriers.for_all().release(calls)
    }

    /// Empties the books, removes the rules and opens the barrier. Sequence numbers go on.
    pub fn reset(&self) {
        self.desk.reset();
    }

    /// Closes the port and every open connection, and waits until that is done.
    pub async fn stop(mut self) {
        self.server.abort();
        // An aborted task ends with an error by design; there is nothing to learn from it.
        let _ = (&mut self.server).await;
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.server.abort();
    }
}
