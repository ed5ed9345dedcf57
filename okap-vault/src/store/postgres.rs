//! One PostgreSQL database, for any number of nodes.

mod address;
mod audit;
mod dump;
mod keys;
mod listen;
mod migrate;
mod people;
mod records;
mod tls;
mod transfer;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use okap_engine::record::Change;
use okap_server::{CommitError, StoreError};
use okap_types::Timestamp;
use tokio_postgres::error::SqlState;

use super::{Fault, Place, StoreFault};
pub use address::{AddressError, DatabaseUrl};
use listen::Listener;

/// Most connections of one node, one that listens apart: a PostgreSQL allows 100 where nobody
/// changed it.
const CONNECTIONS: usize = 16;
/// How long a connection may take to stand, or to come free.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole read or write may take.
const WITHIN: Duration = Duration::from_secs(15);
/// How often a commit is tried again that the database undid for another's sake.
const TRIES: usize = 5;

/// What each connection is set to. Nothing waits for ever, and `Ok` means durable: a database may
/// promise more than `on`, not less.
const SESSION: &str = "
    SET statement_timeout = '10s';
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '15s';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";

/// An open database. Clone it freely.
#[derive(Clone)]
pub struct Postgres {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    pool: Pool,
    listener: Listener,
}

/// Why a statement or a connection did not do what it should.
#[derive(Debug)]
enum Broken {
    Database(tokio_postgres::Error),
    Pool(PoolError),
    TooSlow,
    /// A value is not what a vault writes.
    Odd,
    /// Written by a newer okap-vault, of this schema version.
    Newer(i64),
}

impl From<tokio_postgres::Error> for Broken {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<PoolError> for Broken {
    fn from(error: PoolError) -> Self {
        Self::Pool(error)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("place", &self.inner.place).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to a database and brings it up to date.
    pub(super) async fn connect(url: &DatabaseUrl) -> Result<Self, StoreFault> {
        let place = Place::Server(url.to_string());
        let tls = url.connector(&place)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let manager = Manager::from_config(url.config().clone(), tls.clone(), recycling);
        let set = Hook::async_fn(|client, _| {
            Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .wait_timeout(Some(CONNECT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .runtime(Runtime::Tokio1)
            .post_create(set)
            .build()
            .map_err(|_| StoreFault::new(&place, Fault::Other))?;
        let listener = Listener::new(url.config().clone(), tls);
        let store = Self { inner: Arc::new(Inner { place, pool, listener }) };
        store.bounded(migrate::to_newest(&store)).await?;
        Ok(store)
    }

    pub(super) fn place(&self) -> &Place {
        &self.inner.place
    }

    /// Resolves at the next change that nodes have to hear of, and when such a one may have been
    /// missed.
    pub(super) async fn changed(&self) {
        self.inner.listener.heard().await;
    }

    async fn client(&self) -> Result<Object, Broken> {
        Ok(self.inner.pool.get().await?)
    }

    /// Gives up on work that takes too long, and says what is wrong with the database.
    async fn bounded<T>(
        &self,
        work: impl Future<Output = Result<T, Broken>> + Send,
    ) -> Result<T, StoreFault> {
        let done = tokio::time::timeout(WITHIN, work).await;
        done.unwrap_or(Err(Broken::TooSlow)).map_err(|broken| broken.at(&self.inner.place))
    }

    /// The same, for what a vault is asked. Boxed before it is waited for: a call would else carry the
    /// room for it along, wherever its records are.
    fn ask<'a, T: 'a>(
        &'a self,
        work: impl Future<Output = Result<T, Broken>> + Send + 'a,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'a {
        let work = Box::pin(work);
        async move { self.bounded(work).await.map_err(StoreError::new) }
    }

    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let work = async {
            let mut client = self.client().await?;
            let mut tries = 1;
            loop {
                match records::commit(&mut client, &changes).await {
                    // two commits stood in each other's way: nothing of this one was written
                    Err(Broken::Database(error)) if tries < TRIES && is_undone(&error) => {
                        tries += 1
                    }
                    done => return done,
                }
            }
        };
        match self.ask(work).await? {
            true => Ok(()),
            false => Err(CommitError::Conflict),
        }
    }

    pub(super) async fn look(&self) -> Result<(), StoreError> {
        self.generation().await.map(drop)
    }

    pub(super) async fn sweep(&self, now: Timestamp, most: u32) -> Result<usize, StoreError> {
        let (now, most) = (now.unix_millis(), i64::from(most));
        self.ask(async {
            let client = self.client().await?;
            // what a commit holds is left for later
            let records = client
                .execute(
                    "DELETE FROM records WHERE key IN
                     (SELECT key FROM records WHERE forget_after <= $1 LIMIT $2
                      FOR UPDATE SKIP LOCKED)",
                    &[&now, &most],
                )
                .await?;
            let sessions = client
                .execute(
                    "DELETE FROM sessions WHERE hash IN
                     (SELECT hash FROM sessions WHERE expires <= $1 LIMIT $2
                      FOR UPDATE SKIP LOCKED)",
                    &[&now, &most],
                )
                .await?;
            Ok(usize::try_from(records.saturating_add(sessions)).unwrap_or(usize::MAX))
        })
        .await
    }
}

/// Whether the database undid a transaction for the sake of another.
fn is_undone(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE)
    )
}

impl Broken {
    fn at(self, place: &Place) -> StoreFault {
        match self {
            Self::Database(error) | Self::Pool(PoolError::Backend(error)) => {
                StoreFault::with(place, kind(&error), error)
            }
            Self::Pool(PoolError::PostCreateHook(HookError::Backend(error))) => {
                StoreFault::with(place, kind(&error), error)
            }
            Self::TooSlow | Self::Pool(PoolError::Timeout(_)) => {
                StoreFault::new(place, Fault::TooSlow)
            }
            Self::Pool(error) => StoreFault::with(place, Fault::Other, error),
            Self::Odd => StoreFault::new(place, Fault::Damaged),
            Self::Newer(version) => StoreFault::new(place, Fault::Newer(version)),
        }
    }
}

fn kind(error: &tokio_postgres::Error) -> Fault {
    let Some(state) = error.code() else {
        return match error.is_closed() || std::error::Error::source(error).is_some() {
            true => Fault::Unreachable,
            false => Fault::Other,
        };
    };
    match *state {
        SqlState::DISK_FULL => Fault::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => Fault::ReadOnly,
        SqlState::LOCK_NOT_AVAILABLE => Fault::Locked,
        SqlState::QUERY_CANCELED => Fault::TooSlow,
        SqlState::DUPLICATE_TABLE | SqlState::UNDEFINED_TABLE => Fault::NotOurs,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Fault::Damaged,
        SqlState::IO_ERROR => Fault::Io,
        SqlState::INVALID_CATALOG_NAME | SqlState::INSUFFICIENT_PRIVILEGE => Fault::Denied,
        ref other => match other.code().get(..2) {
            Some("28") => Fault::Denied,
            // no connection, no resources, an operator
            Some("08" | "53" | "57") => Fault::Unreachable,
            _ => Fault::Other,
        },
    }
}
