use okap_types::{Limits, Money, Timestamp};

use super::{
    Account, Hold, Used,
    account::{Counts, pico},
    lease::{LASTS, Lease, Lent, SPARED},
};
use crate::{pico::Pico, refusal::Refusal};

/// An account as one node counts in it.
///
/// ```
/// use okap_engine::{ledger::{Account, Ahead, Denial, Leased, Want}, pico::Pico};
/// use okap_types::{Limits, Money, Timestamp};
///
/// let (now, limits) = (Timestamp::from_unix_millis(1_800_000_000_000), Limits::monthly(Money::usd(1)));
/// let cent = Pico::from_micros(10_000).ok_or("too much")?;
/// let mut leased = Leased::new(7);
/// // nothing is on lease yet
/// let want = Want { limits: &limits, amount: cent, requests: 1, ahead: Ahead::Some };
/// let renewal = leased.renew(&Account::default(), &want, 1, now);
/// // … the store keeps `renewal.stored` …
/// leased.renewed(renewal);
/// assert!(leased.covers(&limits, cent));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Leased {
    node: u64,
    /// As it stood in the store at the last renewal, without this node's own lease.
    base: Account,
    /// What this node has counted since.
    own: Account,
    /// How much of `own` the store knows of; `None` covers all, for who counts in the store itself.
    lease: Option<Lease>,
    /// Until when calls were admitted whose hold, in the month and in the day, stands in the account
    /// for good: another node has taken in the lease that covered them.
    charged: (i64, i64),
    /// Renewals that were handed out and not heard of, the latest last: one of them may have been
    /// written, or be written yet.
    unheard: Vec<Renewal>,
}

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

/// Calls of the size of the one that waits for which a lease is taken ahead.
const CALLS_AHEAD: u64 = 16;
/// And of what is free no more than one part in so many: that much a crash may cost.
const PART_AHEAD: u64 = 16;
/// Requests of a day or a minute that are taken ahead at most.
const REQUESTS_AHEAD: u32 = 256;

impl Leased {
    /// An account of which nothing is on lease yet.
    #[must_use]
    pub fn new(node: u64) -> Self {
        Self {
            node,
            base: Account::default(),
            own: Account::default(),
            lease: Some(Lease { node, ..Lease::default() }),
            charged: (0, 0),
            unheard: Vec::new(),
        }
    }

    /// An account that is counted in directly, for a caller that stores it behind each step.
    #[must_use]
    pub(super) fn whole(account: Account) -> Self {
        Self { base: account, lease: None, ..Self::new(0) }
    }

    /// The account, where it is counted in directly.
    pub(super) const fn account(&self) -> &Account {
        &self.base
    }

