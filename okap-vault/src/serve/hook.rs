//! What the conformance suite's hook needs of this vault: its keys, its audit, its sessions.
//!
//! The hook itself is `okap_server::hook`. It is there only where the vault was started with
//! `--conformance-hook`, on a loopback listener with no proxy in front.

use std::path::PathBuf;

use okap_server::{
    AuditRow, BoxError, Owner,
    hook::{Rig, Verb},
};
use okap_types::{GrantId, Provider, Secret, Timestamp};
use tempfile::TempDir;

use crate::{
    keys::{self, KeyError},
    store::StoredVault,
    user::owner,
};

/// Rows of the audit that one answer holds.
const ROWS: usize = 1000;

/// The vault's own part of the hook.
#[derive(Debug)]
pub(super) struct Desk {
    vault: StoredVault,
    /// Whether the vault speaks TLS, which sessions have to know.
    secure: bool,
    /// Where what a server keeps is laid out to be searched.
    dump: TempDir,
}

impl Desk {
    pub(super) fn of(vault: StoredVault, secure: bool) -> std::io::Result<Self> {
        Ok(Self { vault, secure, dump: TempDir::new()? })
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
        now: Timestamp,
    ) -> Result<(), BoxError> {
        let (database, keyring) = (self.vault.database(), self.vault.keyring()?);
        match keys::add(database, keyring, &owner(), provider, &key, now).await {
            Err(KeyError::Present(_)) => {
                keys::rotate(database, keyring, &owner(), provider, &key, now).await?;
                // nodes go by the older key until then
                tokio::time::sleep(okap_server::REMEMBERED).await;
            }
            added => added?,
        }
        Ok(())
    }

    async fn audit(&self, grant: &GrantId) -> Result<Vec<AuditRow>, BoxError> {
        let rows = self.vault.database().latest_calls(grant, ROWS).await?;
        Ok(rows.into_iter().filter_map(|entry| entry.row).collect())
    }

    async fn dump(&self) -> Result<PathBuf, BoxError> {
        // each order has files of its own: the suite may still read those of another
        let folder = TempDir::new_in(self.dump.path())?.keep();
        Ok(self.vault.database().laid_out(&folder).await?)
    }

    async fn sign_in(&self, now: Timestamp) -> Result<Secret<String>, BoxError> {
        Ok(crate::pages::signed_in(self.vault.database(), &owner(), self.secure, now).await?)
    }
}
