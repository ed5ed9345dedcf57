mod renewal;

use okap_types::{Limits, Money, Timestamp};

use super::{
    Account, Hold, Used,
    account::Counts,
    lease::{LASTS, Lease, Lent, SPARED},
};
use crate::{pico::Pico, refusal::Refusal};
pub use renewal::{Ahead, Renewal, Want};

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
        let latest = mine.as_ref().map_or(0, |lease| lease.serial) == known;
        // what was counted before the last write may be missing from another of this node's, and
        // from one without any, unless another node has taken the lease in since it ended
        let ended = self.lease.as_ref().is_some_and(|lease| lease.has_ended(base.latest));
        // a node that has forgotten the account had all of it written, and nothing on lease
        let forgotten = known == 0 && mine.as_ref().is_some_and(|l| l.lent == Lent::default());
        let taken_in = mine.is_none() && ended;
        let current = latest || self.is_idle() && (taken_in || forgotten);
        current.then(|| Self { base, ..self.clone() })
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
        own.latest.saturating_add(SPARED) < lease.until
            && money(limits.monthly_spend, own.month.used(), lent.month)
            && money(limits.daily_spend, own.day.used(), lent.day)
            && limits.requests_per_day.is_none_or(|_| own.day_requests < lent.day_requests)
            && limits
                .requests_per_minute
                .is_none_or(|_| own.minute.requests(own.latest) < lent.minute)
    }

    /// Whether fewer than so many calls of such money are left of what is on lease: a reason to renew
    /// it while calls go on.
    #[must_use]
    pub fn runs_low(&self, limits: &Limits, amount: Pico, calls: u32) -> bool {
        let Some(lease) = &self.lease else { return false };
        let own = &self.own;
        let lent = lease.lent_in(own.month.number, own.day.number);
        let low = |capped: bool, used: u64, lent: u64, each: u64| {
            capped && lent.saturating_sub(used) < each.saturating_mul(calls.into())
        };
        let (month, day) = (own.month.used().get(), own.day.used().get());
        low(limits.monthly_spend.is_some(), month, lent.month.get(), amount.get())
            || low(limits.daily_spend.is_some(), day, lent.day.get(), amount.get())
            || low(
                limits.requests_per_day.is_some(),
                own.day_requests.into(),
                lent.day_requests.into(),
                1,
            )
            || limits.requests_per_minute.is_some_and(|_| {
                let minute = own.minute.requests(own.latest);
                low(true, minute.into(), lent.minute.into(), 1)
            })
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
}

impl Default for Leased {
    /// An account of no node: nothing is on lease.
    fn default() -> Self {
        Self::new(0)
    }
}
