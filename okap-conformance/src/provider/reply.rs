//! An answer on its way out: status, headers, and the pieces of the body.

use bytes::Bytes;
use serde_json::Value;

use super::ledger::State;

/// A piece of a body, and the tokens that are generated for it.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) data: Bytes,
    pub(super) tokens: u64,
}

impl Frame {
    pub(super) fn new(data: impl Into<Bytes>, tokens: u64) -> Self {
        Self { data: data.into(), tokens }
    }

    /// A piece that costs nothing.
    pub(super) fn free(data: impl Into<Bytes>) -> Self {
        Self::new(data, 0)
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In full.
    Whole,
    /// As if it were in full, but it is not.
    Early,
    /// With a broken connection.
    Broken,
}

impl End {
    pub(super) fn state(self) -> State {
        match self {
            Self::Whole => State::Finished,
            Self::Early | Self::Broken => State::Cut,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) frames: Vec<Frame>,
    pub(super) end: End,
    /// Whether the length is unknown in advance.
    pub(super) streamed: bool,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::whole(status, "application/json", body.to_string())
    }

    pub(super) fn whole(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", kind.to_owned())],
            frames: vec![Frame::free(body)],
            end: End::Whole,
            streamed: false,
        }
    }

    pub(super) fn stream(frames: Vec<Frame>) -> Self {
        let kind = "text/event-stream; charset=utf-8".to_owned();
        let headers = vec![("content-type", kind), ("cache-control", "no-cache".to_owned())];
        Self { status: 200, headers, frames, end: End::Whole, streamed: true }
    }

    /// A stream that is one JSON list.
    pub(super) fn list(frames: Vec<Frame>) -> Self {
        let headers = vec![("content-type", "application/json; charset=UTF-8".to_owned())];
        Self { headers, ..Self::stream(frames) }
    }

    pub(super) fn header(&mut self, name: &'static str, value: &str) {
        self.headers.push((name, value.to_owned()));
    }
}

/// One event of a stream.
pub(super) fn sse(event: Option<&str>, data: &Value) -> String {
    match event {
        Some(event) => format!("event: {event}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// An event named as its own `type` member says.
pub(super) fn typed_sse(data: &Value) -> String {
    sse(data.get("type").and_then(Value::as_str), data)
}
