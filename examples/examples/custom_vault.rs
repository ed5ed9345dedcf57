//! A vault of your own: bring a store, get a whole OKAP vault. Here the store is one JSON file.
//!
//! `OPENAI_API_KEY=sk-… cargo run --example custom_vault`

use std::{collections::BTreeMap, path::PathBuf, sync::Mutex};

use okap_server::{
    AutoApprove, Change, CommitError, Config, Expect, Key, OkapService, Owner, StoreError, Vault,
    Versioned,
};
use okap_types::{Limits, Money, Provider, Secret};

type Records = BTreeMap<String, (u64, Vec<u8>)>;

struct FileVault {
    path: PathBuf,
    records: Mutex<Records>,
}

impl FileVault {
    fn open(path: PathBuf) -> Result<Self, StoreError> {
        let records = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(StoreError::new)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Records::new(),
            Err(error) => return Err(StoreError::new(error)),
        };
        Ok(Self { path, records: Mutex::new(records) })
    }

    fn records(&self) -> Result<std::sync::MutexGuard<'_, Records>, StoreError> {
        self.records.lock().map_err(|e| StoreError::new(e.to_string()))
    }
}

impl Vault for FileVault {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, StoreError> {
        let records = self.records()?;
        let one = |key: &Key| records.get(key.as_str()).cloned();
        Ok(keys
            .iter()
            .map(|k| one(k).map(|(version, bytes)| Versioned { version, bytes }))
            .collect())
    }

    async fn list(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        most: usize,
    ) -> Result<Vec<(Key, Versioned)>, StoreError> {
        let records = self.records()?;
        let from = records.range(prefix.as_str().to_owned()..);
        let here = from.take_while(|(key, _)| key.starts_with(prefix.as_str()));
        let rest = here.filter(|(key, _)| after.is_none_or(|after| key.as_str() > after.as_str()));
        let one = |(key, (version, bytes)): (&String, &(u64, Vec<u8>))| {
            (Key::stored(key), Versioned { version: *version, bytes: bytes.clone() })
        };
        Ok(rest.take(most).map(one).collect())
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let mut records = self.records()?;
        let mut next = records.clone();
        for change in changes {
            let Change::Put { key, expect, bytes, .. } = change else { continue };
            let found = next.get(key.as_str()).map(|(version, _)| *version);
            let expected = match expect {
                Expect::Absent => None,
                Expect::Version(version) => Some(version),
            };
            if found != expected {
                return Err(CommitError::Conflict);
            }
            match bytes {
                // version 0 counts the writes, so that no version comes twice
                Some(bytes) => {
                    let writes = next.entry(String::new()).or_default();
                    writes.0 += 1;
                    let version = writes.0;
                    next.insert(key.as_str().to_owned(), (version, bytes))
                }
                None => next.remove(key.as_str()),
            };
        }
        let json = serde_json::to_vec(&next).map_err(StoreError::new)?;
        let fresh = self.path.with_extension("new");
        let written = std::fs::File::create(&fresh).and_then(|mut file| {
            std::io::Write::write_all(&mut file, &json)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &self.path)
        });
        written.map_err(StoreError::new)?;
        *records = next;
        Ok(())
    }

    async fn master_key(
        &self,
        _: &Owner,
        provider: &Provider,
    ) -> Result<Option<Secret<String>>, StoreError> {
        let name = format!("{}_API_KEY", provider.as_str().to_uppercase());
        Ok(std::env::var(name).ok().map(Secret::new))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let vault = FileVault::open("custom-vault.json".into())?;
    let policy = AutoApprove::for_owner(Owner::new("me"))
        .models(["gpt-4o-mini"])?
        .limits(Limits::monthly(Money::usd(5)).per_minute(20));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8787").await?;
    let issuer = format!("http://{}", listener.local_addr()?).parse()?;
    let okap = OkapService::new(Config::at(issuer), vault, policy)?;
    let app = axum::Router::new().fallback_service(okap);
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(test)]
mod keeps_the_contract {
    use super::FileVault;

    okap_server::testkit::vault_contract!(async || {
        let name = format!("okap-custom-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        FileVault::open(path).unwrap()
    });
}
