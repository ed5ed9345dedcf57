use okap_types::{Limits, Money, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    lease::{Lease, Lent},
    minute::Minute,
    window::{Window, day_end, day_number, month_end, month_number},
};
use crate::{
    pico::Pico,
    record::Record,
    refusal::{Limit, Refusal},
};

/// The counters of one account, as a store keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The latest moment seen: a clock that steps back reopens no window.
    pub(super) latest: i64,
    pub(super) month: Window,
    pub(super) day: Window,
    pub(super) day_requests: u32,
    pub(super) minute: Minute,
    /// What nodes may use without asking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) leases: Vec<Lease>,
    /// Until when it is kept; `None` keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
}

impl Record for Account {
    const KIND: &'static str = "account";
    fn forget_after(&self) -> Option<Timestamp> {
        self.until
    }
}

/// Money counted for a call that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How much.
    pub amount: Pico,
    /// When the call was admitted; it is charged to that moment's windows.
    pub admitted: Timestamp,
    /// Milliseconds that the call has to wait before it leaves, so that the provider, too, sees no
    /// more requests in a minute than are allowed; at most 1000.
    pub pause: u16,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// What an account has used and when its windows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// In this calendar month: settled, held, and on lease.
    pub month: Pico,
    /// In this day: settled, held, and on lease.
    pub day: Pico,
    /// Requests in this day: made, and on lease.
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
    pub(super) fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.latest = self.latest.max(now.unix_millis());
        let now = Timestamp::from_unix_millis(self.latest);
        let day = day_number(now);
        // no month turns without a day
        if day > self.day.number {
            self.month.roll(month_number(now));
            self.day.roll(day);
            self.day_requests = 0;
        }
        self.minute.roll(self.latest);
        now
    }

    /// What has been used at a moment.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Used {
        let mut at = self.clone();
        at.advance(now);
        at.counts().used(&[&at])
    }

    /// Money of this month that is held or on lease; none where no call is under way anywhere.
    #[must_use]
    pub fn pledged(&self) -> Pico {
        self.month.held.saturating_add(self.lent().month)
    }

    /// Money that a call may still be held for; `None` where no cap is on money.
    ///
    /// # Errors
    /// [`Refusal::SpendLimitExceeded`] where nothing is left.
    pub fn money_left(&self, limits: &Limits, now: Timestamp) -> Result<Option<Pico>, Refusal> {
        let mut at = self.clone();
        at.advance(now);
        at.counts().money_left(limits, &[&at])
    }

    /// Counts one request and holds money for it; on a refusal nothing is counted.
    ///
    /// # Errors
    /// [`Refusal::SpendLimitExceeded`], [`Refusal::RequestsPerMinute`],
    /// [`Refusal::RequestsPerDay`].
    pub fn hold(&mut self, limits: &Limits, amount: Pico, now: Timestamp) -> Result<Hold, Refusal> {
        self.advance(now);
        let counts = self.counts();
        counts.fits_rates(limits, &[self])?;
        counts.fits_money(limits, amount, &[self])?;
        Ok(self.count(amount, 0))
    }

    /// Replaces a hold by what the call cost, in the windows in which it was admitted.
    pub fn settle(&mut self, hold: &Hold, cost: Pico) {
        self.month.settle(hold.month, hold.amount, cost);
        self.day.settle(hold.day, hold.amount, cost);
    }

    /// Takes back one request and its hold, as if it had not been counted.
    pub(super) fn take_back(&mut self, hold: &Hold) {
        self.settle(hold, Pico::ZERO);
        if self.day.number == hold.day {
            self.day_requests = self.day_requests.saturating_sub(1);
        }
        let left = hold.admitted.unix_millis().saturating_add(hold.pause.into());
        self.minute.take_back(left);
    }

    /// Counts one request, at the moment that was advanced to.
    pub(super) fn count(&mut self, amount: Pico, pause: u16) -> Hold {
        self.month.hold(amount);
        self.day.hold(amount);
        self.day_requests = self.day_requests.saturating_add(1);
        self.minute.add(self.latest.saturating_add(pause.into()), 1);
        Hold {
            amount,
            admitted: Timestamp::from_unix_millis(self.latest),
            pause,
            month: self.month.number,
            day: self.day.number,
        }
    }

    /// The counters at the moment that was advanced to.
    pub(super) fn counts(&self) -> Counts {
        let lent = self.lent();
        Counts {
            month: self.month.used().saturating_add(lent.month),
            day: self.day.used().saturating_add(lent.day),
            day_requests: self.day_requests.saturating_add(lent.day_requests),
            lent: lent.minute,
        }
    }

    /// What is on lease in the windows of the moment that was advanced to.
    pub(super) fn lent(&self) -> Lent {
        let each = self.leases.iter().map(|l| l.lent_in(self.month.number, self.day.number));
        each.fold(Lent::default(), Lent::plus)
    }

    /// Takes in leases of nodes that have not been heard of: all that they had counts as used.
    pub(super) fn take_in_ended(&mut self) {
        let now = self.latest;
        let (month, day) = (self.month.number, self.day.number);
        for ended in self.leases.extract_if(.., |lease| lease.has_ended(now)) {
            let lent = ended.lent_in(month, day);
            self.month.hold(lent.month);
            self.day.hold(lent.day);
            self.day_requests = self.day_requests.saturating_add(lent.day_requests);
            if lent.minute > 0 {
                self.minute.add(ended.until.min(now), lent.minute);
            }
        }
    }
}

