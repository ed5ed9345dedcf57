//! What happened in a run, in order: the one source of every report.
//!
//! As NDJSON, one event a line. `format` of the first says how to read the others.

use serde::{Deserialize, Serialize};

use crate::{
    driver::Verb,
    outcome::Finding,
    profile::Profile,
    transcript::Exchange,
    verdict::{Exit, Tally, Verdict},
};

/// The form of these events; raised when a reader of the older one would misread them.
pub const FORMAT: u32 = 1;

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins.
    Began(Box<Began>),
    /// A test begins.
    Started {
        /// Its id.
        test: String,
    },
    /// A test has ended.
    Tested(Box<Tested>),
    /// The run has ended.
    Ended(Ended),
}

/// What a run is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Began {
    /// [`FORMAT`].
    pub format: u32,
    /// Names the run; stands in every nonce.
    pub run: String,
    /// Version of the suite.
    pub suite: String,
    /// SHA-256 of the tests, with their revisions and what they verify.
    #[serde(default)]
    pub catalogue: String,
    /// SHA-256 of the requirements.
    #[serde(default)]
    pub requirements: String,
    /// The target's name, version, contact, source and address, as it says.
    pub target: About,
    /// SHA-256 of the target's description.
    #[serde(default)]
    pub description: String,
    /// Who decides: `hook`, `template`, `browser`, `human`, `nobody`.
    #[serde(default)]
    pub consent: String,
    /// Whether every test of every claimed profile is among those that will run.
    #[serde(default)]
    pub whole: bool,
    /// What is tested.
    pub profiles: Vec<Profile>,
    /// What there is and the target does not claim.
    pub unclaimed: Vec<Profile>,
    /// The seed, in hexadecimal.
    pub seed: String,
    /// Verbs that the driver has.
    pub verbs: Vec<Verb>,
    /// How many tests will run.
    pub tests: usize,
}

/// The target as it describes itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct About {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who answers for it.
    pub contact: String,
    /// Where it comes from.
    pub source: String,
    /// Its issuer.
    pub base_url: String,
    /// The file that describes it, from the root of its repository; `/` between folders.
    #[serde(default)]
    pub file: String,
}

/// What a test came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tested {
    /// Its id.
    pub test: String,
    /// Its revision.
    pub rev: u32,
    /// Its sentence.
    pub title: String,
    /// Its profile.
    pub profile: Profile,
    /// The requirements that it verifies.
    pub verifies: Vec<String>,
    /// Its twin.
    pub twin: Option<String>,
    /// The threat that it is about.
    pub threat: Option<String>,
    /// What it came to.
    pub verdict: Verdict,
    /// What was seen that shows a pass, or why it is none, in one line.
    pub said: String,
    /// Why the baseline expects that it does not pass, where it does.
    #[serde(default)]
    pub known: Option<String>,
    /// What is wrong, for `fail`, `warn` and `flaky`.
    pub finding: Option<Finding>,
    /// How often it ran.
    pub attempts: usize,
    /// How long it took.
    pub ms: u64,
    /// What went over the wire, where it is no pass.
    pub exchanges: Vec<Exchange>,
}

impl Tested {
    /// The exchange that shows what is wrong: that which the finding names, else the last.
    #[must_use]
    pub fn shown_by(&self) -> Option<&Exchange> {
        let named = self.finding.as_ref()?.exchange;
        match named {
            Some(number) => self.exchanges.iter().find(|exchange| exchange.number == number),
            None => self.exchanges.last(),
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ended {
    /// How it ends.
    pub exit: Exit,
    /// How many tests came to what.
    pub tally: Tally,
    /// How long it took.
    pub ms: u64,
    /// Why it ended before every test had run; `None` where every test has.
    pub broken_off: Option<String>,
}
