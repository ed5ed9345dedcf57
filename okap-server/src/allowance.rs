//! What this node may let through: the room of the ledger in a running vault.
//!
//! A node counts its calls against leases that it has of the store ([`renew`]), so that a call waits
//! for no store. What a call cost is durable before its answer ends ([`books`]). Behind the calls
//! the [`steward`] renews leases, gives back what is not used, and hears what other nodes want.

mod books;
mod renew;
mod slot;
mod steward;

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    admit::Admitted,
    ledger::{Account, Chain, Denial, Leased, Used},
    pico::Pico,
    record::{CallId, Key, Loaded, Share},
    refusal::Refusal,
};
use okap_types::Limits;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Consent, StoreError, Vault, core::Core};

use self::books::Books;
use self::slot::Slot;
pub(crate) use self::{
    books::Settling,
    slot::{Family, Place},
};

/// Accounts that a node knows before it forgets those that nobody uses.
const MANY: usize = 10_000;
/// How often a call takes leases before it gives up: others may use up what it took.
const TURNS: usize = 64;
/// How long a call waits for the store, each time: one that hangs has failed.
const WITHIN: Duration = Duration::from_secs(10);

/// Whether a call is let through with less output than it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortens {
    /// Money is held that may come back.
    Not,
    /// What is left is all there is.
    Yes,
}

/// The leases of this node, and the calls that count in them.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// This start of this process, among all that ever write to the store.
    node: u64,
    calls: AtomicU64,
    /// Renewals that were made out, of all accounts.
    renewals: AtomicU64,
    slots: RwLock<HashMap<String, Arc<Slot>>>,
    books: Books,
    /// Whether the steward is about.
    tended: AtomicBool,
}

