//! The requirements of the specification, as this build knows them.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::digest::sha256;

const TEXT: &str = include_str!("../requirements.toml");

/// One sentence of the specification with its identifier.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`.
    pub level: String,
    /// Who has to do it: `vault`, `client`, `page`, `extension`.
    pub actor: String,
    /// The profile it belongs to.
    pub profile: String,
    /// The heading of the specification under which it stands.
    pub anchor: String,
    /// `wire`, `graybox`, `attest`, `excluded`.
    pub testability: String,
    /// Why it is excluded.
    pub reason: Option<String>,
    /// The sentence, shortened.
    pub text: String,
}

/// Why no test verifies a requirement that the specification does not exclude: a file each profile.
const UNTESTED: [&str; 8] = [
    include_str!("../untested/core.toml"),
    include_str!("../untested/oauth.toml"),
    include_str!("../untested/proxy.toml"),
    include_str!("../untested/limits.toml"),
    include_str!("../untested/device.toml"),
    include_str!("../untested/dpop.toml"),
    include_str!("../untested/delegation.toml"),
    include_str!("../untested/admin.toml"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Untested {
    reason: String,
}

static REASONS: LazyLock<BTreeMap<String, Untested>> = LazyLock::new(|| {
    let read =
        |text: &&str| -> BTreeMap<String, Untested> { toml::from_str(text).unwrap_or_default() };
    UNTESTED.iter().flat_map(read).collect()
});

/// Why no test verifies a requirement, where the catalogue says so.
#[must_use]
pub fn untested(id: &str) -> Option<&'static str> {
    REASONS.get(id).map(|untested| untested.reason.as_str())
}

static ALL: LazyLock<BTreeMap<String, Requirement>> =
    LazyLock::new(|| toml::from_str(TEXT).unwrap_or_default());

impl Requirement {
    /// All of them by identifier, `OKAP-R-001` first.
    #[must_use]
    pub fn all() -> &'static BTreeMap<String, Self> {
        &ALL
    }

    /// The one with this identifier.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        ALL.get(id)
    }

    /// SHA-256 of all of them, as they are written.
    #[must_use]
    pub fn digest() -> String {
        sha256(TEXT.as_bytes())
    }

    /// Whether to do otherwise is a failure, and not only worth a warning.
    #[must_use]
    pub fn is_must(&self) -> bool {
        self.level.starts_with("MUST")
    }

    /// Where it stands, below `spec/`.
    #[must_use]
    pub fn link(&self) -> String {
        format!("spec/okap.md#{}", self.anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requirements_of_this_build_are_read() {
        assert!(Requirement::all().len() > 300);
        let race = Requirement::find("OKAP-R-331").unwrap();
        assert!(race.is_must() && race.profile == "limits");
        assert!(!Requirement::find("OKAP-R-333").unwrap().is_must());
        assert!(Requirement::find("OKAP").is_none());
    }
    #[test]
    fn every_reason_is_about_a_requirement_that_there_is() {
        let headings = UNTESTED.iter().flat_map(|file| file.lines());
        let headings = headings.filter(|line| line.starts_with('[')).count();
        assert_eq!(REASONS.len(), headings, "a file that cannot be read has no reasons");
        for (id, untested) in REASONS.iter() {
            assert!(Requirement::find(id).is_some() && !untested.reason.is_empty(), "{id}");
        }
    }
}
