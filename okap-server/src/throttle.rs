//! Bounds on what strangers may pile up before a user has said anything.

mod waiting;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use okap_types::Timestamp;

/// Requests that one app at one source may have waiting.
const WAITING: usize = 3;
/// Requests that one source may have waiting, whatever apps they are of.
const WAITING_AT_ONE: usize = 120;
/// Requests that one source may open in a minute.
const OPENED: usize = 60;
/// Wrong codes that one source may type in a minute, and all sources together.
const GUESSES: usize = 10;
const GUESSES_OF_ALL: usize = 100;
/// Access that one source may hand on in a minute.
const EXCHANGES: usize = 120;
/// Tokens that are made of one grant and of what was handed on from it, by refreshes and
/// exchanges, in a minute: each is remembered for a month.
const MINTED: usize = 240;
/// Proofs and assertions of one source that are remembered in a minute, so that none counts twice.
const SIGNED: usize = 300;
/// Client documents that are fetched for one source in a minute.
const FETCHES: usize = 30;
/// Requests that wait, of all sources, and sources that are remembered.
const REMEMBERED: usize = 10_000;

/// Remembers who opened what, in memory.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By source: the requests that wait.
    waiting: HashMap<String, Vec<Waiting>>,
    /// By source: when it was last looked whether others have decided.
    looked: HashMap<String, Timestamp>,
    /// By source: when requests were opened in the last minute.
    opened: HashMap<String, Vec<Timestamp>>,
    /// By continuation: when it was last asked.
    polled: HashMap<String, Timestamp>,
    /// By source, and under "" of all: when wrong codes were typed in the last minute.
    guessed: HashMap<String, Vec<Timestamp>>,
    /// By source: when a client document was fetched in the last minute.
    fetched: HashMap<String, Vec<Timestamp>>,
    /// By source: when something signed came in the last minute.
    signed: HashMap<String, Vec<Timestamp>>,
    /// By source: when access was handed on in the last minute.
    exchanged: HashMap<String, Vec<Timestamp>>,
    /// By grant: when it was renewed or handed on in the last minute.
    minted: HashMap<String, Vec<Timestamp>>,
}

/// A request that waits for a decision.
#[derive(Debug)]
struct Waiting {
    app: String,
    interaction: String,
    until: Timestamp,
}

impl Throttle {
    /// Whether a source may open one more request for an app; counts it. Seconds to wait if not.
    pub(crate) fn open(
        &self,
        source: &str,
        app: &str,
        interaction: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.sweep(now);
        let all = inner.waiting.values().map(Vec::len).sum::<usize>();
        // whoever fills the room of all does not shut out the computer that the vault is on
        let full = all >= REMEMBERED || inner.opened.len() >= REMEMBERED;
        if full && !is_here(source) {
            return Err(60);
        }
        let source = place(source);
        let opened = inner.opened.entry(source.clone()).or_default();
        opened.retain(|at| at.plus_seconds(60) > now);
        if opened.len() >= OPENED {
            return Err(opened
                .first()
                .map_or(60, |first| now.seconds_until(first.plus_seconds(60))));
        }
        opened.push(now);
        let waiting = inner.waiting.entry(source).or_default();
        waiting.retain(|one| one.until > now);
        // few sources together must not keep everybody else out
        let of_app = || waiting.iter().filter(|one| one.app == app);
        let first = match (waiting.len(), of_app().count()) {
            (WAITING_AT_ONE.., _) => waiting.first(),
            (_, WAITING..) => of_app().next(),
            _ => None,
        };
        if let Some(first) = first {
            return Err(now.seconds_until(first.until).min(60));
        }
        let (app, interaction) = (app.to_owned(), interaction.to_owned());
        waiting.push(Waiting { app, interaction, until: expires });
        Ok(())
    }

