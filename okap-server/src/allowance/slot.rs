use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    admit::Admitted,
    ledger::{Account, Ahead, Chain, Denial, Hold, Leased, Renewal, Want},
    pico::Pico,
    record::Share,
    refusal::Refusal,
};
use okap_types::{Limits, Timestamp};
use tokio::{sync::Notify, time::Instant};

/// One account on this node.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(super) account: String,
    counted: Mutex<Counted>,
    /// One renewal at a time.
    pub(super) renewing: tokio::sync::Mutex<()>,
    /// Whether a renewal is on its way that no call waits for.
    pub(super) ahead: AtomicBool,
    /// Rings when a call of this family is settled.
    pub(super) freed: Notify,
    /// Calls under way.
    inside: AtomicUsize,
}

#[derive(Debug)]
struct Counted {
    leased: Leased,
    /// The caps of the latest call.
    limits: Limits,
    /// The money of the latest call.
    usual: Pico,
    /// Calls that were let through since the latest renewal.
    since: u32,
    /// Calls that wait for a lease, and their money.
    waiting: (u32, Pico),
    touched: Instant,
    renewed: Instant,
    /// Until when nothing is taken ahead, since others want it.
    contested: Option<Instant>,
    /// When this node last asked the others.
    recalled: Option<Instant>,
}

/// What is taken beside what is held.
pub(super) struct More<'a> {
    /// For how many calls, and how much money for them all.
    pub(super) calls: (u32, Pico),
    pub(super) ahead: Ahead,
    /// The caps that they go under; `None` takes those of the latest call.
    pub(super) limits: Option<&'a Limits>,
}

/// What the steward does with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// It is in use: the lease goes on.
    Renew,
    /// It is not: the lease goes back.
    GiveBack,
}

/// For how long a lease is taken, as calls come at the time: the store syncs each one.
const AHEAD: Duration = Duration::from_millis(100);
/// Calls that are taken ahead at most.
const MOST_AHEAD: u128 = 8192;
/// The shortest time by which it is told how fast calls come.
const TOLD_BY: Duration = Duration::from_millis(10);
/// Calls at which a lease runs low at the latest.
const LOW: u32 = 4;
/// How long an account is left alone before its lease goes back.
const IDLE: Duration = Duration::from_millis(100);
/// How often a lease is renewed at most while it covers the calls that come.
const OFTEN: Duration = Duration::from_millis(20);
/// How long what a node has counted may be unknown to the store.
const UNKNOWN: Duration = Duration::from_secs(1);
/// How often a node asks the others to give back.
const RECALLED: Duration = Duration::from_secs(1);
/// How long a node takes nothing ahead once another has asked for what it had.
const CONTESTED: Duration = Duration::from_secs(5);

impl Counted {
    /// How many calls come in the time that a lease is taken for.
    fn pace(&self) -> u32 {
        pace(self.since, self.renewed.elapsed())
    }
}

fn pace(calls: u32, within: Duration) -> u32 {
    let within = within.max(TOLD_BY).as_millis();
    let calls = u128::from(calls) * AHEAD.as_millis() / within;
    u32::try_from(calls.min(MOST_AHEAD)).unwrap_or_default()
}

