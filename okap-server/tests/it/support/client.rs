use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use super::{Ask, House, Notes, PATIENCE};

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body came to its own end.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of an error, in any of the shapes.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        let found =
            [&body["error"]["code"], &body["error"]["type"], &body["error"], &body["error_code"]];
        found.iter().find_map(|code| code.as_str()).unwrap_or_default().to_owned()
    }

    /// Status and code, to compare with one look.
    pub(crate) fn says(&self) -> (u16, String) {
        match self.status {
            200..400 => (self.status, String::new()),
            _ => (self.status, self.code()),
        }
    }

    /// The `data` of every event of a stream.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n");
        let lines = text.split("\n\n").flat_map(str::lines);
        lines.filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }
}

/// An answer on its way. Dropping it is hanging up.
pub(crate) struct Flow {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    seen: Vec<u8>,
    /// Where the body begins in `seen`.
    head: usize,
    connection: JoinHandle<()>,
    notes: Arc<Notes>,
}

impl Flow {
    /// The body so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen[self.head..]).into_owned()
    }

    /// The next piece; `None` at a clean end, an error where the stream broke.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            let frame =
                timeout(PATIENCE, self.body.frame()).await.expect("the stream stands still")?;
            match frame.map(http_body::Frame::into_data) {
                Ok(Ok(data)) => {
                    self.seen.extend_from_slice(&data);
                    return Some(Ok(data));
                }
                Ok(Err(_)) => {}
                Err(error) => return Some(Err(error.to_string())),
            }
        }
    }

    /// Reads until a text has come so often.
    pub(crate) async fn until(&mut self, text: &str, times: usize) {
        while self.text().matches(text).count() < times {
            match self.next().await {
                Some(Ok(_)) => {}
                other => panic!("ended early with {other:?}: {}", self.text()),
            }
        }
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Answer {
        let whole = loop {
            match self.next().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => break false,
                None => break true,
            }
        };
        let body = Bytes::copy_from_slice(&self.seen[self.head..]);
        Answer { status: self.status, headers: self.headers.clone(), body, whole }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.connection.abort();
        self.notes.take(std::mem::take(&mut self.seen));
    }
}

impl House {
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        // whole answers only: the line may be cut behind them, so that no port waits for a minute
        self.call(&self.host(), ask, true).await.rest().await
    }

    /// Sends a request and returns with the head of its answer.
    pub(crate) async fn flow(&self, ask: Ask) -> Flow {
        self.flow_at(&self.host(), ask).await
    }

    /// As [`flow`](Self::flow), to another node.
    pub(crate) async fn flow_at(&self, host: &str, ask: Ask) -> Flow {
        self.call(host, ask, false).await
    }

    async fn call(&self, host: &str, ask: Ask, cut: bool) -> Flow {
        let socket = TcpSocket::new_v4().unwrap();
        // a bound port is no other's for a minute; only who must come from elsewhere takes one
        if ask.from != Ipv4Addr::LOCALHOST {
            socket.bind(SocketAddr::new(ask.from, 0)).unwrap();
        }
        if cut {
            socket.set_zero_linger().unwrap();
        }
        let stream = socket.connect(host.parse().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut request = Request::builder().method(ask.method).uri(ask.target);
        if !ask.headers.iter().any(|(name, _)| name == header::HOST) {
            request = request.header(header::HOST, host);
        }
        let mut request = request.body(Full::new(ask.body)).unwrap();
        for (name, value) in ask.headers {
            request.headers_mut().append(name, value);
        }
        let answer =
            timeout(PATIENCE * 2, sender.send_request(request)).await.expect("no answer").unwrap();
        let (head, body) = answer.into_parts();
        let mut seen = format!("{}\n", head.status).into_bytes();
        for (name, value) in &head.headers {
            seen.extend_from_slice(name.as_str().as_bytes());
            seen.extend_from_slice(b": ");
            seen.extend_from_slice(value.as_bytes());
            seen.push(b'\n');
        }
        Flow {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            head: seen.len(),
            seen,
            connection,
            notes: self.notes.clone(),
        }
    }

    /// A bare connection.
    pub(crate) async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.host()).await.unwrap()
    }

    /// Sends bytes as they are and reads until the vault hangs up, or says no more.
    pub(crate) async fn speak(&self, bytes: &[u8]) -> String {
        let mut stream = self.dial().await;
        stream.write_all(bytes).await.unwrap();
        self.hear(&mut stream).await
    }

    /// Reads until the other side hangs up, or says no more for a while.
    pub(crate) async fn hear(&self, stream: &mut TcpStream) -> String {
        let mut heard = Vec::new();
        let mut wait = PATIENCE;
        while let Ok(Ok(1..)) = timeout(wait, stream.read_buf(&mut heard)).await {
            wait = Duration::from_millis(300);
        }
        self.notes.take(heard.clone());
        String::from_utf8_lossy(&heard).into_owned()
    }
}