impl Allowance {
    /// # Errors
    /// [`StoreError`] where the system has no random bits.
    pub(crate) fn new() -> Result<Self, StoreError> {
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).map_err(|e| StoreError::new(e.to_string()))?;
        Ok(Self {
            node: u64::from_le_bytes(bits) >> 1,
            calls: AtomicU64::new(0),
            renewals: AtomicU64::new(1),
            slots: RwLock::default(),
            books: Books::default(),
            tended: AtomicBool::new(false),
        })
    }

    /// A name for one more call.
    pub(crate) fn next_call(&self) -> CallId {
        CallId { node: self.node, number: self.calls.fetch_add(1, Ordering::Relaxed) }
    }

    /// A number for one more renewal.
    fn next_renewal(&self) -> u64 {
        self.renewals.fetch_add(1, Ordering::Relaxed)
    }

    /// The accounts that calls of a part count in, as this node has them.
    pub(crate) fn family(&self, shares: Vec<Share>) -> Family {
        let slots: Vec<_> = shares.iter().map(|share| self.slot(&share.account)).collect();
        let first = slots.last().cloned().unwrap_or_else(|| self.slot(""));
        Family::new(shares, slots, first)
    }

    fn slot(&self, account: &str) -> Arc<Slot> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(account) {
            return slot.clone();
        }
        drop(slots);
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MANY {
            // whoever counts in one holds it, so none is ever there twice
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_idle());
        }
        let slot = || Arc::new(Slot::new(self.node, account));
        slots.entry(account.to_owned()).or_insert_with(slot).clone()
    }

    fn all(&self) -> Vec<Arc<Slot>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.values().cloned().collect()
    }

    /// Whether no call is under way, and none waits for its row.
    pub(crate) fn is_at_rest(&self) -> bool {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        self.books.is_empty() && slots.values().all(|slot| !slot.is_entered())
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Admits a call against its accounts, under leases of this node.
    ///
    /// # Behavior
    /// - Takes leases as they are needed, down to the last of what is left.
    /// - Waits where the money that is missing is held for other calls and may come back, also where
    ///   the call would only be shortened: `admit` then says so, as long as it is asked to.
    pub(crate) async fn hold(
        self: &Arc<Self>,
        family: &Family,
        admit: impl Fn(&mut Chain, Shortens) -> Result<Admitted, Denial> + Send,
    ) -> Result<Admitted, Refusal> {
        if self.allowance.books.is_failing() {
            return Err(Refusal::VaultUnavailable);
        }
        let uncovered = match family.count(&|chain: &mut Chain| admit(chain, Shortens::Not)) {
            Ok(admitted) => {
                self.tend(family);
                return Ok(admitted);
            }
            Err(Denial::Uncovered(amount)) => Some(amount),
            Err(Denial::Refused(refusal)) if !is_limit(&refusal) => return Err(refusal),
            Err(Denial::Refused(_) | Denial::Shortened) => None,
        };
        // boxed, since most calls are covered by what is on lease
        Box::pin(self.hold_later(family, uncovered, admit)).await
    }

    /// The same for a call that may have to wait: for a lease, where it was not covered.
    async fn hold_later(
        self: &Arc<Self>,
        family: &Family,
        uncovered: Option<Pico>,
        admit: impl Fn(&mut Chain, Shortens) -> Result<Admitted, Denial> + Send,
    ) -> Result<Admitted, Refusal> {
        let deadline = Instant::now() + self.config.wait_for_money;
        let (mut recalled, mut turns, mut shortens) = (None, 0, Shortens::Not);
        if let Some(amount) = uncovered {
            turns = 1;
            in_time(self.cover(family, amount)).await?;
        }
        loop {
            if self.allowance.books.is_failing() {
                return Err(Refusal::VaultUnavailable);
            }
            let freed = family.first().freed.notified();
            let mut freed = std::pin::pin!(freed);
            freed.as_mut().enable();
            // from here on every settlement is heard of
            let now = |chain: &mut Chain| admit(chain, shortens);
            let refusal = match family.count(&now) {
                Ok(admitted) => {
                    self.tend(family);
                    return Ok(admitted);
                }
                Err(Denial::Uncovered(_)) if turns == TURNS => {
                    return Err(Refusal::VaultUnavailable);
                }
                Err(Denial::Uncovered(amount)) => {
                    turns += 1;
                    in_time(self.cover(family, amount)).await?;
                    continue;
                }
                Err(Denial::Shortened) => {
                    if family.holds() && Instant::now() < deadline && family.may_fit(&now) {
                        let _ = timeout_at(deadline, freed).await;
                    } else {
                        shortens = Shortens::Yes;
                    }
                    continue;
                }
                Err(Denial::Refused(refusal)) => refusal,
            };
            let at_all = |chain: &mut Chain| admit(chain, Shortens::Yes);
            if !is_limit(&refusal) || !family.may_fit(&at_all) {
                return Err(refusal);
            }
            // it would fit if others gave back what they have, or calls under way cost less
            let patience = self.patience(family, deadline, &mut recalled);
            let Some(until) = in_time(patience).await? else {
                return Err(refusal);
            };
            let _ = timeout_at(until, freed).await;
            if family.is_shared() {
                in_time(self.look(family)).await?;
            }
        }
    }

    /// Until when a call waits for what other nodes give back, or for calls under way here; `None`
    /// where it has waited long enough for either.
    async fn patience(
        &self,
        family: &Family,
        deadline: Instant,
        recalled: &mut Option<Instant>,
    ) -> Result<Option<Instant>, Refusal> {
        if family.is_shared() {
            let since = match *recalled {
                Some(since) => since,
                None => *recalled.insert(self.recall(family).await?),
            };
            let now = Instant::now();
            if now < since + renew::RECALL {
                return Ok(Some(now + renew::LOOK));
            }
        }
        Ok((family.holds() && Instant::now() < deadline).then_some(deadline))
    }

    /// The accounts beside their caps, as they stand now: others' as stored, our own as counted.
    pub(crate) async fn used(&self, shares: &[Share]) -> Result<Vec<(Limits, Used)>, StoreError> {
        let chain = self.chain(shares).await?;
        let now = self.clock.now();
        Ok(chain.used(now).map(|(limits, used)| (limits.clone(), used)).collect())
    }

    /// The same, as a chain.
    pub(crate) async fn chain(&self, shares: &[Share]) -> Result<Chain, StoreError> {
        const AGAIN: usize = 8;
        let mut seen: Vec<Leased> = Vec::new();
        for _ in 0..AGAIN {
            let stored = accounts(&self.vault, shares).await?;
            let with = |(share, stored): (&Share, &Loaded<Account>)| {
                self.allowance.slot(&share.account).with(&stored.record)
            };
            let as_seen: Option<Vec<_>> = shares.iter().zip(&stored).map(with).collect();
            if let Some(as_seen) = as_seen {
                seen = as_seen;
                break;
            }
        }
        if seen.is_empty() {
            seen = shares.iter().map(|share| self.allowance.slot(&share.account).seen()).collect();
        }
        Ok(Chain::leased(shares, seen))
    }
}

/// Whether what is missing may come back.
const fn is_limit(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::SpendLimitExceeded { .. }
            | Refusal::RequestsPerMinute { .. }
            | Refusal::RequestsPerDay { .. }
    )
}

/// What the store has to say in time. Boxed, since few calls ask: each would else carry room for it
/// along.
fn in_time<'a, T: 'a>(
    asked: impl Future<Output = Result<T, Refusal>> + Send + 'a,
) -> impl Future<Output = Result<T, Refusal>> + Send + 'a {
    let asked = timeout(WITHIN, Box::pin(asked));
    async move { asked.await.unwrap_or(Err(Refusal::VaultUnavailable)) }
}

/// The accounts as stored, in the order of their shares; new ones where none stand.
async fn accounts(
    vault: &impl Vault,
    shares: &[Share],
) -> Result<Vec<Loaded<Account>>, StoreError> {
    let keys: Vec<_> = shares.iter().map(|s| Key::of::<Account>(&s.account)).collect();
    let found = vault.read(&keys).await?;
    let loaded = keys.into_iter().zip(found).map(|(key, found)| {
        let account = Loaded::read(key.clone(), found).map_err(StoreError::new)?;
        Ok(account.unwrap_or(Loaded { key, version: None, record: Account::default() }))
    });
    loaded.collect()
}
