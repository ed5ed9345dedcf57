//! A client of a few lines, and what the tests share.

use std::time::Duration;

use okap_conformance::provider::{Config, FakeProvider};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const KEY: &str = "sk-okapconf-canary-0123456789";
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn provider() -> FakeProvider {
    FakeProvider::start(config()).await.unwrap()
}

pub(crate) fn config() -> Config {
    Config { master_key: KEY.to_owned(), ..Config::default() }
}

/// A request under construction.
#[derive(Clone)]
pub(crate) struct Ask {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn bare(method: &'static str, target: &str) -> Self {
        let target = target.to_owned();
        Self { method, target, headers: Vec::new(), body: Vec::new() }
    }

    /// A clean OpenAI call.
    pub(crate) fn openai(path: &str, body: &Value) -> Self {
        Self::bare("POST", path).header("authorization", &format!("Bearer {KEY}")).json(body)
    }

    /// A clean Anthropic call.
    pub(crate) fn anthropic(path: &str, body: &Value) -> Self {
        let ask = Self::bare("POST", path).header("x-api-key", KEY).json(body);
        ask.header("anthropic-version", "2023-06-01")
    }

    /// A clean chat call with these members besides model and prompt.
    pub(crate) fn chat(extra: Value) -> Self {
        Self::openai("/v1/chat/completions", &chat_body(extra))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|header| header.0 != name);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let raw = body.to_string();
        self.header("content-type", "application/json").raw(raw.as_bytes())
    }

    pub(crate) fn raw(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Sends the request and reads the answer to its end.
    pub(crate) async fn send(self, provider: &FakeProvider) -> Reply {
        self.send_to(&provider.url()).await
    }

    pub(crate) async fn send_to(self, url: &str) -> Reply {
        let mut open = self.open(url).await;
        let _ = open.stream.read_to_end(&mut open.seen).await;
        Reply::parse(&open.seen)
    }

    /// Like [`Ask::send_to`], for a task of its own; tells the status.
    pub(crate) async fn send_to_owned(self, url: String) -> u16 {
        self.send_to(&url).await.status
    }

    /// Sends the request and reads nothing yet.
    pub(crate) async fn open(mut self, url: &str) -> Open {
        let host = url.strip_prefix("http://").unwrap();
        self = self.header("host", host).header("connection", "close");
        let length = self.body.len().to_string();
        self = self.header("content-length", &length);
        let mut raw = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        raw.push_str("\r\n");
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(raw.as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        Open { stream, seen: Vec::new() }
    }
}

/// A connection on which a request was sent. Dropping it is going away.
pub(crate) struct Open {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Open {
    /// Reads until this text has arrived `times` times.
    pub(crate) async fn read_until(&mut self, text: &str, times: usize) {
        while String::from_utf8_lossy(&self.seen).matches(text).count() < times {
            let read = self.stream.read_buf(&mut self.seen).await.unwrap();
            assert!(read > 0, "ended early: {}", String::from_utf8_lossy(&self.seen));
        }
    }
}

impl Open {
    /// Reads to the end of the connection; tells whether a chunked body was complete.
    pub(crate) async fn read_to_end(&mut self) -> bool {
        let _ = self.stream.read_to_end(&mut self.seen).await;
        self.seen.ends_with(b"0\r\n\r\n")
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Sizes of the pieces in which a body without a length was sent.
    pub(crate) chunks: Vec<usize>,
    /// Whether the body came to its own end.
    pub(crate) complete: bool,
}

impl Reply {
    fn parse(raw: &[u8]) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let head = std::str::from_utf8(&raw[..end]).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply =
            Self { status, headers, body: raw[end..].to_vec(), chunks: vec![], complete: false };
        match reply.header("content-length") {
            Some(length) => reply.complete = length.parse() == Ok(reply.body.len()),
            None => reply.dechunk(),
        }
        reply
    }

    fn dechunk(&mut self) {
        let raw = std::mem::take(&mut self.body);
        let mut rest = raw.as_slice();
        while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            rest = &rest[line + 2..];
            self.complete = size == 0;
            if size == 0 || rest.len() < size + 2 {
                break;
            }
            self.chunks.push(size);
            self.body.extend(&rest[..size]);
            rest = &rest[size + 2..];
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.0 == name);
        found.map(|header| header.1.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        events(&self.text())
    }
}

/// One event of a stream; `[DONE]` is a string.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: Option<String>,
    pub(crate) data: Value,
}

pub(crate) fn events(stream: &str) -> Vec<Event> {
    let stream = stream.replace("\r\n", "\n");
    let blocks = stream.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks
        .map(|block| {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            let data = field("data: ").unwrap_or_else(|| panic!("no data in {block}"));
            let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
            Event { name: field("event: ").map(str::to_owned), data }
        })
        .collect()
}

pub(crate) fn chat_body(extra: Value) -> Value {
    let mut body = json!({
        "model": "gpt-4o-mini",
        "messages": [{ "role": "user", "content": "Say hello" }],
    });
    merge(&mut body, extra);
    body
}

pub(crate) fn responses_body(extra: Value) -> Value {
    let mut body = json!({ "model": "gpt-4o-mini", "input": "Say hello", "store": false });
    merge(&mut body, extra);
    body
}

pub(crate) fn messages_body(extra: Value) -> Value {
    let mut body = json!({
        "model": "claude-sonnet-5", "max_tokens": 64,
        "messages": [{ "role": "user", "content": "Say hello" }],
    });
    merge(&mut body, extra);
    body
}

pub(crate) fn weather_tool() -> Value {
    json!({
        "name": "get_weather",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    })
}

fn merge(body: &mut Value, extra: Value) {
    let Value::Object(extra) = extra else { panic!("members expected") };
    body.as_object_mut().unwrap().extend(extra);
}
