use okap_types::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pico::Pico;

pub(super) const DAY: i64 = 86_400_000;

/// Money in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// Which month or day, counted from 1970.
    pub(super) number: i64,
    /// Settled.
    pub(super) spent: Pico,
    /// Held for calls under way, or lost in a crash.
    pub(super) held: Pico,
}

impl Window {
    pub(super) fn roll(&mut self, number: i64) {
        if number > self.number {
            *self = Self { number, ..Self::default() };
        }
    }

    pub(super) fn used(&self) -> Pico {
        self.spent.saturating_add(self.held)
    }

    pub(super) fn hold(&mut self, amount: Pico) {
        self.held = self.held.saturating_add(amount);
    }

    pub(super) fn settle(&mut self, number: i64, held: Pico, cost: Pico) {
        if self.number == number {
            self.held = self.held.saturating_sub(held);
            self.spent = self.spent.saturating_add(cost);
        }
    }

    /// What another has spent in the same window.
    pub(super) fn take_in(&mut self, number: i64, spent: Pico) {
        if self.number == number {
            self.spent = self.spent.saturating_add(spent);
        }
    }

    /// Leaves out what a lease covered that was taken in elsewhere; whether that is all that is held.
    pub(super) fn leave(&mut self, lent: Pico) -> bool {
        let all = lent > Pico::ZERO && self.used() <= lent;
        self.spent = self.spent.saturating_sub(lent);
        if all {
            self.held = Pico::ZERO;
        }
        all
    }

    /// What was taken in elsewhere.
    pub(super) fn hand_over(&mut self, number: i64, spent: Pico) {
        if self.number == number {
            self.spent = self.spent.saturating_sub(spent);
        }
    }
}

pub(super) fn day_number(now: Timestamp) -> i64 {
    now.unix_millis().div_euclid(DAY)
}

pub(super) fn month_number(now: Timestamp) -> i64 {
    let date = now.utc();
    i64::from(date.year() - 1970) * 12 + i64::from(u8::from(date.month()) - 1)
}

pub(super) fn month_end(now: Timestamp) -> Timestamp {
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

pub(super) fn day_end(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis((day_number(now) + 1) * DAY)
}
