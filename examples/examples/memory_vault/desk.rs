//! What the conformance suite's hook needs of this vault.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use okap_server::{
    AuditRow, BoxError, MemoryVault, Owner,
    hook::{Rig, Verb},
};
use okap_types::{GrantId, Provider, Secret, Timestamp};

use crate::{owner, pages::Sessions};

pub(crate) struct Desk {
    vault: Arc<MemoryVault>,
    sessions: Arc<Sessions>,
    /// Where the state is written when the vault stops; what is written for the suite stands beside.
    file: PathBuf,
}

impl Desk {
    pub(crate) fn of(vault: Arc<MemoryVault>, sessions: Arc<Sessions>, file: &Path) -> Self {
        Self { vault, sessions, file: file.with_extension("now.json") }
    }
}

impl Rig for Desk {
    fn owner(&self) -> Owner {
        owner()
    }

    fn verbs(&self) -> &[Verb] {
        &[Verb::Seed, Verb::Audit, Verb::Dump, Verb::SignIn]
    }

    async fn seed(
        &self,
        provider: &Provider,
        key: Secret<String>,
        _: Timestamp,
    ) -> Result<(), BoxError> {
        self.vault.keep_key(&owner(), provider.clone(), key);
        tokio::time::sleep(okap_server::REMEMBERED).await;
        Ok(())
    }

    async fn audit(&self, grant: &GrantId) -> Result<Vec<AuditRow>, BoxError> {
        Ok(self.vault.audit().into_iter().filter(|row| row.grant == *grant).collect())
    }

    async fn dump(&self) -> Result<PathBuf, BoxError> {
        crate::write(&self.file, &self.vault.written_out()?)?;
        Ok(self.file.clone())
    }

    async fn sign_in(&self, _: Timestamp) -> Result<Secret<String>, BoxError> {
        Ok(Secret::new(self.sessions.begin()?))
    }
}
