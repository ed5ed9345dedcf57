//! A closed loop of callers: each sends its next call once the last was answered.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use memchr::memmem;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    process::Process,
    stats::Sample,
    upstream::{SENT_AT, nanos},
    wire::Wire,
};

/// How long a call that began in time may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// How long calls that are made at once may take: the vault has some of them wait for money.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Where calls go, and what they say.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// One whole request.
    pub(super) request: Bytes,
    /// Whose CPU is counted.
    pub(super) process: Option<Process>,
}

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Calls at one time.
    pub(super) calls: usize,
    /// Before anything is counted.
    pub(super) warm_up: Duration,
    /// While it is counted.
    pub(super) span: Duration,
}

/// What of a load counts, in the time of [`nanos`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    from: u64,
    until: u64,
}

impl Counted {
    pub(super) const ALL: Self = Self { from: 0, until: u64::MAX };

    const fn holds(self, at: u64) -> bool {
        self.from <= at && at < self.until
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Until each call was answered whole, in nanoseconds.
    pub(super) took: Sample,
    /// Until each stream's first chunk.
    pub(super) first: Sample,
    /// From the provider's sending of each chunk to its arrival.
    pub(super) late: Sample,
    /// Calls that were answered with another status than 200: how many.
    pub(super) refused: usize,
    /// What the first of them was answered with.
    pub(super) refusal: Option<String>,
    /// Calls answered a second.
    pub(super) rate: f64,
    /// Chunks that arrived a second.
    pub(super) chunk_rate: f64,
    /// CPU of the process in between, in seconds.
    pub(super) cpu: Option<f64>,
}

impl Outcome {
    fn plus(&mut self, other: Self) {
        self.took.extend(other.took);
        self.first.extend(other.first);
        self.late.extend(other.late);
        self.refused = self.refused.saturating_add(other.refused);
        self.refusal = self.refusal.take().or(other.refusal);
    }

    /// The outcome of a load of which nothing may be refused.
    ///
    /// # Errors
    /// What the first refusal said.
    pub(super) fn all_answered(self) -> anyhow::Result<Self> {
        match &self.refusal {
            None => Ok(self),
            Some(said) => bail!("{} calls were refused, the first with {said}", self.refused),
        }
    }

    /// CPU a call, in microseconds.
    pub(super) fn cpu_per_call(&self) -> Option<f64> {
        self.cpu.map(|cpu| cpu * 1e6 / to_f64(self.took.len().max(1)))
    }

    /// CPU a chunk, in microseconds.
    pub(super) fn cpu_per_chunk(&self) -> Option<f64> {
        self.cpu.map(|cpu| cpu * 1e6 / to_f64(self.late.len().max(1)))
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn to_f64(count: usize) -> f64 {
    count as f64
}

/// Puts a load on a target.
///
/// # Errors
/// A connection that cannot be made, or breaks.
pub(super) async fn put(target: &Target, load: Load) -> anyhow::Result<Outcome> {
    let begin = Instant::now() + load.warm_up;
    let end = begin + load.span;
    let from = nanos().saturating_add(whole_nanos(load.warm_up));
    let counted = Counted { from, until: from.saturating_add(whole_nanos(load.span)) };
    let mut callers = JoinSet::new();
    for _ in 0..load.calls {
        let target = target.clone();
        callers.spawn(async move {
            let calling = call_until(&target, end, counted);
            timeout_at(end + GRACE, calling).await.context("a call was not answered in 10 s")?
        });
    }
    sleep_until(begin).await;
    let before = target.process.map(Process::cpu).transpose()?;
    sleep_until(end).await;
    let after = target.process.map(Process::cpu).transpose()?;
    let mut outcome = Outcome::default();
    while let Some(done) = callers.join_next().await {
        outcome.plus(done??);
    }
    outcome.rate = to_f64(outcome.took.len()) / load.span.as_secs_f64();
    outcome.chunk_rate = to_f64(outcome.late.len()) / load.span.as_secs_f64();
    outcome.cpu = after.zip(before).map(|(after, before)| after - before);
    Ok(outcome)
}

/// Calls `times` at once, each on a connection of its own, one call each.
///
/// # Errors
/// A connection that cannot be made, or breaks.
pub(super) async fn at_once(target: &Target, times: usize) -> anyhow::Result<Outcome> {
    let mut wires = Vec::with_capacity(times);
    for _ in 0..times {
        wires.push(connect(target).await?);
    }
    let mut callers = JoinSet::new();
    for mut wire in wires {
        let target = target.clone();
        callers.spawn(async move {
            let mut outcome = Outcome::default();
            let calling = call(&mut wire, &target, Counted::ALL, &mut outcome);
            timeout(AT_ONCE, calling).await.context("a call was not answered in 30 s")??;
            anyhow::Ok(outcome)
        });
    }
    let mut outcome = Outcome::default();
    while let Some(done) = callers.join_next().await {
        outcome.plus(done??);
    }
    Ok(outcome)
}

fn whole_nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) async fn connect(target: &Target) -> anyhow::Result<Wire> {
    let refused = || format!("no connection to {}", target.address);
    let stream = TcpStream::connect(target.address).await.with_context(refused)?;
    Ok(Wire::over(stream)?)
}

async fn call_until(target: &Target, end: Instant, counted: Counted) -> anyhow::Result<Outcome> {
    let mut wire = connect(target).await?;
    let mut outcome = Outcome::default();
    while Instant::now() < end {
        call(&mut wire, target, counted, &mut outcome).await?;
    }
    Ok(outcome)
}

/// One call, and what came of it.
///
/// # Errors
/// A connection that breaks.
pub(super) async fn call(
    wire: &mut Wire,
    target: &Target,
    counted: Counted,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let broke = || format!("{} broke the connection", target.address);
    let began = nanos();
    wire.send(&target.request).await.with_context(broke)?;
    let closed = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let head = wire.head().await.and_then(|head| head.ok_or_else(closed)).with_context(broke)?;
    let status = head.status();
    if status != 200 {
        let body = wire.body(&head).await.with_context(broke)?;
        outcome.refused = outcome.refused.saturating_add(1);
        let said = || format!("{status}: {}", String::from_utf8_lossy(&body).trim());
        outcome.refusal.get_or_insert_with(said);
        return Ok(());
    }
    if head.is_chunked() {
        let mut first = true;
        while let Some(piece) = wire.chunk().await.with_context(broke)? {
            let now = nanos();
            if !counted.holds(now) {
                continue;
            }
            for at in memmem::find_iter(&piece, SENT_AT) {
                let digits = piece.get(at + SENT_AT.len()..at + SENT_AT.len() + 16);
                let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(sent) = digits.and_then(|digits| digits.parse::<u64>().ok()) {
                    outcome.late.push(now.saturating_sub(sent));
                }
            }
            if std::mem::take(&mut first) {
                outcome.first.push(now.saturating_sub(began));
            }
        }
    } else {
        wire.body(&head).await.with_context(broke)?;
    }
    let now = nanos();
    if counted.holds(now) {
        outcome.took.push(now.saturating_sub(began));
    }
    Ok(())
}

/// One request for a chat completion.
pub(super) fn request(path: &str, address: SocketAddr, token: Option<&str>, body: &str) -> Bytes {
    let token =
        token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{token}content-type: application/json\r\naccept: application/json\r\nuser-agent: okap-bench\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into()
}
