//! What a vault's own pages do: show a request, decide it, list and revoke grants.

use std::sync::Arc;

use okap_engine::{
    flow::{self, DecideError, Decided, Decision},
    ledger::Used,
    record::{Back, Grant, Interaction, Key, Loaded, Outcome, Owned, Owner, UserCoded},
    token::hash,
};
use okap_types::{GrantId, Provider};

use crate::{
    CommitError, Consent, StoreError, Vault,
    core::Core,
    vault::{TRIES, load},
};

/// Why a page's wish was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No such request or grant for this owner.
    #[error("there is no such request or grant")]
    Unknown,
    /// The decision does not hold.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// Too many wrong codes were typed; a code is tried again after so many seconds.
    #[error("too many wrong codes; try again in {0} s")]
    TooManyGuesses(u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The vault's own pages act through this; clone it freely.
#[derive(Debug)]
pub struct Control<V, C> {
    core: Arc<Core<V, C>>,
}

impl<V, C> Clone for Control<V, C> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone() }
    }
}

impl<V: Vault, C: Consent> Control<V, C> {
    pub(crate) fn new(core: Arc<Core<V, C>>) -> Self {
        Self { core }
    }

    #[cfg(feature = "conformance-hook")]
    pub(crate) fn core(&self) -> &Core<V, C> {
        &self.core
    }

    /// The store that was handed in.
    pub fn vault(&self) -> &V {
        &self.core.vault
    }

    /// The vault's identity as clients compare it.
    pub fn issuer(&self) -> String {
        self.core.config.profile.issuer_text()
    }

    /// The latest end that a grant made now can have.
    pub fn latest_end(&self) -> okap_types::Timestamp {
        self.core.clock.now().plus_seconds(self.core.config.profile.longest_grant)
    }

    /// The present moment by the vault's clock.
    pub fn now(&self) -> okap_types::Timestamp {
        self.core.clock.now()
    }

    /// Models that the price book knows for a provider, for a page to offer.
    pub fn known_models(&self, provider: &Provider) -> Vec<String> {
        self.core.prices.models(provider.as_str()).map(str::to_owned).collect()
    }

    /// Asks the store for its clock and its generation; a host does so before it serves, so that
    /// nothing is stamped by a clock that is wrong. `false` where the store does not answer.
    pub async fn look_around(&self) -> bool {
        self.core.look_around().await
    }

