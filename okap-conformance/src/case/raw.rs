//! A connection on which a test writes what it likes and leaves when it likes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Case, Grant, Prompt};
use crate::{
    http::{self, Stream},
    outcome::Stop,
    transcript::Exchange,
};

/// How long a read waits for the next byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes that are read of one connection.
const LONGEST: usize = 8 * 1024 * 1024;

/// A connection to the vault. Dropped, it is closed.
pub struct Raw {
    stream: Stream,
    sent: Vec<u8>,
    came: Vec<u8>,
}

impl Case {
    /// A connection to the vault, from where all calls of the test come.
    ///
    /// # Errors
    /// [`Stop::Broken`] where there is none.
    pub async fn connect(&self) -> Result<Raw, Stop> {
        let issuer = self.issuer();
        let url = issuer.parse().map_err(|error| Stop::Broken(format!("{issuer}: {error}")))?;
        let (source, trust) = (Some(self.source()), &self.stage.target.trust);
        let stream = http::connect(&url, source, trust).await.map_err(|e| broken(issuer, &e))?;
        Ok(Raw { stream, sent: Vec::new(), came: Vec::new() })
    }

    /// Host and port of the vault.
    #[must_use]
    pub fn authority(&self) -> String {
        let behind = self.issuer().split_once("://").map_or("", |(_, rest)| rest);
        behind.split('/').next().unwrap_or_default().to_owned()
    }

    /// The head of a chat call over HTTP/1.1, up to the empty line, with these headers beside those
    /// that it needs and none for its length.
    #[must_use]
    pub fn head(&self, grant: &Grant, more: &str) -> String {
        let behind = grant.base_url.split_once("://").map_or("", |(_, rest)| rest);
        let path = behind.find('/').map_or("", |at| behind.split_at(at).1);
        format!(
            "POST {path}/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n{more}\r\n",
            self.authority(),
            grant.token
        )
    }

    /// Begins a chat call as a stream and reads until its first event with words is there.
    ///
    /// # Errors
    /// [`Stop::Failed`] where none comes.
    pub async fn begin_stream(&self, grant: &Grant, prompt: &Prompt) -> Result<Raw, Stop> {
        let body = prompt.body().to_string();
        let mut raw = self.connect().await?;
        let length = format!("content-length: {}\r\n", body.len());
        raw.write(&format!("{}{body}", self.head(grant, &length))).await?;
        match raw.read_until("said:").await {
            true => Ok(raw),
            false => {
                self.note(&raw);
                let observed = raw.text();
                Err(Stop::failed("OKAP-R-312", "the first words of a stream", observed))
            }
        }
    }

    /// Writes down what went over a connection.
    pub fn note(&self, raw: &Raw) {
        let (sent, came) = (lossy(&raw.sent), lossy(&raw.came));
        self.transcript.write(
            Exchange {
                number: 0,
                at_ms: 0,
                took_ms: 0,
                method: "RAW".to_owned(),
                url: self.issuer().to_owned(),
                headers: Vec::new(),
                body: sent,
                status: raw.status(),
                answer_headers: Vec::new(),
                answer: came,
                ca: self.stage.target.trust.file_at(self.issuer()),
            },
            raw.came.clone(),
        );
    }
}

impl Raw {
    /// Writes these bytes.
    ///
    /// # Errors
    /// [`Stop::Broken`] where the connection is closed.
    pub async fn write(&mut self, text: &str) -> Result<(), Stop> {
        self.sent.extend_from_slice(text.as_bytes());
        let written = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        written.await.map_err(|e| broken("the vault", &e))
    }

    /// Reads until this text has come; `false` where the connection ended, nothing came for ten
    /// seconds, or 8 MiB came without it.
    pub async fn read_until(&mut self, text: &str) -> bool {
        self.read_until_within(text, PATIENCE).await
    }

    /// As [`read_until`](Self::read_until), with another patience between two bytes.
    pub async fn read_until_within(&mut self, text: &str, patience: Duration) -> bool {
        while !self.text().contains(text) {
            if self.read(patience).await != Some(true) {
                return false;
            }
        }
        true
    }

    /// Reads to the end of the connection; `false` where it is open still when nothing came for so
    /// long, or 8 MiB have come.
    pub async fn read_to_end(&mut self, patience: Duration) -> bool {
        loop {
            match self.read(patience).await {
                Some(true) => {}
                Some(false) => return true,
                None => return false,
            }
        }
    }

    /// What came so far.
    #[must_use]
    pub fn text(&self) -> String {
        lossy(&self.came)
    }

    /// The status of the first answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let text = self.text();
        text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// Whether bytes came or the other side closed; `None` where neither did in time, or enough came.
    async fn read(&mut self, patience: Duration) -> Option<bool> {
        if self.came.len() >= LONGEST {
            return None;
        }
        let mut buffer = [0; 4096];
        let read = timeout(patience, self.stream.read(&mut buffer)).await.ok()?;
        // a connection that was reset has ended, too
        let count = read.unwrap_or_default();
        self.came.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Some(count > 0)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn broken(to: &str, error: &std::io::Error) -> Stop {
    Stop::Broken(format!("no connection to {to}: {error}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn to_one_that_says(bytes: usize, ends: bool) -> Raw {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream: Stream = Box::new(stream);
        let (mut other, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let _ = other.write_all(&vec![b' '; bytes]).await;
            while !ends && other.write_all(b" ").await.is_ok() {}
        });
        Raw { stream, sent: Vec::new(), came: Vec::new() }
    }

    #[tokio::test]
    async fn what_has_no_end_is_not_read_for_ever() {
        let mut endless = to_one_that_says(LONGEST, false).await;
        assert!(!endless.read_to_end(PATIENCE).await);
        assert!(endless.came.len() < LONGEST + 4096);
        let mut short = to_one_that_says(LONGEST / 2, true).await;
        assert!(short.read_to_end(PATIENCE).await);
    }
}
