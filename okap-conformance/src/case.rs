//! What a test is given: ways to ask, to decide, to call, and to see what reached the provider.

mod ask;
mod bound;
mod browser;
mod call;
mod code;
mod device;
mod exchange;
mod kept;
pub(crate) mod key;
mod limits;
mod look;
mod offered;
mod page;
mod parameters;
mod parts;
pub(crate) mod proof;
mod published;
mod question;
mod raw;
mod refused;
mod route;
mod source;
mod tokens;
mod user;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use ask::{Ask, less};
pub use bound::Bound;
pub use browser::{ALLOW, Browser, DENY, REVOKE};
pub use call::Prompt;
pub use code::{Coded, Landing, Push};
pub use device::Device;
pub use key::Key;
pub use limits::Counter;
pub use page::{Button, Form, Page};
pub use parameters::Parameters;
pub use parts::{put, take, with};
pub use proof::{Holder, Proof};
pub use published::{FETCHED, Published};
pub use question::{Grant, Pending};
pub use raw::Raw;
pub use tokens::Tokens;

use crate::{
    catalogue::Test,
    http::{Call, Http, Reply},
    outcome::Stop,
    provider::FakeProvider,
    seed::Seed,
    stage::{Stage, metadata_url},
    transcript::Transcript,
};

/// One run of one test.
pub struct Case {
    stage: Arc<Stage>,
    test: &'static Test,
    http: Http,
    transcript: Transcript,
    seed: Seed,
    drawn: AtomicUsize,
}

impl Case {
    pub(crate) fn new(stage: Arc<Stage>, test: &'static Test, attempt: usize) -> Self {
        let transcript = Transcript::new(stage.secrets.clone());
        let seed = stage.seed.of(test.id).of(&attempt.to_string());
        let http = Http::new(transcript.clone(), stage.target.timeouts.request.0);
        let http = http.from(source::of(seed)).trusting(stage.target.trust.clone());
        Self { stage, test, http, transcript, seed, drawn: AtomicUsize::new(0) }
    }

    /// A word that stands nowhere else; the same at the same place of a run with the same seed.
    pub fn nonce(&self) -> String {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        format!("okapconf{}", self.seed.of(&drawn.to_string()).word())
    }

    /// The seed of this run of the test.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        self.seed
    }

    /// Sends a call as it is.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn send(&self, call: Call) -> Result<Reply, Stop> {
        self.http.send(call).await
    }

    /// The vault's issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.stage.base_url
    }

    /// An address below the issuer: `okap/par`.
    #[must_use]
    pub fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.stage.base_url)
    }

    /// Where the metadata are.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        metadata_url(&self.stage.base_url)
    }

    /// The fake provider.
    #[must_use]
    pub fn provider(&self) -> &FakeProvider {
        &self.stage.provider
    }

    /// How long a revocation may take to be felt.
    #[must_use]
    pub fn revoke_effect(&self) -> Duration {
        self.stage.target.timeouts.revoke_effect.0
    }

    /// How long the vault waits for a provider.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the target does not say, or the suite would wait for less.
    pub fn waits_for_provider(&self) -> Result<Duration, Stop> {
        self.stage.target.timeouts.waits_for_provider().map_err(Stop::Untestable)
    }

    /// Seconds since 1970 by the vault's clock.
    #[must_use]
    pub fn epoch(&self) -> i64 {
        OffsetDateTime::from(SystemTime::now()).unix_timestamp().saturating_add(self.turned())
    }

    /// A moment so many seconds from now by the vault's clock, as the wire has it.
    #[must_use]
    pub fn moment(&self, seconds: i64) -> String {
        let turned = self.turned();
        let now = OffsetDateTime::from(SystemTime::now());
        let at = now + time::Duration::seconds(seconds.saturating_add(turned));
        let whole = at.replace_nanosecond(0).unwrap_or(at);
        whole.format(&Rfc3339).unwrap_or_default()
    }

    /// Seconds by which the vault's clock was turned forward.
    #[must_use]
    pub fn turned(&self) -> i64 {
        self.stage.turned()
    }

    /// Fails where a secret of this kind (`master`, `token_`) stands in an answer that came to this
    /// test so far.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn saw_no(&self, kind: &str, requirement: &str) -> Result<(), Stop> {
        for (at, bytes) in self.transcript.received().iter().enumerate() {
            if let Some(seen) = self.stage.secrets.find(kind, bytes) {
                return Err(Stop::failed(
                    requirement,
                    "no key in any answer",
                    format!("{} ({}) in answer {}", seen.secret, seen.form, at + 1),
                )
                .shown_by(at + 1));
            }
        }
        Ok(())
    }

    /// Whether the test is about one of these requirements.
    pub(crate) fn verifies(&self, requirements: &[&str]) -> bool {
        self.test.verifies.iter().any(|id| requirements.contains(id))
    }

    pub(crate) fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    pub(crate) fn was_unanswered(&self) -> bool {
        self.http.was_unanswered()
    }
}
