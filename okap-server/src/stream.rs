//! A streamed answer on its way: forwarded as it comes, metered as it passes, settled at its end.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use okap_engine::{admit, provider, provider::Meter, record::End, refusal::Refusal};
use okap_types::{Provider, Secret};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout, timeout_at},
};

use crate::{BoxError, Consent, Vault, body::Body, core::Core, holder::Holder, proxy::Running};

/// How often a running stream looks whether its grant still stands.
const STANDING: Duration = Duration::from_millis(400);
/// How long a stream goes on while the store cannot say whether its grant still stands.
const UNSURE: Duration = Duration::from_secs(10);
/// How much is read ahead of an app that takes its time.
const AHEAD: usize = 256 * 1024;
/// How much of small pieces that are here goes on together.
const TOGETHER: usize = 16 * 1024;
/// How long what a provider has sent already is looked for when its stream is left early.
const GLEANING: Duration = Duration::from_millis(200);
/// How long no more of it comes.
const GLEANED: Duration = Duration::from_millis(25);
/// How long a provider may take to close behind its last word, for the connection to be used again.
const CLOSING: Duration = Duration::from_secs(1);

type ToApp = mpsc::Sender<Result<Bytes, BoxError>>;

/// Carries a stream to the app in a task of its own, so that it is settled whatever the app does.
pub(crate) fn pump<V: Vault, C: Consent>(
    core: Arc<Core<V, C>>,
    running: Box<Running<V, C>>,
    upstream: Body,
    status: u16,
    key: Option<&Secret<String>>,
) -> Body {
    let (to_app, from_task) = mpsc::channel::<Result<Bytes, BoxError>>(1);
    let meter = Meter::new(&running.call).watching(key);
    tokio::spawn(carry(core, running, meter, upstream, status, to_app));
    let frames = stream::unfold(from_task, |mut from_task| async move {
        from_task.recv().await.map(|chunk| (chunk.map(Frame::data), from_task))
    });
    StreamBody::new(frames.boxed()).boxed_unsync()
}

async fn carry<V: Vault, C: Consent>(
    core: Arc<Core<V, C>>,
    running: Box<Running<V, C>>,
    mut meter: Meter,
    upstream: Body,
    status: u16,
    to_app: ToApp,
) {
    let mut upstream = Some(upstream);
    let mut waiting = VecDeque::<Bytes>::new();
    let mut ahead = 0_usize;
    let mut fell_behind = false;
    let mut standing = interval(STANDING);
    standing.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut patience = Instant::now() + core.config.silence;
    // when the store last said that the grant stands
    let (mut sure, mut unsure) = (Instant::now(), false);
    let end = loop {
        if upstream.is_none() && waiting.is_empty() {
            return;
        }
        fell_behind |= ahead >= AHEAD;
        let frame = tokio::select! {
            biased;
            () = to_app.closed() => break End::AppLeft,
            _ = standing.tick() => {
                match timeout(STANDING, stands(&core, &running)).await.unwrap_or(None) {
                    Some(true) => sure = Instant::now(),
                    Some(false) => break End::Revoked,
                    None if sure.elapsed() >= UNSURE => {
                        unsure = true;
                        break End::Revoked;
                    }
                    None => {}
                }
                continue;
            }
            room = to_app.reserve(), if !waiting.is_empty() => {
                if let (Ok(room), Some(chunk)) = (room, waiting.pop_front()) {
                    ahead = ahead.saturating_sub(chunk.len());
                    room.send(Ok(chunk));
                }
                patience = Instant::now() + core.config.silence;
                continue;
            }
            frame = next(&mut upstream), if ahead < AHEAD => frame,
            () = sleep_until(patience) => match ahead < AHEAD && upstream.is_some() {
                true => break End::TimedOut,
                // it is the app that does not take what is there
                false => break End::AppLeft,
            },
        };
        let (out, broke) = taken(&mut meter, &mut upstream, frame);
        patience = Instant::now() + core.config.silence;
        if meter.metered().complete {
            // the last words go out once the row is durable
            if settle(&core, &running, &meter, status, End::Finished).await.is_err() {
                break End::UpstreamBroke;
            }
            if let Some(rest) = upstream.take() {
                tokio::spawn(close(rest));
            }
        }
        if !out.is_empty() {
            ahead = ahead.saturating_add(out.len());
            waiting.push_back(out.into());
        }
        if broke {
            break End::UpstreamBroke;
        }
    };
    if let Some(upstream) = upstream {
        let caught_up = glean(upstream, &mut meter).await;
        let _ = match fell_behind && !caught_up {
            // how much more was generated nobody knows: the hold is what it can be at most
            true => {
                core.settle(
                    &running,
                    admit::settle_unanswered(&running.call, &running.admitted),
                    status,
                    end,
                )
                .await
            }
            false => settle(&core, &running, &meter, status, end).await,
        };
    }
    let last = match end {
        End::Finished | End::AppLeft => return,
        End::Revoked if unsure => Refusal::VaultUnavailable,
        End::Revoked => Refusal::TokenRevoked,
        End::TimedOut => Refusal::UpstreamTimeout(running.provider.clone()),
        End::UpstreamBroke => {
            Refusal::Upstream(running.provider.clone(), "its stream broke off".into())
        }
    };
    if end == End::Revoked {
        waiting.clear();
    }
    // some SDKs overlook an error event, and sound has none: there the connection breaks at once
    let overlooked = matches!(running.provider, Provider::Mistral | Provider::Cohere);
    if !overlooked && running.call.has_events() {
        waiting.push_back(
            provider::stop_event(running.style, &last, Some(&running.grant().id)).into(),
        );
    }
    let farewell = async {
        for chunk in waiting {
            let _ = to_app.send(Ok(chunk)).await;
        }
        let _ = to_app.send(Err(last.to_string().into())).await;
    };
    let _ = timeout(core.config.silence, farewell).await;
}

