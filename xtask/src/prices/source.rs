//! Finds and reads the data file of the crate `genai-prices`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::clause::Clause;

/// The crate's data as it lies in cargo's registry.
pub(super) struct Source {
    pub(super) version: String,
    pub(super) json: String,
}

/// One model of the source. Prices stay text, because their numbers must never become floats.
#[derive(Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
    #[serde(rename = "match")]
    pub(super) rule: Clause,
    pub(super) context_window: Option<u64>,
    pub(super) prices: Box<RawValue>,
}

#[derive(Deserialize)]
struct Provider {
    id: String,
    models: Box<RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: String,
}

impl Source {
    /// Asks cargo where the package is, which the lock file pins by its hash.
    pub(super) fn locate(root: &Path) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--manifest-path"])
            .arg(root.join("Cargo.toml"))
            .output()
            .context("cannot run cargo metadata")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")?;
        let package = metadata
            .packages
            .into_iter()
            .find(|package| package.name == "genai-prices")
            .context("genai-prices is not a dependency of xtask")?;
        let path = Path::new(&package.manifest_path).with_file_name("data").join("prices.json");
        let json =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { version: package.version, json })
    }

    /// The models of one provider, in the order in which the source matches them.
    pub(super) fn models(&self, provider: &str) -> Result<Vec<Model>> {
        let providers: Vec<Provider> =
            serde_json::from_str(&self.json).context("genai-prices has another format")?;
        let found = providers
            .into_iter()
            .find(|found| found.id == provider)
            .with_context(|| format!("genai-prices lacks provider {provider}"))?;
        serde_json::from_str(found.models.get())
            .with_context(|| format!("models of {provider} have another format"))
    }
}
