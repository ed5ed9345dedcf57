//! The seams: the store, the way to providers, the clock. Each asks the lie before it goes on.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use okap_server::{
    Change, CommitError, Key, MemoryVault, Owner, StoreError, Vault, Versioned,
    ports::{self, Https, Sending, SystemClock, Upstream},
};
use okap_types::{Provider, Secret, Timestamp};

use super::vault::told;
use crate::{
    flow,
    lie::{Lie, Memory, Scene},
};

/// The lie of a vault, and what it remembers.
pub(crate) struct Seams {
    pub(crate) lie: Lie,
    pub(super) memory: Memory,
}

impl Seams {
    pub(crate) fn new(lie: Lie) -> Self {
        Self { lie, memory: Memory::default() }
    }

    /// The document of a client as the vault is to find it.
    pub(crate) fn document(&self, text: &mut String) {
        if let Some(lie) = self.lie.document {
            lie(&self.memory, text);
        }
    }

    /// How long a document is kept of which its site says this.
    pub(crate) fn fresh(&self, said: &str) -> Duration {
        let mut headers = HeaderMap::new();
        if !said.is_empty() {
            headers.insert(header::CACHE_CONTROL, said.parse().unwrap());
        }
        let fresh = ports::fresh_for(&headers).as_secs();
        Duration::from_secs(self.lie.fresh.map_or(fresh, |lie| lie(said, fresh)))
    }
}

tokio::task_local! {
    static ACT: Act;
}

/// The request that is being answered.
#[derive(Clone, Default)]
pub(crate) struct Act {
    number: u64,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    /// Whether the app has left the answer.
    pub(crate) left: Arc<AtomicBool>,
}

impl Act {
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let (path, query) = (path.to_owned(), query.to_owned());
        let (headers, body) = (request.headers().clone(), request.body().clone());
        // counted over all vaults of this process
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { number, path, query, headers, body, left: Arc::default() }
    }

    pub(crate) fn scene<'a>(&'a self, seams: &'a Seams) -> Scene<'a> {
        Scene {
            number: self.number,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
            memory: &seams.memory,
        }
    }

    pub(crate) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        ACT.scope(self, work).await
    }

    /// The one of this task; none where the vault works by itself.
    fn now() -> Self {
        ACT.try_with(Self::clone).unwrap_or_default()
    }
}

/// Keeps records in memory.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<MemoryVault>,
    seams: Arc<Seams>,
}

impl Store {
    pub(crate) fn new(inner: MemoryVault, seams: Arc<Seams>) -> Self {
        Self { inner: Arc::new(inner), seams }
    }

    pub(crate) fn audit(&self) -> Vec<okap_server::AuditRow> {
        self.inner.audit()
    }

    /// Everything that is kept, as it is on the disk of other vaults.
    pub(crate) async fn kept(&self) -> Result<Vec<u8>, StoreError> {
        let mut kept = Vec::new();
        for (key, found) in self.inner.list(&Key::stored(""), None, usize::MAX).await? {
            kept.extend_from_slice(format!("{key}\t").as_bytes());
            kept.extend_from_slice(&found.bytes);
            kept.push(b'\n');
        }
        Ok(kept)
    }

    fn told(&self, key: &Key, found: &mut Versioned) {
        if let Some(lie) = self.seams.lie.read {
            found.bytes = changed(lie, &self.seams, key, &found.bytes);
        }
    }
}

fn changed(
    lie: fn(&Scene<'_>, &str, &mut serde_json::Value),
    seams: &Seams,
    key: &Key,
    bytes: &[u8],
) -> Vec<u8> {
    let mut record = serde_json::from_slice(bytes).unwrap();
    lie(&Act::now().scene(seams), key.as_str(), &mut record);
    record.to_string().into_bytes()
}

impl Vault for Store {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let mut found = self.inner.read(keys).await?;
        for (key, found) in keys.iter().zip(&mut found) {
            if let Some(found) = found {
                self.told(key, found);
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let mut found = self.inner.list(prefix, after, most).await?;
        for (key, found) in &mut found {
            self.told(key, found);
        }
        Ok(found)
    }

    async fn commit(&self, mut changes: Vec<Change>) -> Result<(), CommitError> {
        if let Some(lie) = self.seams.lie.commit {
            for change in &mut changes {
                if let Change::Put { key, bytes: Some(bytes), .. } = change {
                    *bytes = changed(lie, &self.seams, key, bytes);
                }
            }
        }
        self.inner.commit(changes).await
    }

    async fn master_key(
        &self,
        owner: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        self.inner.master_key(owner, provider).await
    }
}

/// The way to providers.
pub(crate) struct Way {
    https: Https,
    seams: Arc<Seams>,
}

impl Way {
    pub(crate) fn new(https: Https, seams: Arc<Seams>) -> Self {
        Self { https, seams }
    }
}

impl Upstream for Way {
    fn send(&self, mut request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            let (act, lie) = (Act::now(), self.seams.lie);
            if let Some(lie) = lie.upstream {
                lie(&act.scene(&self.seams), &mut request);
                request.headers_mut().remove(header::CONTENT_LENGTH);
            }
            let sent = request.clone();
            let mut answer = self.https.send(request).await?;
            if let Some(kept) = lie.redirect
                && let Some(to) = answer.headers().get(header::LOCATION)
                && let Ok(to) = to.to_str().unwrap_or_default().parse::<http::Uri>()
            {
                let mut again = sent.clone();
                *again.headers_mut() = kept(again.headers());
                again.headers_mut().remove(header::HOST);
                *again.uri_mut() = to;
                answer = self.https.send(again).await?;
            }
            if let Some(again) = lie.again
                && again(answer.status().as_u16())
            {
                answer = self.https.send(sent).await?;
            }
            if let Some(stream) = lie.stream {
                answer.headers_mut().remove(header::CONTENT_LENGTH);
                answer = answer.map(stream);
            }
            if let Some(words) = lie.left {
                answer = answer.map(|body| flow::last_words(body, act.left.clone(), words));
            }
            let Some(lie) = lie.answer else { return Ok(answer) };
            Ok(told(answer, |answer| lie(&act.scene(&self.seams), answer)).await)
        })
    }
}

/// This computer's clock, turned forward by the driver.
#[derive(Clone)]
pub(crate) struct Clock {
    seams: Arc<Seams>,
    turned: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn new(seams: Arc<Seams>) -> Self {
        Self { seams, turned: Arc::default() }
    }

    pub(crate) fn turn(&self, seconds: u32) {
        self.turned.fetch_add(i64::from(seconds), Ordering::AcqRel);
    }
}

impl ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now().plus_seconds(self.turned.load(Ordering::Acquire));
        match self.seams.lie.clock {
            Some(lie) => Timestamp::from_unix_millis(lie(now.unix_millis())),
            None => now,
        }
    }
}
