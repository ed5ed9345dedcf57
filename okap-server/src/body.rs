//! Bodies, bounded in size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};

/// An error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is here already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    TooLarge,
    TooSlow,
    Broken,
}

/// Reads a body whole, within a number of bytes and a time.
pub(crate) async fn read<B>(body: B, most: usize, within: Duration) -> Result<Bytes, ReadError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > most {
        return Err(ReadError::TooLarge);
    }
    let reading = async {
        let mut body = std::pin::pin!(body);
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ReadError::Broken)?;
            if let Ok(mut data) = frame.into_data() {
                use bytes::{Buf, BufMut};
                if bytes.len() + data.remaining() > most {
                    return Err(ReadError::TooLarge);
                }
                if bytes.is_empty() && body.is_end_stream() {
                    // all in one piece, as it is
                    return Ok(data.copy_to_bytes(data.remaining()));
                }
                while data.has_remaining() {
                    let chunk = data.chunk();
                    let taken = chunk.len();
                    bytes.put_slice(chunk);
                    data.advance(taken);
                }
            }
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(within, reading).await.unwrap_or(Err(ReadError::TooSlow))
}
