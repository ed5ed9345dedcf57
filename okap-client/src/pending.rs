use std::{fmt, time::Duration};

use okap_types::{Secret, response};
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout_at},
};
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    access::{Received, after},
    error::Kind,
    wire::{self, Outcome, PROMPT, Reply},
};

/// How long the vault is asked to hold one poll: below the minute after which proxies cut idle
/// connections.
const HOLD: Duration = Duration::from_secs(50);
/// What `slow_down` adds to the interval (RFC 8628 section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// A vault that states no interval is not asked without a pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// Failures of network or vault in a row that a wait lives through.
const PATIENCE: u32 = 3;

/// A request that waits for the user.
///
/// Show [`consent_url`](Self::consent_url) and [`user_code`](Self::user_code), then
/// [`wait`](Self::wait).
pub struct Pending {
    client: Client,
    ask: Ask,
    /// `None` where the vault granted at once.
    handle: Option<Handle>,
    progress: Mutex<Progress>,
}

struct Handle {
    consent_url: Url,
    user_code: String,
    uri: Url,
    token: Secret<String>,
    expires: Instant,
}

/// What one wait leaves to the next.
struct Progress {
    granted: Option<Access>,
    interval: Duration,
    not_before: Instant,
}

/// What a poll may change.
#[derive(Deserialize)]
struct Pace {
    interval: Option<u64>,
}

impl Pending {
    pub(crate) fn new(client: Client, ask: Ask, reply: &Reply) -> Result<Self, Error> {
        let mut progress =
            Progress { granted: None, interval: SHORTEST, not_before: Instant::now() };
        let handle = match reply.outcome()? {
            Outcome::Granted(answer) => {
                let received = Received::try_from(*answer)?;
                progress.granted = Some(received.check(client.vault(), ask.clone())?);
                None
            }
            Outcome::Pending => {
                let answer: response::Pending = reply.read()?;
                client.vault().owns("interaction_uri", &answer.interaction_uri)?;
                client.vault().owns("continue.uri", &answer.continuation.uri)?;
                progress.interval = Duration::from_secs(answer.interval).max(SHORTEST);
                Some(Handle {
                    consent_url: answer.interaction_uri,
                    user_code: shown(answer.user_code)?,
                    uri: answer.continuation.uri,
                    token: answer.continuation.access_token,
                    expires: after(Duration::from_secs(answer.expires_in)),
                })
            }
        };
        Ok(Self { client, ask, handle, progress: Mutex::new(progress) })
    }

    /// Where the user decides. `None` where the vault granted at once and nobody is asked.
    #[must_use]
    pub fn consent_url(&self) -> Option<&Url> {
        self.handle.as_ref().map(|h| &h.consent_url)
    }

    /// Shown by the vault's page as well, for the user to compare.
    #[must_use]
    pub fn user_code(&self) -> Option<&str> {
        self.handle.as_ref().map(|h| h.user_code.as_str())
    }

    /// How long the user still has; zero when the request has ended.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.handle.as_ref().map(|h| h.expires.saturating_duration_since(Instant::now()))
    }

    /// Waits for the user's decision, at most that long.
    ///
    /// # Behavior
    /// - The vault is asked at once and then at its own pace; it may hold each answer.
    /// - A few failures of network or vault in a row are lived through.
    /// - An answer under way at the end is awaited for up to 10 s more, since the vault gives a
    ///   token once. For the same reason do not drop the future early: give a time.
    /// - It may be called again after a timeout; after success it gives the same access.
    ///
    /// # Errors
    /// [`is_denied`](Error::is_denied) where the user says no; [`is_timeout`](Error::is_timeout)
    /// where the time is over; [`is_expired`](Error::is_expired) where the request has ended;
    /// [`is_untrusted`](Error::is_untrusted) where the grant fails a safety check;
    /// [`is_network`](Error::is_network), [`is_vault`](Error::is_vault) where failures go on, or
    /// the time is over and the last thing heard was a failure.
    pub async fn wait(&self, at_most: Duration) -> Result<Access, Error> {
        let deadline = after(at_most);
        let undecided = || {
            Error::new(
                Kind::Timeout,
                format!("the user has not decided within {} s", at_most.as_secs()),
            )
        };
        let Ok(mut progress) = timeout_at(deadline, self.progress.lock()).await else {
            return Err(undecided());
        };
        if let Some(access) = &progress.granted {
            return Ok(access.clone());
        }
        let Some(handle) = &self.handle else {
            return Err(undecided());
        };
        let end = deadline.min(handle.expires);
        let (mut failures, mut failure) = (0, None);
        loop {
            if progress.not_before > end || handle.expires <= Instant::now() {
                sleep_until(end).await;
                return Err(match handle.expires <= deadline {
                    true => Error::new(Kind::Expired, "the request ended before the user decided"),
                    false => failure.unwrap_or_else(undecided),
                });
            }
            sleep_until(progress.not_before).await;
            let pause = match self.poll(handle, end, &mut progress).await {
                Ok(Some(access)) => {
                    progress.granted = Some(access.clone());
                    return Ok(access);
                }
                Ok(None) => {
                    (failures, failure) = (0, None);
                    progress.interval
                }
                Err(error) if failures < PATIENCE && error.is_temporary() => {
                    failures += 1;
                    failure = Some(error);
                    progress.interval.saturating_mul(1 << failures)
                }
                Err(error) => return Err(error),
            };
            progress.not_before = progress.not_before.max(after(pause));
        }
    }

    /// Asks once for the outcome, and learns the vault's pace.
    async fn poll(
        &self,
        handle: &Handle,
        end: Instant,
        progress: &mut Progress,
    ) -> Result<Option<Access>, Error> {
        let left = end.saturating_duration_since(Instant::now());
        let hold = left.saturating_sub(SHORTEST).min(HOLD).as_secs();
        let request = wire::poll(&handle.uri, &handle.token, hold)?;
        let within = PROMPT.saturating_add(Duration::from_secs(hold));
        let reply = wire::exchange(self.client.transport(), request, within).await?;
        progress.not_before = after(reply.retry_after.unwrap_or_default());
        if reply.status.as_u16() == 429 || reply.refusal().code() == Some("slow_down") {
            progress.interval = progress.interval.saturating_add(SLOWER);
            return Ok(None);
        }
        match reply.outcome()? {
            Outcome::Pending => {
                let pace: Pace = reply.read()?;
                let interval = Duration::from_secs(pace.interval.unwrap_or_default());
                progress.interval = progress.interval.max(interval);
                Ok(None)
            }
            Outcome::Granted(answer) => {
                let received = Received::try_from(*answer)?;
                received.check(self.client.vault(), self.ask.clone()).map(Some)
            }
        }
    }
}

/// A code that can be printed on a terminal as it is.
fn shown(code: String) -> Result<String, Error> {
    match code.len() {
        1..=32 if code.bytes().all(|b| b.is_ascii_graphic()) => Ok(code),
        _ => Err(Error::new(Kind::Vault, "user_code is not 1 to 32 visible characters")),
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("client", &self.client).finish_non_exhaustive()
    }
}
