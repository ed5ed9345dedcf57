//! Who holds a token: the token's record, its grant, and the grants above it.

use std::sync::Arc;

use okap_engine::{
    record::{Access, Grant, Key, Loaded},
    refusal::Refusal,
    token::hash,
};
use okap_types::{GrantId, token::AccessToken};

use crate::{Consent, StoreError, Vault, core::Core, vault::load};

/// A token's record with all that has to stand for it to be alive.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) access: Access,
    pub(crate) grant: Arc<Grant>,
    /// The grants that it was delegated from, the nearest first; fewer than the grant names where
    /// one is missing, and then it is not alive.
    pub(crate) ancestors: Arc<[Grant]>,
}

impl Holder {
    /// Whether the grant and all above it are there, and none was revoked.
    pub(crate) fn stands(&self) -> bool {
        let whole = self.ancestors.len() == self.grant.ancestors.len();
        whole && std::iter::once(&*self.grant).chain(&*self.ancestors).all(|g| g.revoked.is_none())
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Looks up a token; `None` where the vault never issued it.
    pub(crate) async fn holder(&self, token: &AccessToken) -> Result<Option<Holder>, StoreError> {
        let Some(access) = load::<Access>(&self.vault, &hash(token.expose())).await? else {
            return Ok(None);
        };
        let access = access.record;
        Ok(self.family(&access.grant).await?.map(|(grant, ancestors)| Holder {
            access,
            grant: Arc::new(grant),
            ancestors: ancestors.into(),
        }))
    }

    /// A grant and those that it was delegated from.
    pub(crate) async fn family(
        &self,
        id: &GrantId,
    ) -> Result<Option<(Grant, Vec<Grant>)>, StoreError> {
        let Some(grant) = load::<Grant>(&self.vault, id.as_str()).await? else { return Ok(None) };
        let grant = grant.record;
        let keys: Vec<_> = grant.ancestors.iter().map(|g| Key::of::<Grant>(g.as_str())).collect();
        let mut ancestors = Vec::with_capacity(keys.len());
        if !keys.is_empty() {
            let found = self.vault.read(&keys).await?;
            for (key, found) in keys.into_iter().zip(found) {
                let ancestor = Loaded::<Grant>::read(key, found).map_err(StoreError::new)?;
                ancestors.extend(ancestor.map(|a| a.record));
            }
        }
        Ok(Some((grant, ancestors)))
    }

    /// Looks up a token that this vault has to know.
    pub(crate) async fn held(&self, token: &AccessToken) -> Result<Holder, Refusal> {
        match self.holder(token).await {
            Ok(holder) => holder.ok_or(Refusal::InvalidToken),
            Err(error) => {
                tracing::error!(%error, "a token could not be looked up");
                Err(Refusal::VaultUnavailable)
            }
        }
    }
}
