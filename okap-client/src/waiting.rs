//! Waiting for the user: one pace for every way of asking.

use std::time::Duration;

use http::StatusCode;
use okap_types::{
    Secret,
    oauth::{DEVICE_CODE, TokenAnswer},
};
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout_at},
};
use url::Url;

use crate::{
    Access, Ask, Client, Error,
    access::Holder,
    clock::after,
    error::Kind,
    key::Key,
    received::{Received, Wanted},
    wire::{self, Form, Outcome, PROMPT, Reply},
};

/// How long the vault is asked to hold one poll: below the minute after which proxies cut idle
/// connections.
const HOLD: Duration = Duration::from_secs(50);
/// What `slow_down` adds to the interval (RFC 8628 section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// A vault that states no interval is not asked without a pause.
pub(crate) const SHORTEST: Duration = Duration::from_secs(1);
/// Failures of network or vault in a row that a wait lives through.
const PATIENCE: u32 = 3;

/// A request that the user has not decided.
pub(crate) struct Waiting {
    client: Client,
    ask: Ask,
    call: Call,
    expires: Instant,
    progress: Mutex<Progress>,
}

/// How the vault is asked for the outcome.
pub(crate) enum Call {
    /// With a continuation token; the vault holds the answer.
    Direct { uri: Url, token: Secret<String> },
    /// With a device code (RFC 8628 section 3.4).
    Device { uri: Url, code: Secret<String>, key: Option<Key> },
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

impl Waiting {
    /// The first question may come after `pause`.
    pub(crate) fn new(
        client: Client,
        ask: Ask,
        call: Call,
        interval: Duration,
        pause: Duration,
        expires_in: u64,
    ) -> Self {
        let interval = interval.max(SHORTEST);
        let progress = Progress { granted: None, interval, not_before: after(pause) };
        let expires = after(Duration::from_secs(expires_in));
        Self { client, ask, call, expires, progress: Mutex::new(progress) }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn expires_in(&self) -> Duration {
        self.expires.saturating_duration_since(Instant::now())
    }

    pub(crate) async fn wait(&self, at_most: Duration) -> Result<Access, Error> {
        let deadline = after(at_most);
        let undecided = || {
            let seconds = at_most.as_secs();
            Error::new(Kind::Timeout, format!("the user has not decided within {seconds} s"))
        };
        let Ok(mut progress) = timeout_at(deadline, self.progress.lock()).await else {
            return Err(undecided());
        };
        if let Some(access) = &progress.granted {
            return Ok(access.clone());
        }
        let end = deadline.min(self.expires);
        let (mut failures, mut failure) = (0, None);
        loop {
            if progress.not_before > end || self.expires <= Instant::now() {
                sleep_until(end).await;
                return Err(match self.expires <= deadline {
                    true => Error::new(Kind::Expired, "the request ended before the user decided"),
                    false => failure.unwrap_or_else(undecided),
                });
            }
            sleep_until(progress.not_before).await;
            let pause = match self.poll(end, &mut progress).await {
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
    async fn poll(&self, end: Instant, progress: &mut Progress) -> Result<Option<Access>, Error> {
        let reply = self.call(end).await?;
        progress.not_before = after(reply.retry_after.unwrap_or_default());
        let code = reply.code();
        if reply.status == StatusCode::TOO_MANY_REQUESTS || code.as_deref() == Some("slow_down") {
            progress.interval = progress.interval.saturating_add(SLOWER);
            return Ok(None);
        }
        let (received, holder) = match &self.call {
            Call::Direct { .. } => match reply.outcome()? {
                Outcome::Pending => {
                    let pace: Pace = reply.read()?;
                    let interval = Duration::from_secs(pace.interval.unwrap_or_default());
                    progress.interval = progress.interval.max(interval);
                    return Ok(None);
                }
                Outcome::Granted(answer) => (Received::direct(*answer, &reply)?, Holder::Bearer),
            },
            Call::Device { .. } if code.as_deref() == Some("authorization_pending") => {
                return Ok(None);
            }
            Call::Device { key, .. } => {
                let answer: TokenAnswer = reply.expect(StatusCode::OK)?;
                let holder = key.clone().map_or(Holder::Bearer, Holder::Own);
                (Received::token(answer, &reply)?, holder)
            }
        };
        let unbound_will_do = self.client.keys().unbound_will_do;
        let wanted = Wanted { asked: self.ask.clone(), whole: None, holder, unbound_will_do };
        received.check(self.client.vault(), self.client.nonces(), wanted).map(Some)
    }

    async fn call(&self, end: Instant) -> Result<Reply, Error> {
        match &self.call {
            Call::Direct { uri, token } => {
                let left = end.saturating_duration_since(Instant::now());
                let hold = left.saturating_sub(SHORTEST).min(HOLD).as_secs();
                let request = wire::poll(uri, token, hold)?;
                let within = PROMPT.saturating_add(Duration::from_secs(hold));
                wire::exchange(self.client.transport(), request, within).await
            }
            Call::Device { uri, code, key } => {
                let mut form = Form::new();
                form.add("grant_type", DEVICE_CODE).add("device_code", code.expose());
                self.client.post(uri, &form, key.as_ref(), PROMPT).await
            }
        }
    }
}

/// A code that can be printed on a terminal as it is.
pub(crate) fn shown(code: String) -> Result<String, Error> {
    match code.len() {
        1..=32 if code.bytes().all(|b| b.is_ascii_graphic()) => Ok(code),
        _ => Err(Error::new(Kind::Vault, "user_code is not 1 to 32 visible characters")),
    }
}
