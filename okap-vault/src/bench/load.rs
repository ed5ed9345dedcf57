//! A closed loop of callers: each sends its next call once the last was answered.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use memchr::memmem;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    process::Process,
    stats::Sample,
    upstream::{SENT_AT, nanos},
    wire::Wire,
};

/// How long a call that began in time may take to end.
const GRACE: Duration = Duration::from_secs(10);

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

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Until each call was answered whole, in nanoseconds.
    pub(super) took: Sample,
    /// Until each stream's first chunk.
    pub(super) first: Sample,
    /// From the provider's sending of each chunk to its arrival.
    pub(super) late: Sample,
    /// Calls that were answered with another status than 200, by status.
    pub(super) refused: Vec<u16>,
    /// Calls answered a second.
    pub(super) rate: f64,
    /// CPU of the process in between, in seconds.
    pub(super) cpu: Option<f64>,
}

impl Outcome {
    fn plus(&mut self, other: Self) {
        self.took.extend(other.took);
        self.first.extend(other.first);
        self.late.extend(other.late);
        self.refused.extend(other.refused);
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
    let mut callers = JoinSet::new();
    for _ in 0..load.calls {
        let target = target.clone();
        callers.spawn(async move {
            let calling = call_until(&target, begin, end);
            timeout_at(end + GRACE, calling).await.context("a call was not answered in 10 s")?
        });
    }
    sleep_until(begin).await;
    let before = target.process.map(Process::cpu).transpose()?;
    let counted = Instant::now();
    sleep_until(end).await;
    let after = target.process.map(Process::cpu).transpose()?;
    let counted = counted.elapsed().as_secs_f64();
    let mut outcome = Outcome::default();
    while let Some(done) = callers.join_next().await {
        outcome.plus(done??);
    }
    outcome.rate = to_f64(outcome.took.len()) / counted;
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
            call(&mut wire, &target, true, &mut outcome).await.map(|()| outcome)
        });
    }
    let mut outcome = Outcome::default();
    while let Some(done) = callers.join_next().await {
        outcome.plus(done??);
    }
    Ok(outcome)
}

pub(super) async fn connect(target: &Target) -> anyhow::Result<Wire> {
    let refused = || format!("no connection to {}", target.address);
    let stream = TcpStream::connect(target.address).await.with_context(refused)?;
    Ok(Wire::over(stream)?)
}

async fn call_until(target: &Target, begin: Instant, end: Instant) -> anyhow::Result<Outcome> {
    let mut wire = connect(target).await?;
    let mut outcome = Outcome::default();
    while Instant::now() < end {
        let counts = Instant::now() >= begin;
        call(&mut wire, target, counts, &mut outcome).await?;
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
    counts: bool,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let broke = || format!("{} broke the connection", target.address);
    let began = nanos();
    wire.send(&target.request).await.with_context(broke)?;
    let closed = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let head = wire.head().await.and_then(|head| head.ok_or_else(closed)).with_context(broke)?;
    let status = head.status();
    if status != 200 {
        wire.body(&head).await.with_context(broke)?;
        outcome.refused.push(status);
        return Ok(());
    }
    if head.is_chunked() {
        let mut first = true;
        while let Some(piece) = wire.chunk().await.with_context(broke)? {
            let now = nanos();
            if !counts {
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
    if counts {
        outcome.took.push(nanos().saturating_sub(began));
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