impl Slot {
    pub(super) fn new(node: u64, account: &str) -> Self {
        let now = Instant::now();
        Self {
            account: account.to_owned(),
            counted: Mutex::new(Counted {
                leased: Leased::new(node),
                limits: Limits::default(),
                usual: Pico::ZERO,
                since: 0,
                waiting: (0, Pico::ZERO),
                touched: now,
                renewed: now,
                contested: None,
                recalled: None,
            }),
            renewing: tokio::sync::Mutex::default(),
            ahead: AtomicBool::new(false),
            freed: Notify::new(),
            inside: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_entered(&self) -> bool {
        self.inside.load(Ordering::Relaxed) > 0
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.is_entered() && self.is_clear()
    }

    /// Whether the store knows all that was counted here, and has nothing on lease for it.
    pub(super) fn is_clear(&self) -> bool {
        self.lock().leased.is_idle()
    }

    /// As this node has it.
    pub(super) fn seen(&self) -> Leased {
        self.lock().leased.clone()
    }

    /// As this node has it, beside how it stands in the store.
    pub(super) fn with(&self, stored: &Account) -> Option<Leased> {
        self.lock().leased.with(stored)
    }

    pub(super) fn covers(&self, limits: &Limits, amount: Pico) -> bool {
        self.lock().leased.covers(limits, amount)
    }

    /// One more call waits for a lease, until what this gives is dropped.
    pub(super) fn wait(self: &Arc<Self>, amount: Pico) -> Waits {
        let mut counted = self.lock();
        let (calls, money) = counted.waiting;
        counted.waiting = (calls.saturating_add(1), money.saturating_add(amount));
        drop(counted);
        Waits(self.clone(), amount)
    }

    /// The calls that wait and their money.
    pub(super) fn waiting(&self) -> (u32, Pico) {
        self.lock().waiting
    }

    /// Makes out a renewal that covers some calls more.
    pub(super) fn renewal(
        &self,
        stored: &Account,
        more: &More<'_>,
        serial: u64,
        now: Timestamp,
    ) -> Renewal {
        let mut counted = self.lock();
        let contested = counted.contested.is_some_and(|until| Instant::now() < until);
        let ahead = match more.ahead {
            Ahead::Some if !contested => Ahead::Calls(counted.pace()),
            _ => Ahead::None,
        };
        let limits = more.limits.unwrap_or(&counted.limits).clone();
        let (requests, amount) = more.calls;
        let want = Want { limits: &limits, amount, requests, ahead };
        counted.leased.renew(stored, &want, serial, now)
    }

    pub(super) fn renewed_ago(&self) -> Duration {
        self.lock().renewed.elapsed()
    }

    /// Whether other nodes are asked for what they have of it: once in a while, however many calls
    /// wait.
    pub(super) fn is_to_recall(&self) -> bool {
        let mut counted = self.lock();
        let is_to = counted.recalled.is_none_or(|at| at.elapsed() >= RECALLED);
        if is_to {
            counted.recalled = Some(Instant::now());
        }
        is_to
    }

    pub(super) fn renewed(&self, renewal: Renewal) {
        let mut counted = self.lock();
        counted.leased.renewed(renewal);
        counted.renewed = Instant::now();
        counted.since = 0;
    }

    /// What the latest call was like, for those that will follow.
    pub(super) fn usual(&self) -> (u32, Pico) {
        (1, self.lock().usual)
    }

    /// Another node asks for what this one does not use.
    pub(super) fn contest(&self) {
        self.lock().contested = Some(Instant::now() + CONTESTED);
    }

    pub(super) fn due(&self, now: Timestamp) -> Due {
        let counted = self.lock();
        let leased = &counted.leased;
        // whoever is inside may hold nothing yet, and wait for the lease of another account
        let left = !self.is_entered() && counted.touched.elapsed() >= IDLE;
        let idle = left && !leased.holds();
        match leased.is_idle() {
            true => Due::Nothing,
            false if idle => Due::GiveBack,
            false if leased.grows_old(now) => Due::Renew,
            false if leased.has_counted() && counted.renewed.elapsed() >= UNKNOWN => Due::Renew,
            false => Due::Nothing,
        }
    }
}

/// The accounts that the calls of one part count in, its own first.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    shares: Vec<Share>,
    slots: Vec<Arc<Slot>>,
    first: Arc<Slot>,
}

impl Family {
    /// Shares beside their accounts; `first` is the one that all of the family count in.
    pub(super) fn new(shares: Vec<Share>, slots: Vec<Arc<Slot>>, first: Arc<Slot>) -> Self {
        Self { shares, slots, first }
    }

    /// The account that all of the family count in.
    pub(super) fn first(&self) -> &Slot {
        &self.first
    }

    pub(super) fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    /// Whether requests of a minute are capped.
    pub(crate) fn is_rated(&self) -> bool {
        self.shares.iter().any(|share| share.limits.requests_per_minute.is_some())
    }

    /// Lets one more call in, where fewer than `most` of the whole family are under way.
    pub(crate) fn enter(self: &Arc<Self>, most: usize) -> Result<Place, Refusal> {
        let entered = |slot: &Arc<Slot>| slot.inside.fetch_add(1, Ordering::Relaxed);
        // the last one is that of the whole family
        let before = self.slots.iter().map(entered).fold(0, |_, before| before);
        let place = Place(self.clone());
        match before < most {
            true => Ok(place),
            false => Err(Refusal::CallsAtOnce { most }),
        }
    }

