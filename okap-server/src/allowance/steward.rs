//! What is done behind the calls: leases are renewed and given back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use okap_engine::record::{Key, Wanted};
use tokio::time::{sleep, timeout};

use super::slot::{Due, Slot};
use crate::{Consent, Vault, core::Core};

/// How often the steward goes round.
const ROUND: Duration = Duration::from_millis(100);
/// Leases that are written at one time.
const AT_ONCE: usize = 64;
/// How long a store that fails is left alone.
const PATIENCE: Duration = Duration::from_secs(1);
/// Rounds without a lease after which the steward leaves.
const RESTS: u32 = 10;

impl<V: Vault, C: Consent> Core<V, C> {
    /// Sees to it that the steward is about.
    pub(super) fn attend(self: &Arc<Self>) {
        let about = self.allowance.tended.load(Ordering::Relaxed);
        if !about && !self.allowance.tended.swap(true, Ordering::SeqCst) {
            let core = self.clone();
            tokio::spawn(async move {
                loop {
                    core.steward().await;
                    core.allowance.tended.store(false, Ordering::SeqCst);
                    // a call may have come meanwhile, and left it to this one
                    let idle = core.allowance.all().iter().all(|slot| slot.is_idle());
                    if idle || core.allowance.tended.swap(true, Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
    }

    async fn steward(&self) {
        let mut rests = 0;
        while rests < RESTS {
            // a hint of the store is as good as a round
            let _ = timeout(ROUND, self.vault.changed()).await;
            let slots = self.allowance.all();
            let busy: Vec<_> = slots.iter().filter(|slot| !slot.is_idle()).cloned().collect();
            rests = if busy.is_empty() { rests + 1 } else { 0 };
            if !busy.is_empty() && self.look_around().await {
                self.hear(&busy).await;
            }
            let seen_to = stream::iter(busy)
                .map(|slot| async move { self.see_to(&slot).await })
                .buffer_unordered(AT_ONCE);
            if !seen_to.fold(true, |all, done| std::future::ready(all && done)).await {
                sleep(PATIENCE).await;
            }
        }
    }

    async fn see_to(&self, slot: &Slot) -> bool {
        match slot.due(self.clock.now()) {
            Due::Nothing => true,
            Due::Renew => self.go_on(slot).await,
            Due::GiveBack => self.return_lease(slot).await,
        }
    }

    /// Gives back every lease, for a node that stops: nothing of it is lost.
    pub(crate) async fn give_all_back(&self) {
        let given = stream::iter(self.allowance.all())
            .map(|slot| async move { self.return_lease(&slot).await });
        let _: Vec<bool> = given.buffer_unordered(AT_ONCE).collect().await;
    }

    /// Gives back what other nodes ask for.
    async fn hear(&self, slots: &[Arc<Slot>]) {
        let keys: Vec<_> = slots.iter().map(|slot| Key::of::<Wanted>(&slot.account)).collect();
        let Ok(found) = self.vault.read(&keys).await else { return };
        for (slot, found) in slots.iter().zip(found) {
            let asked = found.and_then(|found| serde_json::from_slice::<Wanted>(&found.bytes).ok());
            let recent = |asked: &Wanted| asked.at.plus_seconds(5) > self.clock.now();
            if asked.is_some_and(|asked| asked.node != self.allowance.node && recent(&asked)) {
                slot.contest();
                self.return_lease(slot).await;
            }
        }
    }
}
