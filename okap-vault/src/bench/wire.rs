//! As much of HTTP/1.1 as a benchmark needs, and cheap: it must not be what is measured.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest head that is read.
const LONGEST_HEAD: usize = 64 * 1024;
/// Longest body or chunk that is read.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// One connection, with what has been read and not yet used.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

/// What stands before a body.
#[derive(Debug)]
pub(super) struct Head {
    line: Bytes,
    length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

impl Head {
    /// Whether the body comes in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.length == Length::Chunked
    }

    /// The status of an answer; 0 where the line has none.
    pub(super) fn status(&self) -> u16 {
        let digits = self.line.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
    }
}

impl Wire {
    /// A connection that sends at once what it is given.
    pub(super) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(16 * 1024) })
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next head; `None` where the other side has closed between two messages.
    pub(super) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end.saturating_add(4)).freeze();
                return read_head(&head).map(Some);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(odd("a head of more than 64 KiB"));
            }
            match self.more().await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return if self.buffer.is_empty() { Ok(None) } else { Err(error) };
                }
                read => read?,
            }
        }
    }

    /// The body behind a head, whole.
    pub(super) async fn body(&mut self, head: &Head) -> io::Result<Bytes> {
        match head.length {
            Length::Known(length) => self.take(length).await,
            Length::Chunked => {
                let mut whole = BytesMut::new();
                while let Some(piece) = self.chunk().await? {
                    whole.extend_from_slice(&piece);
                    if whole.len() > LONGEST_BODY {
                        return Err(odd("a body of more than 16 MiB"));
                    }
                }
                Ok(whole.freeze())
            }
        }
    }

    /// The next piece of a chunked body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let end = loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n") {
                break end;
            }
            self.more().await?;
        };
        let line = self.buffer.split_to(end).freeze();
        self.buffer.advance(2);
        let size = line.as_ref().split(|b| *b == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size).ok().map(str::trim);
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| odd("a chunk without a size"))?;
        let piece = self.take(size).await?;
        self.take(2).await?;
        Ok((size > 0).then_some(piece))
    }

    async fn take(&mut self, length: usize) -> io::Result<Bytes> {
        if length > LONGEST_BODY {
            return Err(odd("a body of more than 16 MiB"));
        }
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn read_head(head: &Bytes) -> io::Result<Head> {
    let mut lines = head.split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut length = Length::Known(0);
    for line in lines {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value.get(1..).and_then(|digits| std::str::from_utf8(digits).ok());
            let known = digits.and_then(|digits| digits.trim().parse().ok());
            length = Length::Known(known.ok_or_else(|| odd("a length that is no number"))?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            length = Length::Chunked;
        }
    }
    Ok(Head { line: head.slice_ref(first), length })
}

fn odd(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn heard(text: &'static str) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut says = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        says.write_all(text.as_bytes()).await.unwrap();
        Wire::over(stream).unwrap()
    }

    #[tokio::test]
    async fn a_body_of_known_length_is_read_and_the_next_answer_stays() {
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 402 No\r\n\r\n";
        let mut wire = heard(two).await;
        let head = wire.head().await.unwrap().unwrap();
        assert_eq!((head.status(), &*wire.body(&head).await.unwrap()), (200, &b"ok"[..]));
        let head = wire.head().await.unwrap().unwrap();
        assert_eq!((head.status(), wire.body(&head).await.unwrap().len()), (402, 0));
        assert!(wire.head().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_chunked_body_is_read_piece_by_piece() {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n5;x=y\r\nthree\r\n0\r\n\r\n";
        let mut wire = heard(text).await;
        let head = wire.head().await.unwrap().unwrap();
        assert!(head.is_chunked());
        assert_eq!(&*wire.chunk().await.unwrap().unwrap(), b"one");
        assert_eq!(&*wire.chunk().await.unwrap().unwrap(), b"three");
        assert!(wire.chunk().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_breaks_off_is_an_error_and_no_short_body() {
        let mut wire = heard("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok").await;
        let head = wire.head().await.unwrap().unwrap();
        assert_eq!(wire.body(&head).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
