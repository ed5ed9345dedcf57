use std::{future::Future, path::PathBuf};

use okap_engine::record::{AuditRow, Owner};
use okap_types::{GrantId, Provider, Secret, Timestamp};

use crate::BoxError;

/// What the hook cannot do by itself, since each vault does it in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// See [`Rig::seed`].
    Seed,
    /// See [`Rig::audit`].
    Audit,
    /// See [`Rig::dump`].
    Dump,
    /// See [`Rig::sign_in`].
    SignIn,
}

impl Verb {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Audit => "audit",
            Self::Dump => "dump",
            Self::SignIn => "sign_in",
        }
    }
}

/// What of a vault only its author knows: where keys, rows and sessions are kept.
///
/// Only [`owner`](Self::owner) is needed. What else is written has to be named by
/// [`verbs`](Self::verbs): tests that need another verb are `untestable` and never fail. An error
/// ends the test that ordered, which is no failure of the vault.
pub trait Rig: Send + Sync + 'static {
    /// Who decides, and whose keys and grants are meant.
    fn owner(&self) -> Owner;

    /// Which of the verbs below it has.
    fn verbs(&self) -> &[Verb] {
        &[]
    }

    /// Keeps the owner's key for a provider, in place of an earlier one; in effect once it returns.
    /// Nodes go by an earlier one for up to [`REMEMBERED`](crate::REMEMBERED).
    ///
    /// # Errors
    /// Any.
    fn seed(
        &self,
        provider: &Provider,
        key: Secret<String>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = (provider, key, now);
        async { Err("seed is not written".into()) }
    }

    /// The rows of a grant's calls, oldest first.
    ///
    /// # Errors
    /// Any.
    fn audit(
        &self,
        grant: &GrantId,
    ) -> impl Future<Output = Result<Vec<AuditRow>, BoxError>> + Send {
        let _ = grant;
        async { Err("audit is not written".into()) }
    }

    /// Where all that is kept lies in files, for the suite to search for secrets: all that a thief of
    /// the store would have, as it is stored.
    ///
    /// # Errors
    /// Any.
    fn dump(&self) -> impl Future<Output = Result<PathBuf, BoxError>> + Send {
        async { Err("dump is not written".into()) }
    }

    /// Signs the owner in without a password: what that browser sends as `Cookie`.
    ///
    /// # Errors
    /// Any.
    fn sign_in(
        &self,
        now: Timestamp,
    ) -> impl Future<Output = Result<Secret<String>, BoxError>> + Send {
        let _ = now;
        async { Err("sign_in is not written".into()) }
    }
}
