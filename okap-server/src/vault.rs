//! What a vault author implements.

use std::{future::Future, sync::Arc, time::Duration};

use okap_engine::record::{Change, Key, Loaded, Owner, Record, Versioned};
use okap_types::{Provider, Secret, Timestamp};

/// The store failed; the caller refuses what it was about to do.
#[derive(Debug, thiserror::Error)]
#[error("the vault's store failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps what went wrong.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// Why a commit did nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record was not as expected; read again and decide again.
    #[error("a record has changed")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For how long a node goes by what it remembers once it has seen the generation of the store.
///
/// Whoever changes a vault from outside of its nodes (a command line, another node) and waits this
/// long knows that the change holds everywhere.
pub const REMEMBERED: Duration = Duration::from_millis(500);

/// Keeps records and master keys. Four methods that every store has, and three for stores that can
/// tell when others change them; a new flow adds a kind of record, not a method.
///
/// The crate's `testkit` holds every promise below as a test: `vault_contract!`.
pub trait Vault: Send + Sync + 'static {
    /// Reads records.
    ///
    /// # Behavior
    /// - One answer for each key, in order; `None` where no record stands.
    /// - Sees every commit that had returned before the call.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot answer; never a made-up `None`.
    fn read(
        &self,
        keys: &[Key],
    ) -> impl Future<Output = Result<Vec<Option<Versioned>>, StoreError>> + Send;

    /// Lists records whose key begins with `prefix`, in order of key.
    ///
    /// # Behavior
    /// - Begins behind `after`, where given.
    /// - Gives at most `most`; fewer only at the end of the list.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(Key, Versioned)>, StoreError>> + Send;

    /// Applies changes, all or none.
    ///
    /// # Behavior
    /// - Durable once it returns `Ok`: a crash right behind loses nothing, be it of the process or of
    ///   the computer. A commit of [`Change::Append`] alone may be on the disk a few milliseconds
    ///   later: it outlives the process at once.
    /// - [`CommitError::Conflict`], and nothing changed, where a record is not as expected.
    /// - Every write of a key gives it another version.
    /// - [`Change::Append`] never conflicts.
    /// - Kinds of records that the store does not know are kept as they are.
    /// - A record may be gone from its `forget_after` on, not before.
    ///
    /// # Errors
    /// [`CommitError`].
    fn commit(&self, changes: Vec<Change>) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// The owner's key for a provider.
    ///
    /// # Behavior
    /// - Called once a call, after its hold; where the store tells its
    ///   [`generation`](Self::generation), the answer is remembered while that stands.
    /// - `None` where the owner has no key for the provider.
    ///
    /// # Errors
    /// [`StoreError`].
    fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> impl Future<Output = Result<Option<Secret<String>>, StoreError>> + Send;

    /// A number by which a node knows that what it remembers of the store still stands.
    ///
    /// # Behavior
    /// - Another one after each commit with a change that [is heard](Change::is_heard), and after a
    ///   master key was added, replaced or removed, by whatever process.
    /// - `None` where the store cannot tell: nodes then remember nothing and read at every call.
    ///
    /// # Errors
    /// [`StoreError`]; nodes then go by what they remember for [`REMEMBERED`] and not longer.
    fn generation(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// The store's own clock, where several computers share the store: nodes go by it, so that
    /// windows turn for all of them at once. `None` leaves each node its own.
    ///
    /// # Errors
    /// [`StoreError`].
    fn time(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// Waits until the generation may be another: a hint that saves time, and may get lost.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// A vault that its host goes on holding.
impl<V: Vault> Vault for Arc<V> {
    fn read(
        &self,
        keys: &[Key],
    ) -> impl Future<Output = Result<Vec<Option<Versioned>>, StoreError>> + Send {
        V::read(self, keys)
    }

    fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(Key, Versioned)>, StoreError>> + Send {
        V::list(self, prefix, after, most)
    }

    fn commit(&self, changes: Vec<Change>) -> impl Future<Output = Result<(), CommitError>> + Send {
        V::commit(self, changes)
    }

    fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> impl Future<Output = Result<Option<Secret<String>>, StoreError>> + Send {
        V::master_key(self, owner, provider)
    }

    fn generation(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        V::generation(self)
    }

    fn time(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send {
        V::time(self)
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        V::changed(self)
    }
}

/// Reads one record.
pub(crate) async fn load<R: Record>(
    vault: &impl Vault,
    name: &str,
) -> Result<Option<Loaded<R>>, StoreError> {
    load_key(vault, Key::of::<R>(name)).await
}

pub(crate) async fn load_key<R: Record>(
    vault: &impl Vault,
    key: Key,
) -> Result<Option<Loaded<R>>, StoreError> {
    let found = vault.read(std::slice::from_ref(&key)).await?.pop().flatten();
    Loaded::read(key, found).map_err(StoreError::new)
}

/// How often a step is tried again when others write the same records.
pub(crate) const TRIES: usize = 64;
