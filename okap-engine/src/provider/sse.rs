//! Server-sent events out of chunks with borders anywhere.

use std::borrow::Cow;

use memchr::memchr2;

/// Longest event of a stream of words or sound.
pub(super) const LONGEST: usize = 8 * 1024 * 1024;
/// Longest event with an image in it: 8 million pixels that do not compress.
pub(super) const LONGEST_IMAGE: usize = 32 * 1024 * 1024;

/// The stream holds an event beyond all measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Cuts a byte stream into events; whatever the chunks, the events are the same.
#[derive(Debug)]
pub(super) struct Events {
    longest: usize,
    waiting: Vec<u8>,
    /// Up to where `waiting` is known to hold no end of an event.
    searched: usize,
}

impl Events {
    /// No event has more bytes than `longest`.
    pub(super) const fn up_to(longest: usize) -> Self {
        Self { longest, waiting: Vec::new(), searched: 0 }
    }

    /// Takes a chunk and hands out every event that it completes, with its final blank line.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut event: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        self.waiting.extend_from_slice(chunk);
        let mut done = 0;
        while let Some(end) = self.end_of_event(done) {
            event(self.waiting.get(done..end).unwrap_or_default());
            done = end;
            self.searched = end;
        }
        self.waiting.drain(..done);
        // an end is at most four bytes, some of which may be here already
        self.searched = self.waiting.len().saturating_sub(3);
        if self.waiting.len() > self.longest { Err(TooLong) } else { Ok(()) }
    }

    /// What is left when the stream ends: an event without its blank line.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.waiting)
    }

    fn end_of_event(&self, from: usize) -> Option<usize> {
        let mut at = self.searched.max(from);
        loop {
            at += memchr2(b'\n', b'\r', self.waiting.get(at..)?)?;
            let rest = self.waiting.get(at..)?;
            for blank in [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n", b"\r\r"] {
                if rest.starts_with(blank) {
                    return Some(at + blank.len());
                }
            }
            at += 1;
        }
    }
}

/// The `data` of an event, its lines joined; `None` where it has none.
pub(super) fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut data: Option<Cow<'_, [u8]>> = None;
    for line in event.split(|b| matches!(b, b'\n' | b'\r')) {
        let Some(value) = line.strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut data {
            None => data = Some(Cow::Borrowed(value)),
            Some(data) => {
                let data = data.to_mut();
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
    }
    data
}
