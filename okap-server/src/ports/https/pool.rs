//! Connections that wait for their next request.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    Uri,
    uri::{Authority, Scheme},
};
use http_body_util::Full;
use hyper::client::conn::http2;

use super::line::Line;

/// How long a connection waits for its next request.
const IDLE: Duration = Duration::from_secs(60);
/// Connections to one place that wait at most.
const MANY: usize = 512;

/// Whom a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    tls: bool,
    authority: Authority,
}

impl Place {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?.clone();
        Some(Self { tls: uri.scheme() == Some(&Scheme::HTTPS), authority })
    }

    /// The host as a header names it: without the port that its scheme stands for.
    pub(super) fn host(&self) -> &str {
        let usual = if self.tls { 443 } else { 80 };
        match self.authority.port_u16() == Some(usual) {
            true => self.authority.host(),
            false => self.authority.as_str(),
        }
    }
}

/// A way to a place.
pub(super) enum Way {
    /// One request at a time.
    Line(Line),
    /// As many as there are.
    Shared(http2::SendRequest<Full<Bytes>>),
}

/// Open connections, by where they lead.
#[derive(Default)]
pub(super) struct Pool {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    places: HashMap<Place, Ways>,
    /// Whether somebody sees to it that none waits too long.
    swept: bool,
}

#[derive(Default)]
struct Ways {
    /// The one that has waited longest first.
    lines: VecDeque<(Instant, Line)>,
    shared: Option<(Instant, http2::SendRequest<Full<Bytes>>)>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("places", &self.lock().places.len()).finish()
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that is still open: of several the one that was used last.
    pub(super) fn take(&self, place: &Place, now: Instant) -> Option<Way> {
        let mut waiting = self.lock();
        let ways = waiting.places.get_mut(place)?;
        if let Some((used, shared)) = ways.shared.as_mut().filter(|(_, way)| !way.is_closed()) {
            *used = now;
            return Some(Way::Shared(shared.clone()));
        }
        while let Some((since, mut line)) = ways.lines.pop_back() {
            if now.duration_since(since) < IDLE && line.is_free() {
                return Some(Way::Line(line));
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(self: &Arc<Self>, place: Place, line: Line, now: Instant) {
        let mut waiting = self.lock();
        let lines = &mut waiting.places.entry(place).or_default().lines;
        if lines.len() < MANY {
            lines.push_back((now, line));
        }
        self.tend(&mut waiting);
    }

    /// Lets others use a connection beside the one who has opened it.
    pub(super) fn share(
        self: &Arc<Self>,
        place: Place,
        way: http2::SendRequest<Full<Bytes>>,
        now: Instant,
    ) {
        let mut waiting = self.lock();
        waiting.places.entry(place).or_default().shared = Some((now, way));
        self.tend(&mut waiting);
    }

    /// Sees to it that connections are closed that nobody uses.
    fn tend(self: &Arc<Self>, waiting: &mut Waiting) {
        if std::mem::replace(&mut waiting.swept, true) {
            return;
        }
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(IDLE / 2).await;
                let Some(pool) = pool.upgrade() else { return };
                if pool.sweep(Instant::now()) {
                    return;
                }
            }
        });
    }

    /// Closes what has waited too long; whether nothing is left.
    fn sweep(&self, now: Instant) -> bool {
        let mut waiting = self.lock();
        waiting.places.retain(|_, ways| {
            ways.lines
                .retain_mut(|(since, line)| now.duration_since(*since) < IDLE && line.is_free());
            let used = |(since, way): &mut (Instant, http2::SendRequest<_>)| {
                now.duration_since(*since) < IDLE && !way.is_closed()
            };
            let _ = ways.shared.take_if(|shared| !used(shared));
            !ways.lines.is_empty() || ways.shared.is_some()
        });
        waiting.swept = !waiting.places.is_empty();
        !waiting.swept
    }
}
