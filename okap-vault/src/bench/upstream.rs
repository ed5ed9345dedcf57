//! The provider of the benchmark: OpenAI's chat completions, whole and streamed, with usage.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};

use super::wire::Wire;

/// Tokens that it generates where it is not told to stop earlier.
pub(super) const TOKENS: u64 = 100;
/// Marks the moment at which a chunk was sent, in nanoseconds, 16 digits.
pub(super) const SENT_AT: &[u8] = b"t=";

/// How it answers; may be changed while it runs.
#[derive(Debug, Default)]
pub(super) struct Manner {
    delay: AtomicU32,
    chunks: AtomicU32,
    pace: AtomicU32,
    answered: AtomicU64,
}

/// One way to answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// Until an answer begins.
    pub(super) delay: Duration,
    /// Chunks of a stream.
    pub(super) chunks: u32,
    /// Between two chunks.
    pub(super) pace: Duration,
}

impl Manner {
    pub(super) fn set(&self, way: Way) {
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
        self.delay.store(millis(way.delay), Ordering::Relaxed);
        self.chunks.store(way.chunks, Ordering::Relaxed);
        self.pace.store(millis(way.pace), Ordering::Relaxed);
    }

    /// Calls that it has answered, each of them billed.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn way(&self) -> Way {
        let span = |ms: &AtomicU32| Duration::from_millis(ms.load(Ordering::Relaxed).into());
        let chunks = self.chunks.load(Ordering::Relaxed);
        Way { delay: span(&self.delay), chunks, pace: span(&self.pace) }
    }
}

/// Nanoseconds since the first time that anybody asked.
pub(super) fn nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Listens on this computer alone, in the runtime that it is called in.
pub(super) async fn start(manner: Arc<Manner>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let manner = manner.clone();
            // a connection that breaks is the caller's to notice
            tokio::spawn(async move { serve(stream, &manner).await });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, manner: &Manner) -> io::Result<()> {
    let mut wire = Wire::over(stream)?;
    let usual = whole(TOKENS);
    while let Some(head) = wire.head().await? {
        let body = wire.body(&head).await?;
        let way = manner.way();
        if !way.delay.is_zero() {
            tokio::time::sleep(way.delay).await;
        }
        manner.answered.fetch_add(1, Ordering::Relaxed);
        if memmem::find(&body, b"\"stream\":true").is_some() {
            stream_to(&mut wire, way).await?;
            continue;
        }
        match ceiling(&body).unwrap_or(TOKENS).min(TOKENS) {
            TOKENS => wire.send(usual.as_bytes()).await?,
            fewer => wire.send(whole(fewer).as_bytes()).await?,
        }
    }
    Ok(())
}

/// The most tokens that a call asks for.
fn ceiling(body: &[u8]) -> Option<u64> {
    let named = [&b"\"max_tokens\":"[..], b"\"max_completion_tokens\":"];
    let at = named.iter().find_map(|name| Some(memmem::find(body, name)? + name.len()))?;
    let digits = body.get(at..)?.iter().map(|b| char::from(*b)).take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().ok()
}

fn whole(tokens: u64) -> String {
    let (reason, total) = (if tokens < TOKENS { "length" } else { "stop" }, tokens + 20);
    let body = format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1767225600,"model":"gpt-4o-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"A vault keeps what is given to it, and lends what its owner allows: so much and no more, to whom it was promised, until the day that was named. Whoever asks for more is told no, politely, and at once."}},"finish_reason":"{reason}"}}],"usage":{{"prompt_tokens":20,"completion_tokens":{tokens},"total_tokens":{total}}}}}"#
    );
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn stream_to(wire: &mut Wire, way: Way) -> io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    wire.send(head.as_bytes()).await?;
    for _ in 0..way.chunks {
        if !way.pace.is_zero() {
            tokio::time::sleep(way.pace).await;
        }
        let sent_at = nanos();
        let delta = format!(r#"{{"content":"t={sent_at:016} "}}"#);
        wire.send(event(&delta, "null").as_bytes()).await?;
    }
    let tokens = u64::from(way.chunks);
    let usage = format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1767225600,"model":"gpt-4o-mini","choices":[],"usage":{{"prompt_tokens":20,"completion_tokens":{tokens},"total_tokens":{}}}}}"#,
        tokens + 20
    );
    let last =
        [event("{}", "\"stop\""), chunk(&format!("data: {usage}\n\n")), chunk("data: [DONE]\n\n")];
    wire.send((last.concat() + "0\r\n\r\n").as_bytes()).await
}

fn event(delta: &str, finish_reason: &str) -> String {
    chunk(&format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"gpt-4o-mini\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish_reason}}}]}}\n\n"
    ))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_generates_no_more_than_a_call_asks_for() {
        assert_eq!(ceiling(br#"{"max_tokens":7,"n":1}"#), Some(7));
        assert_eq!(ceiling(br#"{"max_completion_tokens":12}"#), Some(12));
        assert_eq!(ceiling(br#"{"n":1}"#), None);
        assert!(whole(7).contains("\"completion_tokens\":7,") && whole(7).contains("\"length\""));
    }
}