    /// Waits until every call that was let through is settled, at most so long, and as long again
    /// until every lease is given back; a host that stops waits here, else the holds of calls under
    /// way stay charged. `false` where it was too long.
    pub async fn settled(&self, within: std::time::Duration) -> bool {
        let rest = async {
            while !self.core.allowance.is_at_rest() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let rested = tokio::time::timeout(within, rest).await.is_ok();
        let given = tokio::time::timeout(within, self.core.give_all_back()).await.is_ok();
        rested && given
    }

    /// A request by the id in the page's address.
    ///
    /// # Errors
    /// [`ControlError::Unknown`], [`ControlError::Store`].
    pub async fn interaction(&self, id: &str) -> Result<Interaction, ControlError> {
        Ok(self.core.interaction(id).await?.record)
    }

    /// A request of another device, by the code that a person typed. `source` is where the person
    /// comes from: wrong codes are counted there and over all.
    ///
    /// # Errors
    /// [`ControlError::Unknown`], [`ControlError::TooManyGuesses`], [`ControlError::Store`].
    pub async fn typed(&self, code: &str, source: &str) -> Result<Interaction, ControlError> {
        let now = self.core.clock.now();
        self.core.throttle.guess(source, now).map_err(ControlError::TooManyGuesses)?;
        let name = flow::user_code_name(code);
        let found = match load::<UserCoded>(&self.core.vault, &name).await? {
            Some(pointer) if pointer.record.0.expires > now => {
                load::<Interaction>(&self.core.vault, &pointer.record.0.interaction).await?
            }
            _ => None,
        };
        let asked = found.ok_or(ControlError::Unknown)?;
        self.core.throttle.guessed_right(source, now);
        Ok(asked.record)
    }

    /// Requests that wait for a decision, the oldest first.
    ///
    /// # Behavior
    /// - Only those whose app fetches the outcome itself. A request of another device is decided by
    ///   whoever typed its code, and one of the redirect flow in the browser that began it.
    /// - At most 100.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self) -> Result<Vec<Interaction>, StoreError> {
        const MOST: usize = 100;
        let now = self.core.clock.now();
        let prefix = Key::all::<Interaction>();
        let mut waiting = Vec::new();
        let mut after: Option<Key> = None;
        while waiting.len() < MOST {
            let page = self.core.vault.list(&prefix, after.as_ref(), 500).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, found) in page {
                let asked = Loaded::<Interaction>::read(key, Some(found));
                let asked = asked.map_err(StoreError::new)?.map(|asked| asked.record);
                waiting.extend(asked.filter(|asked| {
                    asked.outcome == Outcome::Waiting
                        && asked.expires > now
                        && matches!(asked.back, Back::Fetch)
                }));
            }
        }
        waiting.truncate(MOST);
        waiting.sort_by_key(|asked| asked.created);
        Ok(waiting)
    }

    /// Decides a request on behalf of an owner. `shown` is the hash that the page was made with
    /// ([`shown`](okap_engine::flow::shown)).
    ///
    /// # Behavior
    /// - The stored request is what is decided on; an approval beyond it grants nothing.
    /// - A request is decided once.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn decide(
        &self,
        id: &str,
        owner: &Owner,
        shown: &str,
        decision: &Decision,
    ) -> Result<Decided, ControlError> {
        self.core.decide(id, owner, shown, decision).await
    }

    /// An owner's grants, in order of id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn grants(&self, owner: &Owner) -> Result<Vec<Grant>, StoreError> {
        let prefix = Key::stored(&format!("{}{}/", Key::all::<Owned>(), hash(owner.as_str())));
        let mut grants = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            let page = self.core.vault.list(&prefix, after.as_ref(), 500).await?;
            let Some((last, _)) = page.last() else { return Ok(grants) };
            after = Some(last.clone());
            let ids = page.iter().filter_map(|(key, _)| key.as_str().rsplit('/').next());
            let keys: Vec<Key> = ids.map(Key::of::<Grant>).collect();
            let found = self.core.vault.read(&keys).await?;
            for (key, found) in keys.into_iter().zip(found) {
                let grant = Loaded::read(key, found).map_err(StoreError::new)?;
                grants.extend(grant.map(|g: Loaded<Grant>| g.record));
            }
        }
    }

    /// What each object of a grant has used of its windows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn used(&self, grant: &Grant) -> Result<Vec<Used>, StoreError> {
        let mut all = Vec::new();
        for access in &grant.access {
            let own = access.shares().into_iter().take(1).collect::<Vec<_>>();
            all.extend(self.core.used(&own).await?.into_iter().map(|(_, used)| used));
        }
        Ok(all)
    }

    /// Revokes an owner's grant; from the next call on it is dead.
    ///
    /// # Errors
    /// [`ControlError::Unknown`] for a grant that is not this owner's.
    pub async fn revoke(&self, owner: &Owner, id: &GrantId) -> Result<(), ControlError> {
        let grant = load::<Grant>(&self.core.vault, id.as_str()).await?;
        match grant.filter(|g| g.record.owner == *owner) {
            Some(grant) => Ok(self.core.revoke(grant.record.id).await?),
            None => Err(ControlError::Unknown),
        }
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    async fn interaction(&self, id: &str) -> Result<Loaded<Interaction>, ControlError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        match id.len() == 43 && id.bytes().all(plain) {
            true => load(&self.vault, id).await?.ok_or(ControlError::Unknown),
            false => Err(ControlError::Unknown),
        }
    }

    pub(crate) async fn decide(
        &self,
        id: &str,
        owner: &Owner,
        shown: &str,
        decision: &Decision,
    ) -> Result<Decided, ControlError> {
        for _ in 0..TRIES {
            let asked = self.interaction(id).await?;
            let seed = crate::ports::seed()?;
            let now = self.clock.now();
            let step =
                flow::decide(&self.config.profile, &asked, owner, shown, decision, now, &seed)?;
            match self.commit(step.changes).await {
                Ok(()) => {
                    self.throttle.decided(id);
                    self.decided.notify_waiters();
                    return Ok(step.reply);
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::new("too many conflicts").into())
    }
}
