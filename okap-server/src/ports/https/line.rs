//! A connection that carries one request at a time, driven by whoever waits for the answer: there is
//! no task beside it that would have to be woken for each piece.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Instant,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1},
};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::pool::{Place, Pool};
use crate::BoxError;

type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// An HTTP/1.1 connection.
pub(super) struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Box<http1::Connection<Io, Full<Bytes>>>>,
    bell: Arc<Bell>,
    /// The bell, as the connection has it.
    rope: Waker,
}

/// Wakes whoever drives a connection, but for what he does himself: the connection rings whenever a
/// piece was taken of what it has read, as if somebody else had to go on with it.
#[derive(Debug, Default)]
struct Bell {
    driver: AtomicWaker,
    state: AtomicU8,
}

/// The bell wakes.
const LOUD: u8 = 0;
/// It does not, while a piece is taken.
const MUTED: u8 = 1;
/// It has rung meanwhile: by that, or since more has come.
const RUNG: u8 = 2;

impl Bell {
    /// Takes a piece; where there was none and the bell has rung, more has come, and it rings again.
    fn muted<T>(&self, take: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.state.store(MUTED, Ordering::Release);
        let taken = take();
        if self.state.swap(LOUD, Ordering::AcqRel) == RUNG && taken.is_pending() {
            self.driver.wake();
        }
        taken
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let rung = self.state.compare_exchange(MUTED, RUNG, Ordering::AcqRel, Ordering::Acquire);
        if rung == Err(LOUD) {
            self.driver.wake();
        }
    }
}

/// What went wrong, and the request where nothing of it was sent.
pub(super) struct Unsent {
    pub(super) request: Option<Request<Full<Bytes>>>,
    pub(super) error: hyper::Error,
}

impl From<TrySendError<Request<Full<Bytes>>>> for Unsent {
    fn from(mut error: TrySendError<Request<Full<Bytes>>>) -> Self {
        Self { request: error.take_message(), error: error.into_error() }
    }
}

impl Line {
    pub(super) fn new(
        sender: http1::SendRequest<Full<Bytes>>,
        connection: http1::Connection<Io, Full<Bytes>>,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        let rope = Waker::from(bell.clone());
        Self { sender, connection: Some(Box::new(connection)), bell, rope }
    }

    /// Lets the connection read and write as far as it can.
    fn drive(&mut self, context: &mut Context<'_>) {
        self.bell.driver.register(context.waker());
        let mut context = Context::from_waker(&self.rope);
        let connection = self.connection.as_mut();
        let driven = connection.map(|connection| Pin::new(connection).poll(&mut context));
        if driven.is_some_and(|ended| ended.is_ready()) {
            // what waits for an answer of it hears of the end by this
            self.connection = None;
        }
    }

    /// Whether it takes another request, as far as can be seen: the provider may have closed it.
    pub(super) fn is_free(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Self), Unsent> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|context| {
            self.drive(context);
            // only the connection brings it, and has just been driven: nobody needs waking
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        let answer = answer.await?;
        Ok((answer, self))
    }

    /// The rest of an answer, which carries its connection along.
    pub(super) fn carrying(self, body: Incoming, back: (Arc<Pool>, Place)) -> Coming {
        let (pool, place) = back;
        Coming { body, line: Some((self, pool, place)) }
    }
}

/// A body that drives its connection, and gives it back at its end. Dropped before, it closes the
/// connection, and so ends the provider's work.
pub(super) struct Coming {
    body: Incoming,
    /// The connection, and where it goes back to; none once it has.
    line: Option<(Line, Arc<Pool>, Place)>,
}

impl Coming {
    /// What is here already. Whoever has got something asks again for more, and needs no waking.
    fn read(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, line } = self;
        // as above: the connection alone brings it
        let mut take = || Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop()));
        match line {
            Some((line, ..)) => line.bell.muted(take),
            None => take(),
        }
    }

    fn give_back(&mut self) {
        if let Some((mut line, pool, place)) = self.line.take()
            && line.is_free()
        {
            pool.put(place, line, Instant::now());
        }
    }
}

impl Body for Coming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let coming = self.get_mut();
        let mut frame = coming.read();
        if frame.is_pending()
            && let Some((line, ..)) = &mut coming.line
        {
            line.drive(context);
            frame = coming.read();
        }
        if matches!(frame, Poll::Ready(None)) || coming.body.is_end_stream() {
            coming.give_back();
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