    /// The moment that counts here, never one before it.
    pub(super) fn moment(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_unix_millis(self.base.latest.max(self.own.latest)))
    }

    /// Turns the windows over to a moment.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.base.advance(now);
        if self.lease.is_some() {
            self.own.advance(now);
        }
    }

    fn parts(&self) -> [&Account; 2] {
        [&self.base, &self.own]
    }

    pub(super) fn counts(&self) -> Counts {
        self.base.counts().plus(self.own.counts())
    }

    /// What has been used, of this node as it is and of others as it was at the last renewal.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Used {
        let mut at = self.clone();
        at.advance(self.moment(now));
        at.counts().used(&at.parts())
    }

    /// The same node, given how the account stands in the store.
    ///
    /// `None` where that was read before this node last wrote it: read again.
    #[must_use]
    pub fn with(&self, stored: &Account) -> Option<Self> {
        let mut base = stored.clone();
        let mine = base.leases.extract_if(.., |lease| lease.node == self.node).last();
        let known = self.lease.as_ref().map_or(0, |lease| lease.serial);
        match mine.map_or(0, |lease| lease.serial) {
            stored if stored == known || self.is_idle() => {
                let mut seen = self.clone();
                seen.base = base;
                Some(seen)
            }
            _ => None,
        }
    }

    pub(super) fn money_left(&self, limits: &Limits) -> Result<Option<Pico>, Refusal> {
        self.counts().money_left(limits, &self.parts())
    }

    pub(super) fn fits_rates(&self, limits: &Limits) -> Result<(), Refusal> {
        self.counts().fits_rates(limits, &self.parts())
    }

    pub(super) fn fits_money(&self, limits: &Limits, amount: Pico) -> Result<(), Refusal> {
        self.counts().fits_money(limits, amount, &self.parts())
    }

    /// See [`Hold::pause`]: whoever has a lease lets calls out.
    pub(super) fn pause(&self, limits: &Limits) -> u16 {
        match self.lease {
            Some(_) => self.counts().pause(limits, &self.parts()),
            None => 0,
        }
    }

    /// Whether the lease covers one more request, and so much more money held, of what is capped;
    /// at the moment that was advanced to.
    #[must_use]
    pub fn covers(&self, limits: &Limits, amount: Pico) -> bool {
        let Some(lease) = &self.lease else { return true };
        let capped = limits.has_money()
            || limits.requests_per_minute.is_some()
            || limits.requests_per_day.is_some();
        if !capped {
            return true;
        }
        let own = &self.own;
        let lent = lease.lent_in(own.month.number, own.day.number);
        let money = |cap: Option<Money>, used: Pico, lent: Pico| {
            cap.is_none() || used.checked_add(amount).is_some_and(|sum| sum <= lent)
        };
        let requests = |capped: bool, used: u32, lent: u32| !capped || used < lent;
        own.latest.saturating_add(SPARED) < lease.until
            && money(limits.monthly_spend, own.month.used(), lent.month)
            && money(limits.daily_spend, own.day.used(), lent.day)
            && requests(limits.requests_per_day.is_some(), own.day_requests, lent.day_requests)
            && requests(
                limits.requests_per_minute.is_some(),
                own.minute.requests(own.latest),
                lent.minute,
            )
    }

    /// Whether fewer than four calls of such money are left of what is on lease: a reason to renew
    /// it while calls go on.
    #[must_use]
    pub fn runs_low(&self, limits: &Limits, amount: Pico) -> bool {
        let Some(lease) = &self.lease else { return false };
        let own = &self.own;
        let lent = lease.lent_in(own.month.number, own.day.number);
        let low = |capped: bool, used: u64, lent: u64, each: u64| {
            capped && lent.saturating_sub(used) < each.saturating_mul(4)
        };
        let (month, day) = (own.month.used().get(), own.day.used().get());
        let minute = own.minute.requests(own.latest);
        low(limits.monthly_spend.is_some(), month, lent.month.get(), amount.get())
            || low(limits.daily_spend.is_some(), day, lent.day.get(), amount.get())
            || low(
                limits.requests_per_day.is_some(),
                own.day_requests.into(),
                lent.day_requests.into(),
                1,
            )
            || low(limits.requests_per_minute.is_some(), minute.into(), lent.minute.into(), 1)
    }

    /// Whether its time is half over, with something on it.
    #[must_use]
    pub fn grows_old(&self, now: Timestamp) -> bool {
        let now = self.moment(now).unix_millis();
        self.lease.as_ref().is_some_and(|lease| {
            lease.lent != Lent::default() && lease.until.saturating_sub(now) < LASTS / 2
        })
    }

    /// Whether nothing is on lease and nothing was counted since the last renewal.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let own = &self.own;
        self.unheard.is_empty()
            && self.lease.as_ref().is_none_or(|lease| lease.lent == Lent::default())
            && own.month.used() == Pico::ZERO
            && own.day.used() == Pico::ZERO
            && own.day_requests == 0
            && own.minute.is_empty()
    }

    /// Whether anything was counted that the store does not know of, but for what is held.
    #[must_use]
    pub fn has_counted(&self) -> bool {
        let own = &self.own;
        own.month.spent > Pico::ZERO || own.day.spent > Pico::ZERO || own.day_requests > 0
    }

    /// Whether money is held for calls of this node.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.own.month.held > Pico::ZERO || self.own.day.held > Pico::ZERO
    }

    /// Whether other nodes have something on lease.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.base.lent() != Lent::default()
    }

    /// The same account as if every call under way came back unused, and every other node gave
    /// back what it has: what does not fit there will not fit by waiting.
    #[must_use]
    pub fn at_best(&self) -> Self {
        let mut best = self.clone();
        best.base.leases.clear();
        best.own.month.held = Pico::ZERO;
        best.own.day.held = Pico::ZERO;
        best.lease = None;
        best
    }

    pub(super) fn count(&mut self, amount: Pico, pause: u16) -> Hold {
        match self.lease {
            Some(_) => self.own.count(amount, pause),
            None => self.base.count(amount, pause),
        }
    }

    pub(super) fn take_back(&mut self, hold: &Hold) {
        match self.lease {
            Some(_) => self.own.take_back(hold),
            None => self.base.take_back(hold),
        }
    }

    /// Replaces a hold by what the call cost, in the windows in which it was admitted.
    pub fn settle(&mut self, hold: &Hold, cost: Pico) {
        match self.lease {
            Some(_) => {
                let admitted = hold.admitted.unix_millis();
                if admitted > self.charged.0 {
                    self.own.month.settle(hold.month, hold.amount, cost);
                }
                if admitted > self.charged.1 {
                    self.own.day.settle(hold.day, hold.amount, cost);
                }
            }
            None => self.base.settle(hold, cost),
        }
    }

    /// Keeps the account until a moment; `None` keeps it for good.
    pub fn keep(&mut self, until: Option<Timestamp>) {
        self.base.until = until;
    }

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
        let ahead = want.ahead == Ahead::Some && want.requests > 0;
        let money = |cap: Option<Money>, used: Pico, held: Pico| {
            let Some(cap) = cap else { return held };
            let free = pico(cap).saturating_sub(used);
            let needed = held.saturating_add(want.amount);
            let each = want.amount.get() / u64::from(want.requests.max(1));
            let spare = each
                .saturating_mul(CALLS_AHEAD)
                .min(free.saturating_sub(needed).get() / PART_AHEAD)
                .saturating_mul(u64::from(ahead));
            // what is held was covered before, perhaps under a higher cap
            needed.saturating_add(Pico::new(spare)).min(free).max(held)
        };
        let requests = |most: Option<u32>, used: u32| {
            let Some(most) = most else { return 0 };
            let free = most.saturating_sub(used);
            let spare = (free.saturating_sub(want.requests) / 2).min(REQUESTS_AHEAD);
            want.requests.saturating_add(spare * u32::from(ahead)).min(free)
        };
        let limits = want.limits;
        let minute = counts.minute.saturating_add(counts.lent);
        let most = |count: Option<okap_types::Count>| count.map(|most| most.get());
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

impl Default for Leased {
    /// An account of no node: nothing is on lease.
    fn default() -> Self {
        Self::new(0)
    }
}
