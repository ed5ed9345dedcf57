//! What a node writes to have more on lease, and how it learns what came of it.

use okap_types::{Count, Limits, Money, Timestamp};

use super::Leased;
use crate::{
    ledger::{
        Account,
        account::pico,
        lease::{LASTS, Lease, Lent},
    },
    pico::Pico,
};

/// What a node wants of an account.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The caps that it must stay under.
    pub limits: &'a Limits,
    /// Money for calls that wait.
    pub amount: Pico,
    /// How many calls wait.
    pub requests: u32,
    /// Whether it takes more than that.
    pub ahead: Ahead,
}

/// Whether a lease is taken for calls that are yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// What is needed and no more, so that each hold is in the store before its call leaves.
    None,
    /// A little more, so that the calls that follow need no store.
    Some,
    /// That, or as much as so many calls need, where they come so fast.
    Calls(u32),
}

impl Ahead {
    /// How many calls more, where some wait.
    fn calls(self, waiting: u32) -> u32 {
        match self {
            _ if waiting == 0 => 0,
            Self::None => 0,
            Self::Some => CALLS_AHEAD,
            Self::Calls(calls) => calls.max(CALLS_AHEAD),
        }
    }
}

/// What a node writes to the store to have another lease.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The account to store, in place of the one that was read.
    pub stored: Account,
    lease: Lease,
    /// What of `own` stands in `stored`.
    folded: Account,
}

/// Unheard renewals that are kept. Were an older one written after all, its part would count twice.
const UNHEARD: usize = 16;

/// Calls of the size of the one that waits for which a lease is taken ahead at least.
const CALLS_AHEAD: u32 = 16;
/// And of what is free no more than one part in so many: that much a crash may cost.
const PART_AHEAD: u64 = 16;
/// Requests of a day or a minute that are taken ahead, where calls do not come faster.
const REQUESTS_AHEAD: u32 = 256;

impl Leased {
    /// Makes out what to write to have a lease that covers what is held here and what is wanted,
    /// as far as the caps allow: down to the last of it. No `serial` of this node is ever used twice,
    /// since by it the node knows which of its renewals was written.
    ///
    /// # Behavior
    /// - What was counted here goes into the account, and the lease gives it back.
    /// - Until [`renewed`](Self::renewed) says that it was written, calls are covered by the least of
    ///   the old lease and all that were made out since, so that any may be what the store holds.
    pub fn renew(
        &mut self,
        stored: &Account,
        want: &Want<'_>,
        serial: u64,
        now: Timestamp,
    ) -> Renewal {
        let mut next = stored.clone();
        next.until = self.base.until;
        let now = next.advance(self.moment(now));
        let mine = next.leases.extract_if(.., |lease| lease.node == self.node).last();
        next.take_in_ended();
        let written = mine.as_ref().map_or(0, |lease| lease.serial);
        if let Some(at) = self.unheard.iter().position(|other| other.lease.serial == written) {
            let heard = self.unheard.swap_remove(at);
            self.renewed(heard);
        }
        self.advance(now);
        if mine.is_none() {
            self.drop_taken_in();
        }
        let (month, day) = (next.month.number, next.day.number);
        let mut folded = self.own.clone();
        folded.month.held = Pico::ZERO;
        folded.day.held = Pico::ZERO;
        next.month.take_in(folded.month.number, folded.month.spent);
        next.day.take_in(folded.day.number, folded.day.spent);
        if folded.day.number == day {
            next.day_requests = next.day_requests.saturating_add(folded.day_requests);
        }
        next.minute.take_in(&folded.minute);
        let lent = self.wanted(want, &next);
        let until = next.latest.saturating_add(LASTS);
        let lease = Lease { node: self.node, serial, until, month, day, lent };
        self.narrow(&lease, &folded);
        // an empty one, too, tells by its serial that it came through
        next.leases.push(lease.clone());
        let renewal = Renewal { stored: next, lease, folded };
        if self.unheard.len() >= UNHEARD {
            self.unheard.remove(0);
        }
        self.unheard.push(renewal.clone());
        renewal
    }

    /// Takes note that a renewal was written: no other one that was made out before can be any more.
    pub fn renewed(&mut self, renewal: Renewal) {
        let Renewal { mut stored, lease, folded } = renewal;
        stored.leases.retain(|other| other.node != self.node);
        self.base = stored;
        self.own.month.hand_over(folded.month.number, folded.month.spent);
        self.own.day.hand_over(folded.day.number, folded.day.spent);
        if folded.day.number == self.own.day.number {
            self.own.day_requests = self.own.day_requests.saturating_sub(folded.day_requests);
        }
        // what has aged here since is no longer among them
        self.own.minute.hand_over(folded.minute.recent(self.own.latest));
        self.lease = Some(lease);
        self.unheard.clear();
    }

    /// Where another node has taken the lease in, all that it covered stands in the account already.
    fn drop_taken_in(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        let own = &mut self.own;
        let lent = lease.lent_in(own.month.number, own.day.number);
        let now = own.latest;
        for (window, lent, charged) in [
            (&mut own.month, lent.month, &mut self.charged.0),
            (&mut own.day, lent.day, &mut self.charged.1),
        ] {
            if window.leave(lent) {
                *charged = now;
                // calls from here on are told apart
                own.latest = now.saturating_add(1);
            }
        }
        own.day_requests = own.day_requests.saturating_sub(lent.day_requests);
        own.minute.hand_over(lent.minute);
        lease.lent = Lent::default();
    }

    /// How much is put on lease, of what the account has left.
    fn wanted(&self, want: &Want<'_>, next: &Account) -> Lent {
        let counts = next.counts();
        let ahead = want.ahead.calls(want.requests);
        let money = |cap: Option<Money>, used: Pico, held: Pico| {
            let Some(cap) = cap else { return held };
            let free = pico(cap).saturating_sub(used);
            let needed = held.saturating_add(want.amount);
            let each = want.amount.get() / u64::from(want.requests.max(1));
            let spare = each
                .saturating_mul(ahead.into())
                .min(free.saturating_sub(needed).get() / PART_AHEAD);
            // what is held was covered before, perhaps under a higher cap
            needed.saturating_add(Pico::new(spare)).min(free).max(held)
        };
        let requests = |most: Option<u32>, used: u32| {
            let Some(most) = most else { return 0 };
            let free = most.saturating_sub(used);
            let most = if ahead == 0 { 0 } else { ahead.max(REQUESTS_AHEAD) };
            let spare = (free.saturating_sub(want.requests) / 2).min(most);
            want.requests.saturating_add(spare).min(free)
        };
        let limits = want.limits;
        let minute = next.minute.requests(next.latest).saturating_add(counts.lent);
        let most = |count: Option<Count>| count.map(|most| most.get());
        Lent {
            month: money(limits.monthly_spend, counts.month, self.own.month.held),
            day: money(limits.daily_spend, counts.day, self.own.day.held),
            day_requests: requests(most(limits.requests_per_day), counts.day_requests),
            minute: requests(most(limits.requests_per_minute), minute),
        }
    }

    /// Lowers the old lease to what the new one covers as well.
    fn narrow(&mut self, new: &Lease, folded: &Account) {
        let Some(old) = &mut self.lease else { return };
        let counted = Lent {
            month: folded.month.spent,
            day: folded.day.spent,
            day_requests: folded.day_requests,
            minute: folded.minute.requests(folded.latest),
        };
        let lent = old.lent_in(new.month, new.day).least(new.lent.plus(counted));
        (old.month, old.day, old.lent) = (new.month, new.day, lent);
    }
}
