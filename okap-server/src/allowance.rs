//! What this node may let through: the room of the ledger in a running vault.
//!
//! Today every hold is one durable commit before the call leaves, guarded by the record's
//! version, so that any number of nodes on one store keep one cap. Leases, which take the store
//! out of the way of a call, belong here and nowhere else.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    admit::Admitted,
    ledger::{Account, Chain, Hold},
    pico::Pico,
    record::{AuditRow, CallId, Change, Key, Loaded, Share},
    refusal::Refusal,
};

use tokio::sync::OwnedMutexGuard;

use crate::{CommitError, StoreError, Vault, vault::TRIES};

/// How long a settlement waits before it tries a failed store again; longer each time.
const PATIENCE: Duration = Duration::from_millis(200);
/// Failures of the store after which a settlement gives up and the hold stays.
const MOST_FAILURES: u32 = 6;

/// One turnstile an account, so that calls of one app do not collide in the store.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// This start of this process, among all that ever write to the store.
    node: u64,
    calls: AtomicU64,
    turnstiles: Mutex<HashMap<String, Arc<Turnstile>>>,
}

#[derive(Debug, Default)]
struct Turnstile {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Calls under way.
    inside: AtomicUsize,
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Turnstile>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Allowance {
    /// # Errors
    /// [`StoreError`] where the system has no random bits.
    pub(crate) fn new() -> Result<Self, StoreError> {
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).map_err(|e| StoreError::new(e.to_string()))?;
        let node = u64::from_le_bytes(bits) >> 1;
        Ok(Self { node, calls: AtomicU64::new(0), turnstiles: Mutex::default() })
    }

    /// A name for one more call.
    pub(crate) fn next_call(&self) -> CallId {
        CallId { node: self.node, number: self.calls.fetch_add(1, Ordering::Relaxed) }
    }

    /// Lets one more call in, where fewer than `most` of the whole family are under way.
    pub(crate) fn enter(&self, shares: &[Share], most: usize) -> Result<Place, Refusal> {
        let first = shares.last().map_or("", |share| share.account.as_str());
        let place = Place(self.turnstile(first));
        match place.0.inside.fetch_add(1, Ordering::Relaxed) {
            before if before < most => Ok(place),
            _ => Err(Refusal::CallsAtOnce { most }),
        }
    }

    /// Admits a call against its accounts; the hold is durable on all of them before this returns.
    pub(crate) async fn hold(
        &self,
        vault: &impl Vault,
        shares: &[Share],
        admit: impl Fn(&mut Chain) -> Result<Admitted, Refusal> + Send,
    ) -> Result<Admitted, Refusal> {
        let _turns = self.turns(shares).await;
        let failed = |error: &StoreError| {
            tracing::error!(%error, "a hold could not be stored");
            Refusal::VaultUnavailable
        };
        for _ in 0..TRIES {
            let loaded = accounts(vault, shares).await.map_err(|e| failed(&e))?;
            let mut chain = Chain::new(shares, loaded.iter().map(|a| a.record.clone()));
            let admitted = admit(&mut chain)?;
            match vault.commit(counted(&loaded, &chain)).await {
                Ok(()) => return Ok(admitted),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(failed(&error)),
            }
        }
        Err(Refusal::VaultUnavailable)
    }

    /// Replaces a hold by what the call cost and writes its audit row, all or nothing.
    ///
    /// Where the store fails, the hold stays counted: the cap holds, and the log says so.
    pub(crate) async fn settle(
        &self,
        vault: &impl Vault,
        shares: &[Share],
        hold: &Hold,
        cost: Pico,
        row: AuditRow,
    ) -> bool {
        let _turns = self.turns(shares).await;
        let mut failures = 0;
        for _ in 0..TRIES {
            if failures > 0 {
                tokio::time::sleep(PATIENCE * failures).await;
            }
            let Ok(loaded) = accounts(vault, shares).await else {
                failures += 1;
                if failures > MOST_FAILURES { break } else { continue }
            };
            let mut chain = Chain::new(shares, loaded.iter().map(|a| a.record.clone()));
            chain.settle(hold, cost);
            let mut changes = counted(&loaded, &chain);
            changes.push(Change::Append(Box::new(row.clone())));
            match vault.commit(changes).await {
                Ok(()) => return true,
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(_)) => {
                    failures += 1;
                    if failures > MOST_FAILURES {
                        break;
                    }
                }
            }
        }
        tracing::error!(grant = %row.grant, held = %hold.amount, "a call could not be settled; its hold stays");
        false
    }

    /// Waits for the turn at every account, from the top down: what is delegated stands below one
    /// account alone, so that no two calls wait for each other.
    async fn turns(&self, shares: &[Share]) -> Vec<OwnedMutexGuard<()>> {
        let mut turns = Vec::with_capacity(shares.len());
        for share in shares.iter().rev() {
            let turn = self.turnstile(&share.account).turn.clone();
            turns.push(turn.lock_owned().await);
        }
        turns
    }

    /// Whether no call is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        let turnstiles = self.turnstiles.lock().unwrap_or_else(PoisonError::into_inner);
        turnstiles.values().all(|turnstile| turnstile.inside.load(Ordering::Relaxed) == 0)
    }

    fn turnstile(&self, account: &str) -> Arc<Turnstile> {
        let mut turnstiles = self.turnstiles.lock().unwrap_or_else(PoisonError::into_inner);
        if turnstiles.len() > 10_000 {
            turnstiles.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        }
        turnstiles.entry(account.to_owned()).or_default().clone()
    }
}

/// The accounts as stored, in the order of their shares; new ones where none stand.
pub(crate) async fn accounts(
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

/// The changes that write the accounts back.
fn counted(loaded: &[Loaded<Account>], chain: &Chain) -> Vec<Change> {
    loaded.iter().zip(chain.accounts()).map(|(was, is)| was.replace(is)).collect()
}
