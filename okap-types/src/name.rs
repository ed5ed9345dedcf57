//! Providers, capabilities and identifiers: open sets of short names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Says why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not {form}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    form: &'static str,
}

const NAME: &str =
    "a name of 1 to 64 characters a-z, 0-9, _ and -, beginning with a letter or digit";

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut bytes = text.bytes();
    text.len() <= 64
        && bytes.next().is_some_and(plain)
        && bytes.all(|b| plain(b) || b == b'_' || b == b'-')
}

/// A name outside the known ones; made by parsing only, so that it never shadows a known one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherName(Box<str>);

macro_rules! open_names {
    ($(#[$doc:meta])* $Name:ident, $what:literal, { $($Variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $Name {
            $(#[doc = concat!("`", $text, "`")] $Variant,)+
            /// A name that this version does not list; the set is open.
            Other(OtherName),
        }

        impl $Name {
            /// The names that this version lists.
            pub const KNOWN: &'static [Self] = &[$(Self::$Variant),+];

            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$Variant => $text,)+
                    Self::Other(other) => &other.0,
                }
            }
        }

        impl FromStr for $Name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match text {
                    $($text => Ok(Self::$Variant),)+
                    other if is_name(other) => Ok(Self::Other(OtherName(other.into()))),
                    other => {
                        Err(InvalidName { what: $what, text: shortened(other), form: NAME })
                    }
                }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $Name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $Name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($Name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": concat!("Names a ", $what, "; the set is open."),
                    "type": "string",
                    "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
                    "examples": [$($text),+],
                })
            }
        }
    };
}

open_names! {
    /// Who runs the models: `openai`, `anthropic`, ... An open set of names `[a-z0-9][a-z0-9_-]{0,63}`.
    ///
    /// ```
    /// use okap_types::Provider;
    /// assert_eq!("openai".parse(), Ok(Provider::OpenAi));
    /// assert_eq!("my-lab".parse::<Provider>()?.as_str(), "my-lab");
    /// assert!("Open AI".parse::<Provider>().is_err());
    /// # Ok::<(), okap_types::name::InvalidName>(())
    /// ```
    Provider, "provider", {
        OpenAi = "openai",
        Anthropic = "anthropic",
        Google = "google",
        Groq = "groq",
        Together = "together",
        Mistral = "mistral",
        Cohere = "cohere",
        Ollama = "ollama",
        OpenRouter = "openrouter",
        Replicate = "replicate",
    }
}

open_names! {
    /// What may be done with a model: `chat`, `embeddings`, ... An open set.
    Capability, "capability", {
        Chat = "chat",
        Completions = "completions",
        Embeddings = "embeddings",
        Images = "images",
        Audio = "audio",
        Moderation = "moderation",
        Code = "code",
        Vision = "vision",
    }
}

/// Names a grant; not a secret. 1 to 64 characters `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantId(
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,64}$")))] String,
);

impl GrantId {
    /// The identifier as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidName {
                what: "grant id",
                text: shortened(text),
                form: "1 to 64 characters A-Z, a-z, 0-9, _ and -",
            }),
        }
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// At most 80 characters of a foreign text, for an error message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
