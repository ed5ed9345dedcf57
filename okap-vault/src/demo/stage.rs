//! What the demo plays on: a provider with its own books, and a real vault in a temporary folder.

use std::path::Path;

use okap_conformance::provider::{Config, FakeProvider, Manner};
use okap_engine::{narrow::as_asked, pico::Pico};
use okap_server::{Decision, shown};
use okap_types::{GrantId, Provider, Secret};
use url::Url;

use crate::{
    config::Settings,
    keys,
    serve::{self, Running},
    store::StoredVault,
    user::owner,
};

/// The password of the demo's vault, which lives as long as the demo.
const PASSWORD: &str = "open sesame";

/// A vault with a key in it, and the provider that the key is for.
pub(super) struct Stage {
    /// Where the vault is.
    pub(super) url: Url,
    vault: Running,
    provider: FakeProvider,
    folder: tempfile::TempDir,
}

/// What provider and vault have written down.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) billed: Pico,
    pub(super) recorded: Pico,
    /// What came to the provider and should not have.
    pub(super) violations: usize,
}

impl Stage {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let manner = Manner { words: 12, ..Manner::default() };
        let provider = FakeProvider::start(Config { manner, ..Config::default() }).await?;
        let folder = tempfile::Builder::new().prefix("okap-demo-").tempdir()?;
        let vault = StoredVault::open(folder.path(), &Secret::from(PASSWORD)).await?;
        let now = time::OffsetDateTime::now_utc().into();
        let key = Secret::from(provider.master_key());
        keys::add(vault.database(), vault.keyring()?, &owner(), &Provider::OpenAi, &key, now)
            .await?;
        let toml = format!(
            "[upstream.openai]\nbase_url = \"{}/v1\"\n",
            provider.url().trim_end_matches('/')
        );
        let settings = Settings::parse(&toml, Path::new("the demo's own"))?;
        let vault =
            serve::start(serve::Options { settings, ..serve::Options::local(vault) }).await?;
        Ok(Self { url: vault.url.clone(), vault, provider, folder })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// What a press of the page's button does, with all as asked.
    pub(super) async fn decide(&self, interaction: &str, allow: bool) -> anyhow::Result<()> {
        let control = &self.vault.control;
        let asked = control.interaction(interaction).await?;
        let latest = control.now().plus_seconds(24 * 3600);
        let all = asked.access.iter().map(|access| Some(as_asked(access, &[], latest)));
        let decision = if allow { Decision::Approve(all.collect()) } else { Decision::Deny };
        control.decide(interaction, &owner(), &shown(&asked), &decision).await?;
        Ok(())
    }

    pub(super) async fn revoke(&self, grant: &GrantId) -> anyhow::Result<()> {
        Ok(self.vault.control.revoke(&owner(), grant).await?)
    }

    /// The headers of the last call as the provider received them, its key redacted.
    pub(super) fn went_up(&self) -> String {
        let ledger = self.provider.ledger();
        let headers = ledger.calls.last().map(|call| {
            let named = call.headers.iter().map(|h| format!("{}: {}", h.name, h.value));
            named.collect::<Vec<_>>().join(", ")
        });
        headers.unwrap_or_default()
    }

    pub(super) async fn books(&self) -> anyhow::Result<Books> {
        let sums = self.vault.database.spent(None, None).await?;
        let recorded = sums.iter().fold(Pico::ZERO, |sum, row| sum.saturating_add(row.cost));
        let ledger = self.provider.ledger();
        let billed = Pico::new(ledger.totals.billed_pico);
        Ok(Books { billed, recorded, violations: ledger.violations.len() })
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.vault.stop().await?;
        self.provider.stop().await;
        Ok(())
    }
}
