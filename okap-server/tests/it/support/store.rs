use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use okap_server::{
    AuditRow, Change, CommitError, Key, MemoryVault, Owner, StoreError, Vault, Versioned,
};
use okap_types::{Provider, Secret};

/// One store, which any number of nodes share.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Works>);

impl Deref for Store {
    type Target = Works;

    fn deref(&self) -> &Works {
        &self.0
    }
}

impl From<Works> for Store {
    fn from(works: Works) -> Self {
        Self(Arc::new(works))
    }
}

impl Vault for Store {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.0.read(keys).await
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        self.0.list(prefix, after, most).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }

    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        self.0.master_key(owner, provider).await
    }
}

/// The memory vault, with a finger on every call: it counts, and it fails on demand.
#[derive(Debug, Default)]
pub(crate) struct Works {
    inner: MemoryVault,
    /// Reads, commits and keys fail.
    down: AtomicBool,
    /// Commits fail.
    full: AtomicBool,
    /// Keys cannot be opened.
    locked: AtomicBool,
    /// How long a commit takes until its caller knows of it.
    lag: Mutex<Duration>,
    /// How long a read takes once it has read.
    reading: Mutex<Duration>,
    holds: AtomicUsize,
    opened: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Works {
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    pub(crate) fn with_keys(owner: &Owner, key: &str) -> Self {
        let inner = MemoryVault::new()
            .with_key(owner, Provider::OpenAi, Secret::from(key))
            .with_key(owner, Provider::Anthropic, Secret::from(key))
            .with_key(owner, Provider::Google, Secret::from(key))
            .with_key(owner, Provider::Together, Secret::from(key))
            .with_key(owner, Provider::Mistral, Secret::from(key))
            .with_key(owner, Provider::Groq, Secret::from(key))
            .with_key(owner, Provider::Ollama, Secret::from(key));
        Self { inner, ..Self::default() }
    }

    pub(crate) fn down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn full(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    pub(crate) fn locked(&self, locked: bool) {
        self.locked.store(locked, Ordering::SeqCst);
    }

    pub(crate) fn lag(&self, lag: Duration) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }

    pub(crate) fn slow_reads(&self, reading: Duration) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    pub(crate) fn audit(&self) -> Vec<AuditRow> {
        self.inner.audit()
    }

    /// How often an account was written.
    pub(crate) fn holds(&self) -> usize {
        self.holds.load(Ordering::SeqCst)
    }

    /// How often a master key was asked for.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// Every key that was read.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many records of a kind stand.
    pub(crate) async fn count(&self, kind: &str) -> usize {
        let prefix = Key::stored(&format!("{kind}/"));
        self.inner.list(&prefix, None, usize::MAX).await.unwrap().len()
    }

    /// Every record as stored.
    pub(crate) async fn everything(&self) -> Vec<(Key, Versioned)> {
        self.inner.list(&Key::stored(""), None, usize::MAX).await.unwrap()
    }

    fn works(&self) -> Result<(), StoreError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::new("pulled the plug")),
            false => Ok(()),
        }
    }
}

impl Vault for Works {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        self.works()?;
        let names = keys.iter().map(|key| key.as_str().to_owned());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
        let found = self.inner.read(keys).await;
        let reading = *self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if !reading.is_zero() {
            tokio::time::sleep(reading).await;
        }
        found
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        self.works()?;
        self.inner.list(prefix, after, most).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.works()?;
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::new("disk full").into());
        }
        let account = |c: &Change| matches!(c, Change::Put { key, .. } if key.as_str().starts_with("account/"));
        let accounts = changes.iter().any(account);
        self.inner.commit(changes).await?;
        self.holds.fetch_add(usize::from(accounts), Ordering::SeqCst);
        let lag = *self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        if !lag.is_zero() {
            tokio::time::sleep(lag).await;
        }
        Ok(())
    }

    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        self.works()?;
        self.opened.fetch_add(1, Ordering::SeqCst);
        match self.locked.load(Ordering::SeqCst) {
            true => Err(StoreError::new("the lock is stuck")),
            false => self.inner.master_key(owner, provider).await,
        }
    }
}
