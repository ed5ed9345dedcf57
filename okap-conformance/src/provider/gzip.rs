//! Wraps a body as gzip without compressing it: every piece becomes one stored block.

use bytes::Bytes;

use super::reply::Frame;

const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
const LAST_BLOCK: [u8; 5] = [1, 0, 0, 0xff, 0xff];

pub(super) fn wrap(frames: Vec<Frame>) -> Vec<Frame> {
    let mut sum = crc32fast::Hasher::new();
    let mut length = 0_u32;
    let mut wrapped = vec![Frame::free(HEAD.to_vec())];
    for frame in frames {
        sum.update(&frame.data);
        // The format keeps the length modulo 2^32.
        length = length.wrapping_add(frame.data.len() as u32);
        let blocks: Vec<u8> = frame.data.chunks(usize::from(u16::MAX)).flat_map(block).collect();
        wrapped.push(Frame::new(Bytes::from(blocks), frame.tokens));
    }
    let mut tail = LAST_BLOCK.to_vec();
    tail.extend(sum.finalize().to_le_bytes());
    tail.extend(length.to_le_bytes());
    wrapped.push(Frame::free(tail));
    wrapped
}

fn block(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut block = vec![0];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend(data);
    block
}
