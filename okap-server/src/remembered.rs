//! What a node remembers of the store, so that a call need not read it: who holds a token, and the
//! owners' keys. Good while the store's generation stands, and never for long without asking.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use okap_engine::{
    record::{Change, Owner},
    refusal::Refusal,
};
use okap_types::{GrantId, Provider, Secret, token::AccessToken};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

use crate::{
    CommitError, Consent, REMEMBERED, StoreError, Vault, allowance::Family, core::Core,
    holder::Holder,
};

/// How often the store is asked for its generation while calls come.
const ASKED: Duration = Duration::from_millis(100);
/// How long the store may take to answer that.
const WITHIN: Duration = Duration::from_secs(2);
/// Tokens and keys that are remembered at most.
const MANY: usize = 65_536;

/// Who holds a token, with the accounts of each part of it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) holder: Holder,
    pub(crate) families: Arc<[Arc<Family>]>,
    /// When it was read: good as long as it lasts.
    epoch: u64,
}

/// The memory of a node.
#[derive(Debug)]
pub(crate) struct Remembered {
    began: Instant,
    /// When the store was last asked with success, in milliseconds; 0 is never.
    asked: AtomicU64,
    asking: AtomicBool,
    /// When it was last asked in vain.
    unanswered: AtomicU64,
    turn: tokio::sync::Mutex<()>,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Another one whenever something may have changed: what was read before is not kept then.
    epoch: u64,
    generation: Option<u64>,
    holders: HashMap<[u8; 32], Arc<Known>>,
    /// One of the holders of each grant: what tokens of one grant have in common is there once.
    grants: HashMap<GrantId, Arc<Known>>,
    keys: HashMap<(Owner, Provider), Option<Secret<String>>>,
}

impl Kept {
    fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.holders.clear();
        self.grants.clear();
        self.keys.clear();
    }

    /// Whether something read in an epoch may be kept.
    fn keeps(&self, epoch: u64) -> bool {
        self.epoch == epoch && self.generation.is_some()
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            asked: AtomicU64::new(0),
            asking: AtomicBool::new(false),
            unanswered: AtomicU64::new(0),
            turn: tokio::sync::Mutex::default(),
            kept: RwLock::default(),
        }
    }
}

impl Remembered {
    fn now(&self) -> u64 {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        now.saturating_add(1)
    }

    /// How long ago the store was asked.
    fn age(&self) -> Duration {
        match self.asked.load(Ordering::Acquire) {
            0 => Duration::MAX,
            asked => Duration::from_millis(self.now().saturating_sub(asked)),
        }
    }

    /// Takes note of the generation that the store told when it was asked.
    fn heard(&self, generation: Option<u64>, asked: u64) {
        if !self.read(|kept| kept.generation == generation) {
            self.write(|kept| {
                kept.forget();
                kept.generation = generation;
            });
        }
        self.asked.store(asked, Ordering::Release);
    }

