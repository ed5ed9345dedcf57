//! What this node may let through: the room of the ledger in a running vault.
//!
//! Today every hold is one durable commit before the call leaves, guarded by the record's
//! version, so that any number of nodes on one store keep one cap. Leases, which take the store
//! out of the way of a call, belong here and nowhere else.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    admit::Admitted,
    ledger::{Account, Hold},
    pico::Pico,
    record::{AuditRow, Change, Key, Loaded},
    refusal::Refusal,
};

use crate::{
    CommitError, Vault,
    vault::{TRIES, load_key},
};

/// How long a settlement waits before it tries a failed store again; longer each time.
const PATIENCE: Duration = Duration::from_millis(200);
/// Failures of the store after which a settlement gives up and the hold stays.
const MOST_FAILURES: u32 = 6;

/// One turnstile an account, so that calls of one app do not collide in the store.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    turnstiles: Mutex<HashMap<String, Arc<Turnstile>>>,
}

#[derive(Debug, Default)]
struct Turnstile {
    turn: tokio::sync::Mutex<()>,
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
    /// Lets one more call in, where fewer than `most` are under way.
    pub(crate) fn enter(&self, account: &str, most: usize) -> Result<Place, Refusal> {
        let place = Place(self.turnstile(account));
        match place.0.inside.fetch_add(1, Ordering::Relaxed) {
            before if before < most => Ok(place),
            _ => Err(Refusal::CallsAtOnce { most }),
        }
    }

    /// Admits a call against its account; the hold is durable before this returns.
    pub(crate) async fn hold(
        &self,
        vault: &impl Vault,
        account: &str,
        admit: impl Fn(&mut Account) -> Result<Admitted, Refusal> + Send,
    ) -> Result<Admitted, Refusal> {
        let turnstile = self.turnstile(account);
        let _turn = turnstile.turn.lock().await;
        for _ in 0..TRIES {
            let loaded = account_of(vault, account).await?;
            let mut counted = loaded.record.clone();
            let admitted = admit(&mut counted)?;
            match vault.commit(vec![loaded.replace(&counted)]).await {
                Ok(()) => return Ok(admitted),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => {
                    tracing::error!(%error, "a hold could not be stored");
                    return Err(Refusal::VaultUnavailable);
                }
            }
        }
        Err(Refusal::VaultUnavailable)
    }

    /// Replaces a hold by what the call cost and writes its audit row, both or neither.
    ///
    /// Where the store fails, the hold stays counted: the cap holds, and the log says so.
    pub(crate) async fn settle(
        &self,
        vault: &impl Vault,
        account: &str,
        hold: &Hold,
        cost: Pico,
        row: AuditRow,
    ) -> bool {
        let turnstile = self.turnstile(account);
        let _turn = turnstile.turn.lock().await;
        let mut failures = 0;
        for _ in 0..TRIES {
            if failures > 0 {
                tokio::time::sleep(PATIENCE * failures).await;
            }
            let Ok(loaded) = account_of(vault, account).await else {
                failures += 1;
                if failures > MOST_FAILURES { break } else { continue }
            };
            let mut settled = loaded.record.clone();
            settled.settle(hold, cost);
            let changes = vec![loaded.replace(&settled), Change::Append(Box::new(row.clone()))];
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

async fn account_of(vault: &impl Vault, name: &str) -> Result<Loaded<Account>, Refusal> {
    let key = Key::of::<Account>(name);
    match load_key(vault, key.clone()).await {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Ok(Loaded { key, version: None, record: Account::default() }),
        Err(error) => {
            tracing::error!(%error, "an account could not be read");
            Err(Refusal::VaultUnavailable)
        }
    }
}
