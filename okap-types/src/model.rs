//! Model identifiers: exact strings, no globs, no normalisation.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::shortened;

/// Most models that one details object lists.
pub const MAX_MODELS: usize = 64;

/// Says why a text is not a model id, or a list not a list of models.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidModel {
    /// Empty, longer than 256 bytes, or with a control character.
    #[error("model {0:?} is not 1 to 256 bytes without control characters")]
    Text(String),
    /// The wildcard in a place that wants explicit ids.
    #[error("model \"*\" cannot be asked for; leave models out to let the user choose")]
    Wildcard,
    /// The list is too long.
    #[error("{0} models listed, at most 64 allowed")]
    TooMany(usize),
    /// The list names a model twice.
    #[error("model {0:?} is listed twice")]
    Twice(String),
}

/// Names one model exactly as the provider does, 1 to 256 bytes.
///
/// Ids are compared byte by byte: `GPT-4` is not `gpt-4`.
///
/// ```
/// use okap_types::ModelId;
/// assert!("gpt-4o-mini".parse::<ModelId>().is_ok());
/// assert!("*".parse::<ModelId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("not" = {"const": "*"})))]
pub struct ModelId(
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 256), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"))
    )]
    String,
);

impl ModelId {
    /// The id as the provider writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a text as it is; the caller checks it before it goes anywhere.
    pub(crate) fn unchecked(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for ModelId {
    type Err = InvalidModel;

    fn from_str(text: &str) -> Result<Self, InvalidModel> {
        if text == "*" {
            return Err(InvalidModel::Wildcard);
        }
        if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
            return Err(InvalidModel::Text(shortened(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Checks that a list of models is short and names each once.
///
/// # Errors
/// [`InvalidModel::TooMany`], [`InvalidModel::Twice`].
pub fn check_list(models: &[ModelId]) -> Result<(), InvalidModel> {
    if models.len() > MAX_MODELS {
        return Err(InvalidModel::TooMany(models.len()));
    }
    for (at, model) in models.iter().enumerate() {
        if models.iter().take(at).any(|earlier| earlier == model) {
            return Err(InvalidModel::Twice(model.to_string()));
        }
    }
    Ok(())
}

/// The models of a grant: explicit ids, or every model where the user chose that.
///
/// On the wire a list; `["*"]` stands for [`Models::Any`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Models {
    /// Every model of the provider (`["*"]`).
    Any,
    /// These and no others; never empty.
    Listed(Vec<ModelId>),
}

impl Models {
    /// Whether a call may name this model.
    pub fn contains(&self, model: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(models) => models.iter().any(|m| m.as_str() == model),
        }
    }

    /// Whether every model here is one of `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Any) => true,
            (Self::Any, Self::Listed(_)) => false,
            (Self::Listed(ours), theirs) => ours.iter().all(|m| theirs.contains(m.as_str())),
        }
    }

    /// Whether some model is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Listed(ours), theirs) => ours.iter().any(|m| theirs.contains(m.as_str())),
            (Self::Any, Self::Any) => true,
            (Self::Any, Self::Listed(theirs)) => !theirs.is_empty(),
        }
    }

    /// The explicit ids; empty for [`Models::Any`].
    pub fn listed(&self) -> &[ModelId] {
        match self {
            Self::Any => &[],
            Self::Listed(models) => models,
        }
    }
}

impl Serialize for Models {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => s.collect_seq(["*"]),
            Self::Listed(models) => s.collect_seq(models),
        }
    }
}

impl<'de> Deserialize<'de> for Models {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let names = Vec::<String>::deserialize(d)?;
        if names == ["*"] {
            return Ok(Self::Any);
        }
        let models: Vec<ModelId> =
            names.iter().map(|n| n.parse()).collect::<Result<_, _>>().map_err(D::Error::custom)?;
        if models.is_empty() {
            return Err(D::Error::custom("a grant lists at least one model"));
        }
        check_list(&models).map_err(D::Error::custom)?;
        Ok(Self::Listed(models))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Models {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Models".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The models of a grant: explicit ids, or [\"*\"] where the user allowed every model.",
            "type": "array", "minItems": 1, "maxItems": 64, "uniqueItems": true,
            "items": {
                "type": "string", "minLength": 1, "maxLength": 256,
                "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$",
            },
            "if": {"contains": {"const": "*"}}, "then": {"maxItems": 1},
        })
    }
}
