//! How requests reach the vault: bring your own HTTP stack by implementing one method.

use std::{error::Error, fmt, future::Future, pin::Pin};

#[cfg(feature = "reqwest")]
mod reqwest;

#[cfg(feature = "reqwest")]
pub(crate) use self::reqwest::Reqwest;

/// Most bytes of an answer's body that the client reads, 256 KiB.
pub const MAX_ANSWER: usize = 256 * 1024;

/// The answer to come of [`Transport::send`].
pub type Sending<'a> =
    Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, TransportError>> + Send + 'a>>;

/// Sends a request to the vault and brings back its answer.
///
/// # Behavior
/// - Sends the request once, to the host in its URI, over TLS with a checked certificate where
///   the scheme is `https`.
/// - Follows no redirect: a `3xx` is an answer like any other.
/// - Adds no cookie and no credential; writes no body and no `authorization` header to a log.
/// - May stop reading a body once it is longer than [`MAX_ANSWER`]; the client refuses it then.
/// - Sets no deadline: the client drops the future when time is over.
///
/// # Errors
/// [`TransportError`] where there is no complete answer. An answer of any status is no error.
///
/// ```
/// use okap_client::transport::{Sending, Transport, TransportError};
///
/// struct Offline;
///
/// impl Transport for Offline {
///     fn send(&self, _: http::Request<Vec<u8>>) -> Sending<'_> {
///         Box::pin(async { Err(TransportError::new("no network here")) })
///     }
/// }
/// ```
pub trait Transport: Send + Sync {
    /// Sends one request.
    fn send(&self, request: http::Request<Vec<u8>>) -> Sending<'_>;
}

/// Says why there is no answer.
#[derive(Debug)]
pub struct TransportError(Box<dyn Error + Send + Sync>);

impl TransportError {
    /// Wraps the HTTP stack's own error, or a sentence.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
