//! The items of a JSON list out of chunks with borders anywhere.

use super::sse::{LONGEST, TooLong};

/// Cuts a stream that is one list of objects into its items; whatever the chunks, they are the same.
#[derive(Debug, Default)]
pub(super) struct Items {
    waiting: Vec<u8>,
    /// Up to where `waiting` was looked at.
    looked: usize,
    /// Where the object under way begins.
    begins: Option<usize>,
    depth: u32,
    in_text: bool,
    escaped: bool,
    closed: bool,
}

impl Items {
    /// Takes a chunk and hands out every item that it completes: all of its bytes with what stood
    /// before it, and its JSON. The end of the list is an item without JSON.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut item: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), TooLong> {
        self.waiting.extend_from_slice(chunk);
        let mut done = 0;
        while let Some(byte) = self.waiting.get(self.looked).copied() {
            let at = self.looked;
            self.looked = at.saturating_add(1);
            if self.ends(byte, at) {
                let json = self.begins.take().unwrap_or(self.looked);
                let all = self.waiting.get(done..self.looked).unwrap_or_default();
                item(all, self.waiting.get(json..self.looked).unwrap_or_default());
                done = self.looked;
            }
        }
        self.waiting.drain(..done);
        self.looked = self.looked.saturating_sub(done);
        self.begins = self.begins.map(|begins| begins.saturating_sub(done));
        if self.waiting.len() > LONGEST { Err(TooLong) } else { Ok(()) }
    }

    /// Whether the list came to its end.
    pub(super) const fn closed(&self) -> bool {
        self.closed
    }

    /// What is left when the stream ends.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        self.looked = 0;
        self.begins = None;
        std::mem::take(&mut self.waiting)
    }

    /// Whether a byte ends an item or the list.
    fn ends(&mut self, byte: u8, at: usize) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' | b'[' if self.depth > 0 => self.depth = self.depth.saturating_add(1),
            b'{' => {
                self.begins = Some(at);
                self.depth = 1;
            }
            b'}' | b']' if self.depth > 0 => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            b']' => {
                self.closed = true;
                return true;
            }
            _ => {}
        }
        false
    }
}
