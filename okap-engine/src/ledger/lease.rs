use serde::{Deserialize, Serialize};

use crate::pico::Pico;

/// For how long a lease that is not renewed counts as in use, in milliseconds.
pub(super) const LASTS: i64 = 10_000;
/// How long before that its node stops using it.
pub(super) const SPARED: i64 = 3_000;

/// What one node may use of an account, as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which node.
    pub node: u64,
    /// Which one of this node: tells whether a write whose answer got lost came through.
    pub serial: u64,
    /// Until when it has to be renewed, in milliseconds since 1970; then all of it counts as used.
    pub until: i64,
    /// The month that `money` of the month is good for.
    pub(super) month: i64,
    /// The day that the day's money and requests are good for.
    pub(super) day: i64,
    pub(super) lent: Lent,
}

/// Amounts on lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lent {
    /// Money of the month.
    pub(super) month: Pico,
    /// Money of the day.
    pub(super) day: Pico,
    /// Requests of the day.
    pub(super) day_requests: u32,
    /// Requests in any minute.
    pub(super) minute: u32,
}

impl Lent {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            month: self.month.saturating_add(other.month),
            day: self.day.saturating_add(other.day),
            day_requests: self.day_requests.saturating_add(other.day_requests),
            minute: self.minute.saturating_add(other.minute),
        }
    }

    /// The lesser of each.
    pub(super) fn least(self, other: Self) -> Self {
        Self {
            month: self.month.min(other.month),
            day: self.day.min(other.day),
            day_requests: self.day_requests.min(other.day_requests),
            minute: self.minute.min(other.minute),
        }
    }
}

impl Lease {
    /// What of it is good in a month and a day.
    pub(super) fn lent_in(&self, month: i64, day: i64) -> Lent {
        let same_month = self.month == month;
        let same_day = self.day == day;
        Lent {
            month: if same_month { self.lent.month } else { Pico::ZERO },
            day: if same_day { self.lent.day } else { Pico::ZERO },
            day_requests: if same_day { self.lent.day_requests } else { 0 },
            minute: self.lent.minute,
        }
    }

    pub(super) fn has_ended(&self, now: i64) -> bool {
        self.until <= now
    }
}
