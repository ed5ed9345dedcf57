//! Counters of one account: money held and spent, requests made. Arithmetic only.
//!
//! An account belongs to (user, app, provider, details object). A hold is counted before a call
//! leaves; settling replaces it by what the call cost. A hold that is never settled stays
//! counted in its window, so that a crash cannot make room.

mod chain;

pub use chain::Chain;

use okap_types::{Limits, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    pico::Pico,
    record::Record,
    refusal::{Limit, Refusal},
};

/// Requests per minute are kept one by one up to this many entries; above, neighbours share the
/// later moment, which can only delay a call and never let one more through.
const MINUTE_ENTRIES: usize = 128;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// The counters of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The latest moment seen: a clock that steps back reopens no window.
    latest: i64,
    month: Window,
    day: Window,
    day_requests: u32,
    /// When requests were admitted in the last 60 s, and how many at that moment.
    minute: Vec<(i64, u32)>,
    /// Until when it is kept; `None` keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl Record for Account {
    const KIND: &'static str = "account";
    fn forget_after(&self) -> Option<Timestamp> {
        self.until
    }
}

/// Money in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    /// Which month or day, counted from 1970.
    number: i64,
    /// Settled.
    spent: Pico,
    /// Held for calls under way, or lost in a crash.
    held: Pico,
}

impl Window {
    fn roll(&mut self, number: i64) {
        if number > self.number {
            *self = Self { number, ..Self::default() };
        }
    }

    fn used(&self) -> Pico {
        self.spent.saturating_add(self.held)
    }

    fn settle(&mut self, number: i64, held: Pico, cost: Pico) {
        if self.number == number {
            self.held = self.held.saturating_sub(held);
            self.spent = self.spent.saturating_add(cost);
        }
    }
}

/// Money counted for a call that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How much.
    pub amount: Pico,
    /// When the call was admitted; it is charged to that moment's windows.
    pub admitted: Timestamp,
    month: i64,
    day: i64,
}

/// What an account has used and when its windows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// In this calendar month, settled and held.
    pub month: Pico,
    /// In this day, settled and held.
    pub day: Pico,
    /// Requests in this day.
    pub day_requests: u32,
    /// Requests in the last 60 s.
    pub minute_requests: u32,
    /// When the month ends.
    pub month_ends: Timestamp,
    /// When the day ends.
    pub day_ends: Timestamp,
    /// When the oldest request of the last 60 s is no longer one; `None` where there is none.
    pub minute_frees: Option<Timestamp>,
}