/// Counters at a moment, of one account or of two that are one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) month: Pico,
    pub(super) day: Pico,
    pub(super) day_requests: u32,
    /// Requests a minute on lease. Those that were made are summed up where a cap is on them.
    pub(super) lent: u32,
}

impl Counts {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            month: self.month.saturating_add(other.month),
            day: self.day.saturating_add(other.day),
            day_requests: self.day_requests.saturating_add(other.day_requests),
            lent: self.lent.saturating_add(other.lent),
        }
    }

    /// As apps and users see it; `of` are the accounts that were counted.
    pub(super) fn used(&self, of: &[&Account]) -> Used {
        let now = latest(of);
        let at = Timestamp::from_unix_millis;
        Used {
            month: self.month,
            day: self.day,
            day_requests: self.day_requests,
            minute_requests: minute(of, now),
            month_ends: month_end(at(now)),
            day_ends: day_end(at(now)),
            minute_frees: of.iter().filter_map(|a| a.minute.frees(now)).min().map(at),
        }
    }

    /// See [`Account::money_left`].
    pub(super) fn money_left(
        &self,
        limits: &Limits,
        of: &[&Account],
    ) -> Result<Option<Pico>, Refusal> {
        let left = |cap: Option<Money>, used, limit| match cap {
            None => Ok(None),
            Some(cap) => match pico(cap).saturating_sub(used) {
                Pico::ZERO => Err(self.spent(limit, cap, of)),
                left => Ok(Some(left)),
            },
        };
        let month = left(limits.monthly_spend, self.month, Limit::Month)?;
        let day = left(limits.daily_spend, self.day, Limit::Day)?;
        Ok(match (month, day) {
            (Some(month), Some(day)) => Some(month.min(day)),
            (one, other) => one.or(other),
        })
    }

    pub(super) fn fits_money(
        &self,
        limits: &Limits,
        amount: Pico,
        of: &[&Account],
    ) -> Result<(), Refusal> {
        let fits = |cap: Option<Money>, used: Pico, limit| match cap {
            Some(cap) if used.checked_add(amount).is_none_or(|sum| sum > pico(cap)) => {
                Err(self.spent(limit, cap, of))
            }
            _ => Ok(()),
        };
        fits(limits.monthly_spend, self.month, Limit::Month)?;
        fits(limits.daily_spend, self.day, Limit::Day)
    }

    pub(super) fn fits_rates(&self, limits: &Limits, of: &[&Account]) -> Result<(), Refusal> {
        if let Some(most) = limits.requests_per_minute.map(|most| most.get())
            && let now = latest(of)
            && minute(of, now).saturating_add(self.lent) >= most
        {
            let free_at = merged(of).fits_at(most.saturating_sub(self.lent), now);
            let now = Timestamp::from_unix_millis(now);
            let wait = now.seconds_until(Timestamp::from_unix_millis(free_at)).clamp(1, 60);
            return Err(Refusal::RequestsPerMinute { most, wait });
        }
        if let Some(most) = limits.requests_per_day.map(|most| most.get())
            && self.day_requests >= most
        {
            let resets_at = day_end(Timestamp::from_unix_millis(latest(of)));
            return Err(Refusal::RequestsPerDay { most, resets_at });
        }
        Ok(())
    }

    /// See [`Hold::pause`].
    pub(super) fn pause(&self, limits: &Limits, of: &[&Account]) -> u16 {
        let Some(most) = limits.requests_per_minute.map(|most| most.get()) else { return 0 };
        let now = latest(of);
        match recent(of, now).saturating_add(self.lent) >= most {
            true => u16::try_from(merged(of).pause(most, self.lent, now)).unwrap_or_default(),
            false => 0,
        }
    }

    fn spent(&self, limit: Limit, cap: Money, of: &[&Account]) -> Refusal {
        let now = Timestamp::from_unix_millis(latest(of));
        let (used, resets_at) = match limit {
            Limit::Month => (self.month, month_end(now)),
            Limit::Day => (self.day, day_end(now)),
        };
        Refusal::SpendLimitExceeded { limit, cap, used, resets_at }
    }
}

pub(super) fn pico(cap: Money) -> Pico {
    Pico::from_micros(cap.micros()).unwrap_or_default()
}

fn latest(of: &[&Account]) -> i64 {
    of.iter().map(|account| account.latest).max().unwrap_or_default()
}

/// Requests of the last 60 s.
fn minute(of: &[&Account], now: i64) -> u32 {
    of.iter().fold(0, |sum, account| sum.saturating_add(account.minute.requests(now)))
}

/// The same and those that one more may have to wait for.
fn recent(of: &[&Account], now: i64) -> u32 {
    of.iter().fold(0, |sum, account| sum.saturating_add(account.minute.recent(now)))
}

fn merged(of: &[&Account]) -> Minute {
    let mut all = Minute::default();
    of.iter().for_each(|account| all.take_in(&account.minute));
    all
}
