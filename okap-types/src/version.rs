//! The protocol version.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The `okap` member: `major.minor`. This crate speaks major 1.
///
/// A minor version may only add members to answers, so every 1.x is understood.
///
/// ```
/// use okap_types::Version;
/// assert!("1.0".parse::<Version>().is_ok());
/// assert!("1.7".parse::<Version>().is_ok());
/// assert!("2.0".parse::<Version>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    minor: u32,
}

impl Version {
    /// The version that answers carry.
    pub const CURRENT: Self = Self { minor: 0 };
    /// What `okap_versions_supported` lists.
    pub const SUPPORTED: &'static [&'static str] = &["1.0"];
}

/// The version asked for is not spoken here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("okap version {0} is not supported, this vault speaks 1.0")]
pub struct UnsupportedVersion(pub(crate) String);

impl FromStr for Version {
    type Err = UnsupportedVersion;

    fn from_str(text: &str) -> Result<Self, UnsupportedVersion> {
        let minor = text.strip_prefix("1.").filter(|m| m.bytes().all(|b| b.is_ascii_digit()));
        let canonical = |m: &&str| m.len() <= 5 && (*m == "0" || !m.starts_with('0'));
        minor
            .filter(canonical)
            .and_then(|m| m.parse().ok())
            .map(|minor| Self { minor })
            .ok_or_else(|| UnsupportedVersion(format!("{:?}", crate::name::shortened(text))))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Protocol version, major.minor.",
            "type": "string", "pattern": r"^1\.(0|[1-9][0-9]{0,4})$", "examples": ["1.0"],
        })
    }
}
