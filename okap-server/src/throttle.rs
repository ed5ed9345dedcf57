//! Bounds on what strangers may pile up before a user has said anything.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use okap_types::Timestamp;

/// Requests that one app at one source may have waiting.
const WAITING: usize = 3;
/// Requests that one source may open in a minute.
const OPENED: usize = 60;
/// Sources and apps that are remembered.
const REMEMBERED: usize = 10_000;

/// Remembers who opened what, in memory.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By app and source: the interactions that wait, and when they end.
    waiting: HashMap<String, Vec<(String, Timestamp)>>,
    /// By source: when requests were opened in the last minute.
    opened: HashMap<String, Vec<Timestamp>>,
    /// By continuation: when it was last asked.
    polled: HashMap<String, Timestamp>,
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
        if inner.waiting.len() >= REMEMBERED || inner.opened.len() >= REMEMBERED {
            return Err(60);
        }
        let opened = inner.opened.entry(source.to_owned()).or_default();
        opened.retain(|at| at.plus_seconds(60) > now);
        if opened.len() >= OPENED {
            return Err(opened
                .first()
                .map_or(60, |first| now.seconds_until(first.plus_seconds(60))));
        }
        opened.push(now);
        let waiting = inner.waiting.entry(format!("{source}\n{app}")).or_default();
        waiting.retain(|(_, until)| *until > now);
        if waiting.len() >= WAITING {
            return Err(waiting.first().map_or(60, |(_, until)| now.seconds_until(*until)).min(60));
        }
        waiting.push((interaction.to_owned(), expires));
        Ok(())
    }

    /// A request has been decided.
    pub(crate) fn decided(&self, interaction: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in inner.waiting.values_mut() {
            waiting.retain(|(id, _)| id != interaction);
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

    /// A continuation was answered after a wait: the app may come back at once.
    pub(crate) fn answered(&self, continuation: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.polled.remove(continuation);
    }
}

impl Inner {
    fn sweep(&mut self, now: Timestamp) {
        if self.waiting.len() >= REMEMBERED / 2 {
            self.waiting.retain(|_, list| list.iter().any(|(_, until)| *until > now));
        }
        if self.opened.len() >= REMEMBERED / 2 {
            self.opened.retain(|_, list| list.iter().any(|at| at.plus_seconds(60) > now));
        }
    }
}