/// Meters a frame and those that are here behind it, so that small ones go on together; whether the
/// stream broke behind what goes on.
fn taken(
    meter: &mut Meter,
    upstream: &mut Option<Body>,
    first: Option<Result<Frame<Bytes>, BoxError>>,
) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut coming = Some(first);
    while let Some(frame) = coming {
        match frame {
            None => {
                out.append(&mut meter.end());
                // an end that no answer has: the app must not take it for a whole one
                return (out, !meter.metered().complete);
            }
            Some(Err(_)) => return (out, true),
            Some(Ok(frame)) => match frame.into_data().map(|data| meter.chunk(&data)) {
                Ok(Ok(mut more)) if out.is_empty() => std::mem::swap(&mut out, &mut more),
                Ok(Ok(more)) => out.extend(more),
                Ok(Err(_)) => return (out, true),
                Err(_) => {}
            },
        }
        if meter.metered().complete || out.len() >= TOGETHER {
            break;
        }
        coming = next(upstream).now_or_never();
    }
    (out, false)
}

/// The next frame; none ever comes of a stream that has ended.
async fn next(upstream: &mut Option<Body>) -> Option<Result<Frame<Bytes>, BoxError>> {
    match upstream {
        Some(body) => body.frame().await,
        None => std::future::pending().await,
    }
}

/// Meters what the provider has sent already, then ends its call: an app that does not read and
/// leaves would else be charged for less than is billed. `false` where there was no end of it.
async fn glean(mut upstream: Body, meter: &mut Meter) -> bool {
    let until = Instant::now() + GLEANING;
    loop {
        match timeout_at(until, timeout(GLEANED, upstream.frame())).await {
            // silence is no end: on a busy machine there may be more that nobody has seen
            Err(_) | Ok(Err(_)) => return false,
            Ok(Ok(None | Some(Err(_)))) => return true,
            Ok(Ok(Some(Ok(frame)))) => {
                let metered = frame.into_data().map(|data| meter.chunk(&data));
                if matches!(metered, Ok(Err(_))) {
                    return false;
                }
            }
        }
    }
}

/// Reads a stream to its end, so that its connection serves again.
async fn close(mut upstream: Body) {
    let reading = async { while let Some(Ok(_)) = upstream.frame().await {} };
    let _ = timeout(CLOSING, reading).await;
}

async fn settle<V: Vault, C: Consent>(
    core: &Arc<Core<V, C>>,
    running: &Running<V, C>,
    meter: &Meter,
    status: u16,
    end: End,
) -> Result<(), Refusal> {
    let settled =
        admit::settle(&running.call, &running.admitted, &meter.metered(), running.price.as_deref());
    core.settle(running, settled, status, end).await
}

/// Whether the grant and all above it still stand; `None` where the store cannot say.
async fn stands<V: Vault, C: Consent>(
    core: &Arc<Core<V, C>>,
    running: &Running<V, C>,
) -> Option<bool> {
    if running.ends <= core.clock.now() {
        return Some(false);
    }
    match core.bearer(&running.token).await {
        Ok(known) => Some(known.holder.stands()),
        // a token that was renewed may be gone before its grant is
        Err(Refusal::InvalidToken) => match core.family(&running.grant().id).await {
            Ok(Some((grant, ancestors))) => {
                let (grant, ancestors) = (Arc::new(grant), ancestors.into());
                let access = running.known.holder.access.clone();
                Some(Holder { grant, ancestors, access }.stands())
            }
            Ok(None) => Some(false),
            Err(_) => None,
        },
        Err(_) => None,
    }
}
