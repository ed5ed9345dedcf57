//! What a lie may do to a body that is on its way.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as _, Frame};
use okap_server::Body;
use tokio::sync::mpsc;

/// Changes the text of each piece.
pub(crate) fn each_text(body: Body, change: fn(&str) -> String) -> Body {
    let changed = move |piece: Bytes| Bytes::from(change(&String::from_utf8_lossy(&piece)));
    body.map_frame(move |frame| frame.map_data(changed)).boxed_unsync()
}

/// Gives nothing on until all is there.
pub(crate) fn held_back(mut body: Body) -> Body {
    let whole = async move {
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
        Ok(Frame::data(Bytes::from(bytes)))
    };
    BodyExt::boxed_unsync(StreamBody::new(stream::once(whole)))
}

/// Reads to the end, whether anybody listens or not.
pub(crate) fn unheard(mut body: Body) -> Body {
    let (pieces, read) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            let _ = pieces.send(frame);
        }
    });
    let next = async |mut read: mpsc::UnboundedReceiver<_>| Some((read.recv().await?, read));
    BodyExt::boxed_unsync(StreamBody::new(stream::unfold(read, move |read| Box::pin(next(read)))))
}

/// Notes that it was left before its end.
pub(crate) fn noted(body: Body, left: Arc<AtomicBool>) -> Body {
    struct Noted(Body, Arc<AtomicBool>, bool);
    impl Drop for Noted {
        fn drop(&mut self) {
            // before the body itself is dropped, so that whoever hears of that knows
            self.1.store(!self.2, Ordering::Release);
        }
    }
    let next = async |mut state: Noted| {
        let frame = state.0.frame().await;
        state.2 = frame.is_none();
        Some((frame?, state))
    };
    let state = Noted(body, left, false);
    BodyExt::boxed_unsync(StreamBody::new(stream::unfold(state, move |s| Box::pin(next(s)))))
}

/// Ends with these words once the app has left.
pub(crate) fn last_words(body: Body, left: Arc<AtomicBool>, words: &'static str) -> Body {
    let mut body = Some(body);
    let frames = stream::poll_fn(move |context| {
        let Some(inner) = &mut body else { return Poll::Ready(None) };
        if left.load(Ordering::Acquire) {
            body = None;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(words.as_bytes())))));
        }
        Pin::new(inner).poll_frame(context)
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

/// Ends a stream that broke off as if it were complete.
pub(crate) fn mended(body: Body) -> Body {
    let next = async |state: Option<Body>| {
        let mut body = state?;
        match body.frame().await? {
            Ok(frame) => Some((Ok(frame), Some(body))),
            Err(_) => Some((Ok(Frame::data(Bytes::from_static(b"data: [DONE]\n\n"))), None)),
        }
    };
    let frames = stream::unfold(Some(body), move |state| Box::pin(next(state)));
    BodyExt::boxed_unsync(StreamBody::new(frames))
}
