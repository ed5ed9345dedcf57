//! Generates an answer in its time, bills what is generated, and sends it with its faults.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::books::OpenCall;
use super::config::Manner;
use super::faults::Fault;
use super::gzip;
use super::ledger::State;
use super::reply::{End, Frame, Reply};

/// Generates tokens that are sent later, in one body.
pub(super) async fn generate(tokens: u64, chunk_delay: Duration, call: &OpenCall) {
    if chunk_delay.is_zero() {
        call.generated(tokens);
        return;
    }
    for _ in 0..tokens {
        sleep(chunk_delay).await;
        call.generated(1);
    }
}

/// Spoils the body of a reply as the fault says, and gives it the manner's line ends and pieces.
pub(super) fn spoil(reply: &mut Reply, manner: &Manner, fault: Option<&Fault>, error: Frame) {
    if reply.streamed && manner.crlf {
        reply.frames.iter_mut().for_each(|frame| frame.data = crlf(&frame.data));
    }
    match fault {
        Some(Fault::Cut { after }) if reply.streamed => keep(reply, *after, End::Broken),
        Some(Fault::Cut { .. }) => reply.end = End::Broken,
        Some(Fault::EndEarly { after }) if reply.streamed => keep(reply, *after, End::Early),
        Some(Fault::ErrorEvent { after }) if reply.streamed => {
            keep(reply, *after, End::Early);
            reply.frames.push(error);
        }
        Some(Fault::TruncatedJson) => {
            keep(reply, reply.frames.len().div_ceil(2), End::Early);
            if let Some(last) = reply.frames.last_mut() {
                last.data.truncate(last.data.len() / 2);
            }
        }
        Some(Fault::Huge { bytes }) => pad(reply, *bytes),
        Some(Fault::Gzip) => {
            reply.frames = gzip::wrap(std::mem::take(&mut reply.frames));
            reply.header("content-encoding", "gzip");
        }
        _ => {}
    }
    if !reply.streamed {
        let length: usize = reply.frames.iter().map(|frame| frame.data.len()).sum();
        reply.header("content-length", &length.to_string());
        if reply.end == End::Broken
            && let Some(last) = reply.frames.last_mut()
        {
            last.data.truncate(last.data.len() / 2);
        }
    }
    let apart = |frame: &Frame| match manner.one_byte || (manner.within && !frame.data.is_ascii()) {
        true => single_bytes(frame),
        false => vec![frame.clone()],
    };
    if manner.one_byte || manner.within {
        reply.frames = reply.frames.iter().flat_map(apart).collect();
    }
}

/// The body: generates while it is read, and ends the call with its last piece.
pub(super) fn body(reply: Reply, chunk_delay: Duration, one_byte: bool, call: OpenCall) -> Body {
    if reply.frames.is_empty() && reply.end == End::Whole {
        call.end(State::Finished);
        return Body::empty();
    }
    let play =
        Play { frames: reply.frames.into(), end: Some(reply.end), chunk_delay, one_byte, call };
    Body::from_stream(stream::unfold(play, Play::next))
}

/// Waits until the client goes away.
pub(super) async fn hang() -> Infallible {
    std::future::pending().await
}

struct Play {
    frames: VecDeque<Frame>,
    /// How the body will end; `None` once it has.
    end: Option<End>,
    chunk_delay: Duration,
    one_byte: bool,
    call: OpenCall,
}

impl Play {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let end = self.end?;
        let Some(frame) = self.frames.pop_front() else {
            self.end = None;
            // The server sends what it has before the connection breaks.
            yield_now().await;
            self.call.end(end.state());
            let broken = io::Error::new(io::ErrorKind::ConnectionReset, "cut by a fault");
            return (end == End::Broken).then_some((Err(broken), self));
        };
        if frame.tokens > 0 && !self.chunk_delay.is_zero() {
            sleep(self.chunk_delay).await;
        } else if self.one_byte {
            yield_now().await;
        }
        self.call.generated(frame.tokens);
        if self.frames.is_empty() {
            // Whoever has read the last byte finds the call closed in the books.
            self.call.end(end.state());
        }
        Some((Ok(frame.data), self))
    }
}

fn keep(reply: &mut Reply, frames: usize, end: End) {
    reply.frames.truncate(frames);
    reply.end = end;
}

/// Puts padding in front: a member of the JSON object, or a comment of the stream.
fn pad(reply: &mut Reply, bytes: u64) {
    const PIECE: u64 = 64 * 1024;
    let (before, after) = if reply.streamed { (": ", "\n\n") } else { ("{\"padding\":\"", "\",") };
    let piece = Bytes::from(vec![b'a'; usize::try_from(PIECE).unwrap_or_default()]);
    let mut frames = vec![Frame::free(before)];
    for _ in 0..bytes / PIECE {
        frames.push(Frame::free(piece.clone()));
    }
    let rest = usize::try_from(bytes % PIECE).unwrap_or_default();
    frames.push(Frame::free(piece.slice(..rest)));
    frames.push(Frame::free(after));
    if !reply.streamed
        && let Some(first) = reply.frames.first_mut()
        && !first.data.is_empty()
    {
        // The opening brace is in the padding already.
        first.data = first.data.slice(1..);
    }
    frames.append(&mut reply.frames);
    reply.frames = frames;
}

fn crlf(data: &Bytes) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len().saturating_add(4));
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out.freeze()
}

/// The frame byte by byte; its tokens are generated with the first.
fn single_bytes(frame: &Frame) -> Vec<Frame> {
    let single = |index: usize| {
        let tokens = if index == 0 { frame.tokens } else { 0 };
        Frame::new(frame.data.slice(index..index.saturating_add(1)), tokens)
    };
    (0..frame.data.len()).map(single).collect()
}
