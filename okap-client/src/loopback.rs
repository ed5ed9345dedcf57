//! The listener that the browser comes back to (RFC 8252 section 7.3).

use std::{
    future::poll_fn,
    io::ErrorKind::{ConnectionAborted, ConnectionReset},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    Error,
    callback::{Callback, Expected, judge},
    error::Kind,
};

/// How long the browser may take.
pub(crate) const OPEN: Duration = Duration::from_secs(300);
/// How long one connection may take to send its request.
const READ: Duration = Duration::from_secs(5);
/// Most bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// Most connections at a time; browsers open some that they never use.
const MAX_TALKS: usize = 16;
const PATH: &str = "/callback";

/// A port on this computer, open until the answer is there.
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

enum Heard {
    Genuine(Callback),
    /// An answer that is not ours; says why.
    Foreign(&'static str),
    /// Not an answer at all, with the status it gets.
    Noise(&'static str),
}

impl Loopback {
    /// Opens a port that the system chooses, for this computer only.
    pub(crate) async fn bind() -> Result<Self, Error> {
        let failed = |e| Error::local("no port on 127.0.0.1 to listen on", e);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where the browser shall come back to, with the port that is really open.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Listens until the genuine answer comes. Any other is told so and changes nothing.
    pub(crate) async fn wait(self, expected: Expected) -> Result<Callback, Error> {
        let expected = Arc::new((expected, self.address.to_string()));
        let mut talks = JoinSet::new();
        let mut refused = None;
        let listen = async {
            loop {
                match poll_fn(|cx| self.next(cx, &mut talks, &expected)).await? {
                    Heard::Genuine(callback) => return Ok(callback),
                    Heard::Foreign(why) => refused = Some(why),
                    Heard::Noise(_) => {}
                }
            }
        };
        tokio::time::timeout(OPEN, listen).await.unwrap_or_else(|_| {
            let refused = refused.map(|why| format!("; the last one was refused: {why}"));
            let text = format!(
                "the browser brought no valid answer within {} s{}",
                OPEN.as_secs(),
                refused.unwrap_or_default()
            );
            Err(Error::new(Kind::Timeout, text))
        })
    }

    /// Takes new connections while there is room and gives what a finished one heard.
    fn next(
        &self,
        cx: &mut Context<'_>,
        talks: &mut JoinSet<Heard>,
        expected: &Arc<(Expected, String)>,
    ) -> Poll<Result<Heard, Error>> {
        loop {
            while talks.len() < MAX_TALKS
                && let Poll::Ready(stream) = self.listener.poll_accept(cx)
            {
                let stream = match stream {
                    Ok((stream, _)) => stream,
                    // that one caller went away before its turn
                    Err(e) if matches!(e.kind(), ConnectionAborted | ConnectionReset) => continue,
                    Err(e) => return Poll::Ready(Err(Error::local("the loopback port failed", e))),
                };
                let expected = Arc::clone(expected);
                talks.spawn(async move { talk(stream, &expected.0, &expected.1).await });
            }
            match talks.poll_join_next(cx) {
                Poll::Ready(Some(Ok(heard))) => return Poll::Ready(Ok(heard)),
                Poll::Ready(Some(Err(_))) => {}
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Reads one request and answers it.
async fn talk(mut stream: TcpStream, expected: &Expected, host: &str) -> Heard {
    let heard = match tokio::time::timeout(READ, head(&mut stream)).await {
        Ok(Ok(head)) => hear(&head, expected, host),
        Ok(Err(status)) => Heard::Noise(status),
        Err(_) => Heard::Noise("408 Request Timeout"),
    };
    let (status, text) = match &heard {
        Heard::Genuine(_) => ("200 OK", "You can close this tab and go back to the app."),
        Heard::Foreign(_) => {
            ("400 Bad Request", "This answer does not belong to the request of the app.")
        }
        Heard::Noise(status) => (*status, "Nothing to see here."),
    };
    // if the browser is gone, the answer counts all the same
    let _ = tokio::time::timeout(READ, async {
        stream.write_all(page(status, text).as_bytes()).await?;
        stream.shutdown().await
    })
    .await;
    heard
}

fn page(status: &str, text: &str) -> String {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>OKAP</title></head>\
         <body><main><p>{text}</p></main></body></html>\n"
    );
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
         content-security-policy: default-src 'none'; frame-ancestors 'none'\r\nconnection: close\r\n\r\n{html}",
        html.len()
    )
}

/// Reads up to the empty line. The error is the status to answer with.
async fn head(stream: &mut TcpStream) -> Result<String, &'static str> {
    let mut head = Vec::new();
    let mut part = [0; 2048];
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut part).await.map_err(|_| "400 Bad Request")?;
        let part = part.get(..read).filter(|p| !p.is_empty()).ok_or("400 Bad Request")?;
        head.extend_from_slice(part);
        if head.len() > MAX_HEAD {
            return Err("431 Request Header Fields Too Large");
        }
    }
    String::from_utf8(head).map_err(|_| "400 Bad Request")
}

/// Judges a request.
fn hear(head: &str, expected: &Expected, host: &str) -> Heard {
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Heard::Noise("400 Bad Request");
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path != PATH {
        return Heard::Noise("404 Not Found");
    }
    if method != "GET" {
        return Heard::Noise("405 Method Not Allowed");
    }
    // a page elsewhere may have pointed its own name at this computer
    let named = |l: &str| {
        l.split_once(':').is_some_and(|(n, v)| n.eq_ignore_ascii_case("host") && v.trim() == host)
    };
    if !lines.any(named) {
        return Heard::Noise("421 Misdirected Request");
    }
    match judge(query, expected) {
        Ok(callback) => Heard::Genuine(callback),
        Err(why) => Heard::Foreign(why),
    }
}
