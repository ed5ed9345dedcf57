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
use tokio::{net::TcpStream, task::unconstrained};

use super::pool::{Place, Pool};
use crate::BoxError;

type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

/// An HTTP/1.1 connection.
pub(super) struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Box<http1::Connection<Io, Full<Bytes>>>>,
    waker: Arc<DriverWaker>,
    /// The same, as the connection has it.
    handed: Waker,
}

/// Wakes whoever drives a connection, but for what he does himself: the connection wakes whenever a
/// piece was taken of what it has read, as if somebody else had to go on with it.
#[derive(Debug, Default)]
struct DriverWaker {
    driver: AtomicWaker,
    state: AtomicU8,
}

/// A piece is being taken: wakes are held back.
const HELD: u8 = 1;
/// One was: by that, or since more has come.
const WOKEN: u8 = 2;

impl DriverWaker {
    /// Takes a piece; where there was none, a wake that was held back goes on.
    fn holding<T>(&self, take: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.state.store(HELD, Ordering::Release);
        let taken = take();
        let woken = self.state.swap(0, Ordering::AcqRel) & WOKEN != 0;
        if woken && taken.is_pending() {
            self.driver.wake();
        }
        taken
    }
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // an exchange in any case, so that whoever finds it sees what came before
        if self.state.fetch_or(WOKEN, Ordering::AcqRel) & HELD == 0 {
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
        let waker = Arc::new(DriverWaker::default());
        let handed = Waker::from(waker.clone());
        Self { sender, connection: Some(Box::new(connection)), waker, handed }
    }

    /// Lets the connection read and write as far as it can.
    fn drive(&mut self, context: &mut Context<'_>) {
        self.waker.driver.register(context.waker());
        let mut context = Context::from_waker(&self.handed);
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
        // it must not be put off: nobody would be woken for it
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
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
            Some((line, ..)) => line.waker.holding(take),
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

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, AtomicUsize},
        thread,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn driven() -> (Arc<DriverWaker>, Arc<Count>) {
        let (own, count) = (Arc::new(DriverWaker::default()), Arc::new(Count::default()));
        own.driver.register(&Waker::from(count.clone()));
        (own, count)
    }

    #[test]
    fn a_wake_is_held_back_where_a_piece_was_taken_and_nowhere_else() {
        let woken = |count: &Count| count.0.load(Ordering::SeqCst);
        let (own, count) = driven();
        assert!(
            own.holding(|| {
                own.wake_by_ref();
                Poll::Ready(())
            })
            .is_ready()
        );
        assert_eq!(woken(&count), 0);
        own.wake_by_ref();
        assert_eq!(woken(&count), 1);

        let (own, count) = driven();
        assert!(
            own.holding(|| {
                own.wake_by_ref();
                Poll::<()>::Pending
            })
            .is_pending()
        );
        assert_eq!(woken(&count), 1);

        let (own, count) = driven();
        assert!(own.holding(|| Poll::<()>::Pending).is_pending());
        assert_eq!(woken(&count), 0);
        own.wake_by_ref();
        assert_eq!(woken(&count), 1);
    }

    /// On the spot at first, then as one of many.
    fn wait(until: impl Fn() -> bool) {
        let began = Instant::now();
        for tries in 0_u64.. {
            if until() {
                return;
            }
            match tries < 1_000 {
                true => std::hint::spin_loop(),
                false => thread::yield_now(),
            }
            assert!(began.elapsed().as_secs() < 20, "it was missed");
        }
    }

    /// What another thread brings while it is looked for: found at once, or woken for.
    #[test]
    fn a_piece_of_another_thread_is_found_or_woken_for() {
        const PIECES: u64 = 20_000;
        let own = Arc::new(DriverWaker::default());
        let (brought, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let other = {
            let (own, brought, taken) = (own.clone(), brought.clone(), taken.clone());
            thread::spawn(move || {
                for piece in 1..=PIECES {
                    brought.store(piece, Ordering::Release);
                    own.wake_by_ref();
                    wait(|| taken.load(Ordering::Acquire) >= piece);
                }
            })
        };
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut heard = 0;
        for piece in 1..=PIECES {
            loop {
                own.driver.register(&waker);
                let look = || match brought.load(Ordering::Acquire) >= piece {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                };
                if own.holding(look).is_ready() {
                    taken.store(piece, Ordering::Release);
                    break;
                }
                wait(|| count.0.load(Ordering::SeqCst) > heard);
                heard = count.0.load(Ordering::SeqCst);
            }
        }
        other.join().unwrap();
    }
}