    /// The requests of a source that wait, as far as is known here; none where they were asked for
    /// in the last second.
    pub(crate) fn waiting(&self, source: &str, now: Timestamp) -> Vec<String> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let source = place(source);
        let Some(waiting) = inner.waiting.get(&source) else { return Vec::new() };
        let waiting: Vec<_> = waiting.iter().map(|one| one.interaction.clone()).collect();
        if inner.looked.len() >= REMEMBERED {
            inner.looked.retain(|_, at| at.plus_seconds(1) > now);
        }
        match inner.looked.insert(source, now) {
            Some(last) if last.plus_seconds(1) > now => Vec::new(),
            _ => waiting,
        }
    }

    /// A request has been decided.
    pub(crate) fn decided(&self, interaction: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in inner.waiting.values_mut() {
            waiting.retain(|one| one.interaction != interaction);
        }
    }

    /// Whether a continuation is asked no more often than every `interval` seconds.
    pub(crate) fn poll(&self, continuation: &str, now: Timestamp, interval: i64) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.polled.len() >= REMEMBERED {
            inner.polled.retain(|_, at| at.plus_seconds(interval) > now);
        }
        match inner.polled.insert(continuation.to_owned(), now) {
            Some(last) => last.plus_seconds(interval) <= now,
            None => true,
        }
    }

    /// Whether a source may type one more code; seconds to wait if not. Counts it as wrong until
    /// it is known, so that many at once are no more than one by one.
    pub(crate) fn guess(&self, source: &str, now: Timestamp) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (guessed, source) = (&mut inner.guessed, place(source));
        within_a_minute(guessed, "", GUESSES_OF_ALL, now)?;
        within_a_minute(guessed, &source, GUESSES, now)?;
        guessed.entry(source).or_default().push(now);
        guessed.entry(String::new()).or_default().push(now);
        Ok(())
    }

    /// The code that was typed at a moment was right.
    pub(crate) fn guessed_right(&self, source: &str, at: Timestamp) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for of in [place(source), String::new()] {
            let list = inner.guessed.get_mut(&of);
            if let Some(list) = list
                && let Some(found) = list.iter().position(|moment| *moment == at)
            {
                list.remove(found);
            }
        }
    }

    /// Whether one more client document may be fetched for a source; counts it. Seconds to wait if
    /// not.
    pub(crate) fn fetch(&self, source: &str, now: Timestamp) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let source = place(source);
        within_a_minute(&mut inner.fetched, &source, FETCHES, now)?;
        inner.fetched.entry(source).or_default().push(now);
        Ok(())
    }

    /// Whether one more proof or assertion of a source may be looked at, which the store remembers
    /// whatever comes of the request; counts it. Seconds to wait if not.
    pub(crate) fn signed(&self, source: &str, now: Timestamp) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let source = place(source);
        within_a_minute(&mut inner.signed, &source, SIGNED, now)?;
        inner.signed.entry(source).or_default().push(now);
        Ok(())
    }

    /// Whether a source may hand access on once more; counts it. Seconds to wait if not.
    pub(crate) fn exchange(&self, source: &str, now: Timestamp) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let source = place(source);
        within_a_minute(&mut inner.exchanged, &source, EXCHANGES, now)?;
        inner.exchanged.entry(source).or_default().push(now);
        Ok(())
    }

    /// Whether one more token may be made of a grant, from wherever; counts it. Seconds to wait if
    /// not.
    pub(crate) fn mint(&self, grant: &str, now: Timestamp) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        within_a_minute(&mut inner.minted, grant, MINTED, now)?;
        inner.minted.entry(grant.to_owned()).or_default().push(now);
        Ok(())
    }

    /// A continuation was answered after a wait: the app may come back at once.
    pub(crate) fn answered(&self, continuation: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.polled.remove(continuation);
    }
}

impl Inner {
    fn sweep(&mut self, now: Timestamp) {
        self.waiting.retain(|_, list| {
            list.retain(|one| one.until > now);
            !list.is_empty()
        });
        if self.opened.len() >= REMEMBERED / 2 {
            self.opened.retain(|_, list| list.iter().any(|at| at.plus_seconds(60) > now));
        }
    }
}

/// Whether a source is the computer that the vault is on.
fn is_here(source: &str) -> bool {
    source.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// What counts as one source: a computer chooses among 2^64 addresses of its IPv6 network.
fn place(source: &str) -> String {
    match source.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(ip)) => ip.to_string(),
        Err(_) => source.to_owned(),
    }
}

/// Whether fewer than `most` moments of the last minute stand there; seconds to wait if not.
fn within_a_minute(
    moments: &mut HashMap<String, Vec<Timestamp>>,
    of: &str,
    most: usize,
    now: Timestamp,
) -> Result<(), u64> {
    let recent = |list: &mut Vec<Timestamp>| {
        list.retain(|at| at.plus_seconds(60) > now);
        !list.is_empty()
    };
    if moments.len() >= REMEMBERED {
        moments.retain(|_, list| recent(list));
    }
    if moments.len() >= REMEMBERED && !moments.contains_key(of) {
        return Err(60);
    }
    let Some(list) = moments.get_mut(of) else { return Ok(()) };
    recent(list);
    match list.first() {
        Some(first) if list.len() >= most => Err(now.seconds_until(first.plus_seconds(60))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fills_the_room_of_all_does_not_shut_out_this_computer() {
        let throttle = Throttle::default();
        let begin = Timestamp::from_unix_millis(1_700_000_000_000);
        let open = |source: &str, n: usize, now: Timestamp| {
            let (app, id) = (format!("app {n}"), format!("{source} {n}"));
            throttle.open(source, &app, &id, now, now.plus_seconds(600))
        };
        let mut opened = 0;
        for (minute, network, n) in (0..2)
            .flat_map(|minute| (0..90).map(move |network| (minute, network)))
            .flat_map(|(minute, network)| (0..60).map(move |n| (minute, network, n)))
        {
            let now = begin.plus_seconds(61 * minute);
            let one = open(&format!("192.0.2.{network}"), opened + n, now);
            opened += usize::from(one.is_ok());
        }
        assert_eq!(opened, REMEMBERED);
        let now = begin.plus_seconds(62);
        assert_eq!(open("198.51.100.7", 0, now), Err(60));
        assert_eq!(open("127.0.0.1", 0, now), Ok(()));
        assert_eq!(open("::ffff:127.0.0.1", 1, now), Ok(()));
        // later there is room again
        assert_eq!(open("198.51.100.7", 0, begin.plus_seconds(700)), Ok(()));
    }
}
