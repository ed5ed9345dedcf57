//! The requirements of the specification, as this build knows them.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

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
}