impl Account {
    /// Turns windows over to a moment, never back; returns the moment that counts.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.latest = self.latest.max(now.unix_millis());
        let now = Timestamp::from_unix_millis(self.latest);
        self.month.roll(month_number(now));
        let day = self.latest.div_euclid(DAY);
        if day > self.day.number {
            self.day_requests = 0;
        }
        self.day.roll(day);
        self.minute.retain(|(at, _)| at.saturating_add(MINUTE) > self.latest);
        now
    }

    /// What has been used at a moment.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Used {
        let mut at = self.clone();
        let now = at.advance(now);
        Used {
            month: at.month.used(),
            day: at.day.used(),
            day_requests: at.day_requests,
            minute_requests: at.minute_requests(),
            month_ends: month_end(now),
            day_ends: day_end(now),
            minute_frees: at
                .minute
                .first()
                .map(|(oldest, _)| Timestamp::from_unix_millis(oldest.saturating_add(MINUTE))),
        }
    }

    fn minute_requests(&self) -> u32 {
        self.minute.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Money that a call may still be held for; `None` where no cap is on money.
    ///
    /// # Errors
    /// [`Refusal::SpendLimitExceeded`] where nothing is left.
    pub fn money_left(&self, limits: &Limits, now: Timestamp) -> Result<Option<Pico>, Refusal> {
        let used = self.used(now);
        let left = |cap: Option<Money>, used: Pico, limit, resets_at| match cap {
            None => Ok(None),
            Some(cap) => {
                let left = Pico::from_micros(cap.micros()).unwrap_or_default().saturating_sub(used);
                let refusal = Refusal::SpendLimitExceeded { limit, cap, used, resets_at };
                if left == Pico::default() { Err(refusal) } else { Ok(Some(left)) }
            }
        };
        let month = left(limits.monthly_spend, used.month, Limit::Month, used.month_ends)?;
        let day = left(limits.daily_spend, used.day, Limit::Day, used.day_ends)?;
        Ok(match (month, day) {
            (Some(month), Some(day)) => Some(month.min(day)),
            (one, other) => one.or(other),
        })
    }

    /// Counts one request and holds money for it; on a refusal nothing is counted.
    ///
    /// # Errors
    /// [`Refusal::SpendLimitExceeded`], [`Refusal::RequestsPerMinute`],
    /// [`Refusal::RequestsPerDay`].
    pub fn hold(&mut self, limits: &Limits, amount: Pico, now: Timestamp) -> Result<Hold, Refusal> {
        let now = self.advance(now);
        let used = self.used(now);
        if let Some(most) = limits.requests_per_minute
            && used.minute_requests >= most.get()
        {
            let free_at = self.minute_frees_at(most.get());
            let wait = now.seconds_until(free_at).clamp(1, 60);
            return Err(Refusal::RequestsPerMinute { most: most.get(), wait });
        }
        if let Some(most) = limits.requests_per_day
            && used.day_requests >= most.get()
        {
            let resets_at = used.day_ends;
            return Err(Refusal::RequestsPerDay { most: most.get(), resets_at });
        }
        let fits = |cap: Option<Money>, used: Pico, limit, resets_at| match cap {
            None => Ok(()),
            Some(cap) => {
                let most = Pico::from_micros(cap.micros()).unwrap_or_default();
                match used.checked_add(amount) {
                    Some(sum) if sum <= most => Ok(()),
                    _ => Err(Refusal::SpendLimitExceeded { limit, cap, used, resets_at }),
                }
            }
        };
        fits(limits.monthly_spend, used.month, Limit::Month, used.month_ends)?;
        fits(limits.daily_spend, used.day, Limit::Day, used.day_ends)?;
        self.month.held = self.month.held.saturating_add(amount);
        self.day.held = self.day.held.saturating_add(amount);
        self.day_requests = self.day_requests.saturating_add(1);
        self.count_in_minute(now.unix_millis());
        Ok(Hold { amount, admitted: now, month: self.month.number, day: self.day.number })
    }

    /// Replaces a hold by what the call cost, in the windows in which it was admitted.
    pub fn settle(&mut self, hold: &Hold, cost: Pico) {
        self.month.settle(hold.month, hold.amount, cost);
        self.day.settle(hold.day, hold.amount, cost);
    }

    fn count_in_minute(&mut self, now: i64) {
        match self.minute.last_mut() {
            Some((at, count)) if *at == now => *count = count.saturating_add(1),
            _ => self.minute.push((now, 1)),
        }
        if self.minute.len() > MINUTE_ENTRIES {
            let pairs = self.minute.chunks(2).filter_map(|pair| {
                let count = pair.iter().fold(0u32, |sum, (_, c)| sum.saturating_add(*c));
                pair.last().map(|(at, _)| (*at, count))
            });
            self.minute = pairs.collect();
        }
    }

    /// When enough requests are older than 60 s that one more fits under `most`.
    fn minute_frees_at(&self, most: u32) -> Timestamp {
        let mut remaining = self.minute_requests();
        for (at, count) in &self.minute {
            remaining = remaining.saturating_sub(*count);
            if remaining < most {
                return Timestamp::from_unix_millis(at.saturating_add(MINUTE));
            }
        }
        Timestamp::from_unix_millis(self.latest)
    }
}

fn month_number(now: Timestamp) -> i64 {
    let date = now.utc();
    i64::from(date.year() - 1970) * 12 + i64::from(u8::from(date.month()) - 1)
}

fn month_end(now: Timestamp) -> Timestamp {
    let date = now.utc().date();
    let next = match date.month() {
        time::Month::December => (date.year() + 1, time::Month::January),
        month => (date.year(), month.next()),
    };
    time::Date::from_calendar_date(next.0, next.1, 1).map_or_else(
        |_| now.plus_seconds(31 * 86_400),
        |first| first.midnight().assume_utc().into(),
    )
}

fn day_end(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis((now.unix_millis().div_euclid(DAY) + 1) * DAY)
}