    fn read<T>(&self, read: impl FnOnce(&Kept) -> T) -> T {
        read(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, write: impl FnOnce(&mut Kept)) {
        write(&mut self.kept.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Commits, and forgets what it may have changed.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let heard = changes.iter().any(Change::is_heard);
        let done = self.vault.commit(changes).await;
        // also where it failed: a store may have done what it could not tell of
        if heard {
            self.remembered.write(Kept::forget);
        }
        done
    }

    /// Sees to it that what is remembered is no older than [`REMEMBERED`].
    async fn fresh(self: &Arc<Self>) -> Result<(), Refusal> {
        let age = self.remembered.age();
        if age < ASKED {
            return Ok(());
        }
        if age < REMEMBERED {
            if !self.remembered.asking.swap(true, Ordering::AcqRel) {
                let core = self.clone();
                tokio::spawn(async move {
                    core.look_around().await;
                    core.remembered.asking.store(false, Ordering::Release);
                });
            }
            return Ok(());
        }
        match Box::pin(self.look_around()).await {
            true => Ok(()),
            false => Err(Refusal::VaultUnavailable),
        }
    }

    /// Asks the store whether it has changed; `false` where it does not answer.
    pub(crate) async fn look_around(&self) -> bool {
        let came = self.remembered.now();
        let _turn = self.remembered.turn.lock().await;
        if self.remembered.age() < ASKED {
            return true;
        }
        // who has waited for another's question shares its answer
        if self.remembered.unanswered.load(Ordering::Acquire) >= came {
            return false;
        }
        // what changes from here on may be missed
        let now = self.remembered.now();
        let asked = async {
            if let Some(time) = self.vault.time().await? {
                self.clock.set(time);
            }
            self.vault.generation().await
        };
        let answer = timeout(WITHIN, asked).await;
        let error = match answer {
            Ok(Ok(generation)) => {
                self.remembered.heard(generation, now);
                return true;
            }
            Ok(Err(error)) => error,
            Err(_) => StoreError::new("no answer in time"),
        };
        tracing::error!(%error, "the store does not answer");
        self.remembered.unanswered.store(self.remembered.now(), Ordering::Release);
        false
    }

    /// Who holds a token, as remembered or as read.
    pub(crate) async fn bearer(
        self: &Arc<Self>,
        token: &AccessToken,
    ) -> Result<Arc<Known>, Refusal> {
        self.fresh().await?;
        let name: [u8; 32] = Sha256::digest(token.expose()).into();
        let (known, epoch) =
            self.remembered.read(|kept| (kept.holders.get(&name).cloned(), kept.epoch));
        if let Some(known) = known {
            return Ok(known);
        }
        // boxed, as everything that few calls need: each would else carry room for it along
        let mut holder = Box::pin(self.held(token)).await?;
        let alike = self
            .remembered
            .read(|kept| kept.grants.get(&holder.grant.id).filter(|_| kept.keeps(epoch)).cloned());
        let alike = alike.filter(|alike| alike.holder.stands() == holder.stands());
        let families = match alike {
            Some(alike) => {
                holder.grant = alike.holder.grant.clone();
                holder.ancestors = alike.holder.ancestors.clone();
                match holder.access.narrowed == alike.holder.access.narrowed {
                    true => alike.families.clone(),
                    false => self.families(&holder),
                }
            }
            None => self.families(&holder),
        };
        let known = Arc::new(Known { holder, families, epoch });
        self.remembered.write(|kept| {
            if kept.keeps(epoch) {
                if kept.holders.len() >= MANY {
                    kept.holders.clear();
                    kept.grants.clear();
                }
                kept.grants.entry(known.holder.grant.id.clone()).or_insert_with(|| known.clone());
                kept.holders.insert(name, known.clone());
            }
        });
        Ok(known)
    }

    /// The same, where it was known a moment ago.
    pub(crate) async fn still(
        self: &Arc<Self>,
        known: &Arc<Known>,
        token: &AccessToken,
    ) -> Result<Arc<Known>, Refusal> {
        self.fresh().await?;
        match self.remembered.read(|kept| kept.keeps(known.epoch)) {
            true => Ok(known.clone()),
            false => self.bearer(token).await,
        }
    }

    /// The accounts of each part that a token allows.
    fn families(&self, holder: &Holder) -> Arc<[Arc<Family>]> {
        let parts = holder.access.allows(&holder.grant).iter();
        parts.map(|part| Arc::new(self.allowance.family(part.shares()))).collect()
    }

    /// An owner's key, as remembered or as read.
    pub(crate) async fn key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        let name = (owner.clone(), provider.clone());
        let (key, epoch) = self.remembered.read(|kept| (kept.keys.get(&name).cloned(), kept.epoch));
        if let Some(key) = key {
            return Ok(key);
        }
        let key = Box::pin(self.vault.master_key(owner, provider)).await?;
        self.remembered.write(|kept| {
            if kept.keeps(epoch) {
                if kept.keys.len() >= MANY {
                    kept.keys.clear();
                }
                kept.keys.insert(name, key.clone());
            }
        });
        Ok(key)
    }
}
