use serde::{Deserialize, Serialize};

/// A minute, in milliseconds.
const MINUTE: i64 = 60_000;
/// For how long behind its minute a request still makes the next one wait. A provider sees requests
/// a little later than they are let through, and not all of them by the same delay.
const BEHIND: i64 = 1_000;
/// Requests are kept one by one up to this many moments; above, those of one half second share
/// the first of their moments, which `BEHIND` makes up for.
const MOMENTS: usize = 128;
const HALF_SECOND: i64 = 500;

/// When requests were let through in the last minute, and how many at each moment, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Minute(Vec<(i64, u32)>);

impl Minute {
    /// Forgets what is behind.
    pub(super) fn roll(&mut self, now: i64) {
        let stale = self.0.iter().take_while(|(at, _)| gone(*at, now)).count();
        self.0.drain(..stale);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Requests in the last 60 s.
    pub(super) fn requests(&self, now: i64) -> u32 {
        count(self.0.iter().filter(|(at, _)| at.saturating_add(MINUTE) > now))
    }

    /// Requests that one more may have to wait for, a little more than those of the last 60 s.
    pub(super) fn recent(&self, now: i64) -> u32 {
        count(self.0.iter().filter(|(at, _)| !gone(*at, now)))
    }

    /// When the oldest request of the last 60 s is no longer one.
    pub(super) fn frees(&self, now: i64) -> Option<i64> {
        let mut ends = self.0.iter().map(|(at, _)| at.saturating_add(MINUTE));
        ends.find(|end| *end > now)
    }

    pub(super) fn add(&mut self, at: i64, requests: u32) {
        let place = self.0.partition_point(|(other, _)| *other <= at);
        match place.checked_sub(1).and_then(|before| self.0.get_mut(before)) {
            Some((same, count)) if *same == at => *count = count.saturating_add(requests),
            _ => self.0.insert(place, (at, requests)),
        }
        if self.0.len() > MOMENTS {
            self.0.dedup_by(|later, earlier| {
                let same = later.0.div_euclid(HALF_SECOND) == earlier.0.div_euclid(HALF_SECOND);
                if same {
                    earlier.1 = earlier.1.saturating_add(later.1);
                }
                same
            });
        }
    }

    /// Takes one request away that was added at a moment.
    pub(super) fn take_back(&mut self, at: i64) {
        let place = self.0.partition_point(|(other, _)| *other <= at);
        let Some(place) = place.checked_sub(1) else { return };
        if let Some((_, requests)) = self.0.get_mut(place) {
            *requests = requests.saturating_sub(1);
            if *requests == 0 {
                self.0.remove(place);
            }
        }
    }

    /// Adds all of another's.
    pub(super) fn take_in(&mut self, other: &Self) {
        for (at, requests) in &other.0 {
            self.add(*at, *requests);
        }
    }

    /// Takes away the earliest requests, which were taken in elsewhere.
    pub(super) fn hand_over(&mut self, requests: u32) {
        let mut left = requests;
        self.0.retain_mut(|(_, requests)| {
            let taken = left.min(*requests);
            left = left.saturating_sub(taken);
            *requests = requests.saturating_sub(taken);
            *requests > 0
        });
    }

    /// The moment at which fewer than `most` requests are counted, of those here and of `beside`
    /// that do not age, each of them for so many milliseconds behind its own moment.
    fn falls_below(&self, most: u32, beside: u32, each: i64, now: i64) -> i64 {
        let mut counted = count(self.0.iter()).saturating_add(beside);
        let mut free = now;
        for (at, requests) in &self.0 {
            if counted < most {
                break;
            }
            counted = counted.saturating_sub(*requests);
            free = free.max(at.saturating_add(each));
        }
        free
    }

    /// When one more fits under `most`.
    pub(super) fn fits_at(&self, most: u32, now: i64) -> i64 {
        self.falls_below(most, 0, MINUTE, now)
    }

    /// For how many milliseconds one more has to wait, once it fits.
    pub(super) fn pause(&self, most: u32, beside: u32, now: i64) -> i64 {
        let free = self.falls_below(most, beside, MINUTE + BEHIND, now);
        free.saturating_sub(now).clamp(0, BEHIND)
    }
}

fn gone(at: i64, now: i64) -> bool {
    at.saturating_add(MINUTE + BEHIND) <= now
}

fn count<'a>(requests: impl Iterator<Item = &'a (i64, u32)>) -> u32 {
    requests.fold(0, |sum, (_, count)| sum.saturating_add(*count))
}