    /// All of them at once, locked from the top down: what is delegated stands below one account
    /// alone, so that no two calls wait for each other.
    fn lock(&self) -> Vec<MutexGuard<'_, Counted>> {
        let mut locked: Vec<_> = self.slots.iter().rev().map(|slot| slot.lock()).collect();
        locked.reverse();
        locked
    }

    /// Counts a call on all of them or on none.
    pub(super) fn count(
        &self,
        admit: &impl Fn(&mut Chain) -> Result<Admitted, Denial>,
    ) -> Result<Admitted, Denial> {
        let mut locked = self.lock();
        let leased = locked.iter_mut().map(|counted| std::mem::take(&mut counted.leased));
        let mut chain = Chain::leased(&self.shares, leased.collect::<Vec<_>>());
        // what was taken out goes back, whatever happens
        let admitted = catch_unwind(AssertUnwindSafe(|| admit(&mut chain)))
            .unwrap_or(Err(Denial::Refused(Refusal::VaultUnavailable)));
        let now = Instant::now();
        for ((counted, leased), share) in
            locked.iter_mut().zip(chain.into_leased()).zip(&self.shares)
        {
            counted.leased = leased;
            counted.touched = now;
            if counted.limits != share.limits {
                counted.limits = share.limits.clone();
            }
            if let Ok(admitted) = &admitted {
                counted.usual = admitted.hold.amount;
                counted.since = counted.since.saturating_add(1);
            }
        }
        admitted
    }

    /// Whether a call could fit if everything that is held or on lease elsewhere came back.
    pub(super) fn may_fit(&self, admit: &impl Fn(&mut Chain) -> Result<Admitted, Denial>) -> bool {
        let best: Vec<_> = self.lock().iter().map(|counted| counted.leased.at_best()).collect();
        admit(&mut Chain::leased(&self.shares, best)).is_ok()
    }

    /// Whether other nodes have something of it on lease.
    pub(super) fn is_shared(&self) -> bool {
        self.slots.iter().any(|slot| slot.lock().leased.is_shared())
    }

    /// Whether money is held for calls of this node.
    pub(super) fn holds(&self) -> bool {
        self.slots.iter().any(|slot| slot.lock().leased.holds())
    }

    /// Those whose lease does not cover a call, from the top down.
    pub(super) fn uncovered(&self, amount: Pico) -> Vec<(Arc<Slot>, Limits)> {
        let pairs = self.slots.iter().zip(&self.shares).rev();
        let uncovered = pairs.filter(|(slot, share)| !slot.covers(&share.limits, amount));
        uncovered.map(|(slot, share)| (slot.clone(), share.limits.clone())).collect()
    }

    /// Those whose lease is nearly used up, and that were not renewed just now.
    pub(super) fn low(&self) -> impl Iterator<Item = &Arc<Slot>> {
        let pairs = self.slots.iter().zip(&self.shares);
        let low = pairs.filter(|(slot, share)| {
            let counted = slot.lock();
            let renewed = counted.renewed.elapsed();
            let low = LOW.max(pace(counted.since, renewed) / 4);
            renewed >= OFTEN && counted.leased.runs_low(&share.limits, counted.usual, low)
        });
        low.map(|(slot, _)| slot)
    }

    /// Replaces a hold by what the call cost.
    pub(super) fn settle(&self, hold: &Hold, cost: Pico) {
        for slot in self.slots.iter().rev() {
            slot.lock().leased.settle(hold, cost);
        }
        self.first().freed.notify_waiters();
    }
}

/// A call that waits for a lease, until it is dropped.
#[derive(Debug)]
pub(super) struct Waits(Arc<Slot>, Pico);

impl Drop for Waits {
    fn drop(&mut self) {
        let mut counted = self.0.lock();
        let (calls, money) = counted.waiting;
        counted.waiting = (calls.saturating_sub(1), money.saturating_sub(self.1));
    }
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Family>);

impl Drop for Place {
    fn drop(&mut self) {
        for slot in &self.0.slots {
            slot.inside.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_taken_for_as_many_calls_as_come_until_the_next_one() {
        let ms = Duration::from_millis;
        assert_eq!(pace(0, ms(0)), 0);
        assert_eq!(pace(300, ms(50)), 600);
        assert_eq!(pace(300, ms(1000)), 30);
        // a burst does not tell how many come after it
        assert_eq!(pace(3, ms(0)), 30);
        assert_eq!(pace(u32::MAX, ms(50)), 8192);
    }
}
