//! `okap-target.toml`: which vault is tested, what it claims, who decides there.
//!
//! Every key can be set from outside: `--set consent.hook=URL`, then the environment
//! (`OKAP_TARGET_CONSENT_HOOK`), then the file. A key that is not known is an error, wherever it
//! stands.

mod consent;
mod read;
mod span;
mod timeouts;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

pub use consent::{Browser, Choice, Mode, Page, Step};
pub use read::TargetError;
pub use span::{Span, span};
pub use timeouts::{Timeouts, WAY};

use crate::{http::Trust, profile::Profile};

/// A vault under test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Who it is; goes into the report as it is.
    pub target: Identity,
    /// How the suite starts it; without, it is running already.
    pub launch: Option<Launch>,
    /// Where the vault finds the fake provider.
    #[serde(default)]
    pub provider: Provider,
    /// Who decides.
    #[serde(default)]
    pub consent: Consent,
    /// How long the suite waits for what.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What models cost by the vault's books, where that is not what the fake provider charges.
    #[serde(default)]
    pub pricing: BTreeMap<String, Pricing>,
    /// Whose certificates are believed.
    #[serde(skip)]
    pub trust: Trust,
    /// Where relative paths begin.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The file, from the root of its repository; `/` between folders.
    #[serde(skip)]
    pub file: String,
    /// SHA-256 of the description, with all that was set from outside, without what may open
    /// something: the password, the steps of a browser, the environment of the vault.
    #[serde(skip)]
    pub digest: String,
}

/// Who the target is, and what it claims.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Who answers for it.
    #[serde(default)]
    pub contact: String,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    /// Its issuer; `{port}` is a free one, chosen for each run.
    pub base_url: String,
    /// An authority, in PEM, that is believed beside the public ones when the vault speaks TLS.
    pub ca: Option<PathBuf>,
    /// What it claims; `core` is always tested.
    #[serde(default)]
    pub profiles: Vec<Profile>,
}

/// How a vault is started. In all texts `{port}`, `{base_url}`, `{dir}` (a new empty directory),
/// `{here}` (the folder of the description), `{provider.NAME}` and `{master.NAME}` (address and key
/// of a provider) are filled in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// Program and arguments. A program with a `/` in it is found from the target's file, one
    /// without on the `PATH`.
    pub command: Vec<String>,
    /// What is asked until it answers 2xx, such as `GET /healthz`.
    #[serde(default = "ready")]
    pub ready: String,
    /// Added to the environment. The values are kept out of reports like passwords.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of those in `env` whose values are no secrets: `RUST_LOG`.
    #[serde(default)]
    pub open: Vec<String>,
}

/// The fake provider, as the vault sees it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// Where it listens; port 0 takes a free one.
    pub listen: String,
    /// Its address for the vault, with `{port}`; without, where it listens.
    pub advertise: Option<String>,
}

/// Who decides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Consent {
    /// Which of the ways below; [`Mode::Auto`] unless said otherwise.
    pub mode: Mode,
    /// The vault's test hook ([`crate::driver::Hook`]).
    pub hook: Option<String>,
    /// An address that decides when it is fetched ([`crate::driver::Template`]).
    pub approve_url: Option<String>,
    /// A browser that follows a script ([`crate::driver::WebDriver`]).
    pub browser: Option<Browser>,
    /// Whose keys are used.
    pub user: Option<String>,
    /// What that user signs in with on the vault's own pages, of 16 characters or more; without it
    /// those are not tested.
    pub password: Option<String>,
}

/// US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pricing {
    /// For prompt tokens.
    pub input_per_mtok: f64,
    /// For generated tokens.
    pub output_per_mtok: f64,
}

impl Default for Provider {
    fn default() -> Self {
        Self { listen: "127.0.0.1:0".to_owned(), advertise: None }
    }
}

impl Target {
    /// The profiles that are tested: those that are claimed, and `core`.
    #[must_use]
    pub fn profiles(&self) -> Vec<Profile> {
        let claimed =
            |profile: &Profile| *profile == Profile::Core || self.target.profiles.contains(profile);
        Profile::ALL.into_iter().filter(claimed).collect()
    }

    /// Whose keys are used.
    #[must_use]
    pub fn user(&self) -> &str {
        self.consent.user.as_deref().unwrap_or("owner")
    }
}

fn ready() -> String {
    "GET /.well-known/oauth-authorization-server".to_owned()
}
