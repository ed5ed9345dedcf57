//! Leases are taken, and asked back of other nodes.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use okap_engine::{
    ledger::{Account, Ahead},
    pico::Pico,
    record::{Key, Loaded, Wanted},
    refusal::Refusal,
};
use tokio::time::Instant;

use super::slot::{Family, More, Slot};
use crate::{
    CommitError, Consent, StoreError, Vault,
    core::Core,
    vault::{TRIES, load},
};

/// How long other nodes have to give back what they do not use.
pub(super) const RECALL: Duration = Duration::from_secs(2);
/// How often a call that waits for them looks.
pub(super) const LOOK: Duration = Duration::from_millis(50);

impl<V: Vault, C: Consent> Core<V, C> {
    /// Takes leases that cover a call, on each of its accounts that has none that does.
    pub(super) async fn cover(
        self: &Arc<Self>,
        family: &Family,
        amount: Pico,
    ) -> Result<(), Refusal> {
        self.attend();
        for (slot, limits) in family.uncovered(amount) {
            let _waits = slot.wait(amount);
            let _turn = slot.renewing.lock().await;
            // another call's turn may have been this one's, too
            if !slot.covers(&limits, amount) {
                let (calls, limits) = (slot.waiting(), Some(&limits));
                let more = More { calls, ahead: self.ahead(), limits };
                self.write_lease(&slot, &more).await.map_err(unavailable)?;
            }
        }
        Ok(())
    }

    fn ahead(&self) -> Ahead {
        if self.config.strict_holds { Ahead::None } else { Ahead::Some }
    }

    /// Renews what is nearly used up, while the call goes on; sees to it that the steward is about.
    pub(super) fn tend(self: &Arc<Self>, family: &Family) {
        if !self.config.strict_holds {
            for slot in family.low() {
                if !slot.ahead.swap(true, Ordering::Relaxed) {
                    let (core, slot) = (self.clone(), slot.clone());
                    tokio::spawn(async move {
                        core.go_on(&slot).await;
                        slot.ahead.store(false, Ordering::Relaxed);
                    });
                }
            }
        }
        self.attend();
    }

    /// Renews the lease of an account in use for the calls that will follow; `false` where the
    /// store fails.
    pub(super) async fn go_on(&self, slot: &Slot) -> bool {
        let _turn = slot.renewing.lock().await;
        if !slot.is_entered() {
            return true;
        }
        let calls = if self.config.strict_holds { (0, Pico::ZERO) } else { slot.usual() };
        let more = More { calls, ahead: self.ahead(), limits: None };
        self.write_lease(slot, &more).await.map_err(unavailable).is_ok()
    }

    /// Gives back all that no call holds; `false` where the store fails.
    pub(super) async fn return_lease(&self, slot: &Slot) -> bool {
        let _turn = slot.renewing.lock().await;
        if slot.is_clear() {
            return true;
        }
        let nothing = More { calls: (0, Pico::ZERO), ahead: Ahead::None, limits: None };
        self.write_lease(slot, &nothing).await.map_err(unavailable).is_ok()
    }

    /// Reads how the account stands, and takes no more than is held.
    pub(super) async fn look(&self, family: &Family) -> Result<(), Refusal> {
        for slot in family.slots().iter().rev() {
            let _turn = slot.renewing.lock().await;
            // another call that waits has looked just now
            if slot.renewed_ago() >= LOOK {
                let more = More { calls: slot.waiting(), ahead: Ahead::None, limits: None };
                self.write_lease(slot, &more).await.map_err(unavailable)?;
            }
        }
        Ok(())
    }

    /// Asks other nodes for what they have on lease and do not use.
    pub(super) async fn recall(&self, family: &Family) -> Result<Instant, Refusal> {
        for slot in family.slots().iter().filter(|slot| slot.is_to_recall()) {
            let found = load::<Wanted>(&self.vault, &slot.account).await.map_err(unavailable)?;
            let wanted = Wanted { node: self.allowance.node, at: self.clock.now() };
            let key = Key::of::<Wanted>(&slot.account);
            let loaded = found.unwrap_or(Loaded { key, version: None, record: wanted.clone() });
            match self.vault.commit(vec![loaded.replace(&wanted)]).await {
                // another asks as well
                Ok(()) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(unavailable(error)),
            }
        }
        Ok(Instant::now())
    }

    /// Writes another lease of this node, under the caps that it is wanted under or those of the latest
    /// call; the caller has the slot's turn. May be dropped: the slot knows of what is not heard.
    async fn write_lease(&self, slot: &Slot, more: &More<'_>) -> Result<(), StoreError> {
        let key = Key::of::<Account>(&slot.account);
        for _ in 0..TRIES {
            let found = self.vault.read(std::slice::from_ref(&key)).await?.pop().flatten();
            let loaded = Loaded::read(key.clone(), found).map_err(StoreError::new)?;
            let empty = || Loaded { key: key.clone(), version: None, record: Account::default() };
            let loaded = loaded.unwrap_or_else(empty);
            let serial = self.allowance.next_renewal();
            let now = self.clock.now();
            let renewal = slot.renewal(&loaded.record, more, serial, now);
            match self.vault.commit(vec![loaded.replace(&renewal.stored)]).await {
                Ok(()) => {
                    slot.renewed(renewal);
                    return Ok(());
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::new("too many conflicts"))
    }
}

fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "a lease could not be written");
    Refusal::VaultUnavailable
}
