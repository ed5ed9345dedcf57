//! `okap-vault.toml`: other providers, other prices, other patience.
//!
//! ```toml
//! [upstream.my-lab]                        # an OpenAI-compatible provider is three lines
//! base_url = "https://llm.example.com/v1"
//! auth = "bearer"                          # or "x-api-key" or "none"
//!
//! [upstream.openai]                        # a known provider elsewhere
//! base_url = "http://127.0.0.1:9999/v1"
//!
//! [[price]]                                # USD per million tokens
//! provider = "my-lab"
//! model = "large"
//! prices = { input = "0.50", output = "1.50" }
//!
//! [limits]
//! answer_within = "600s"                   # until a provider's answer begins
//! silence = "300s"                         # between two pieces of a stream
//!
//! [[resource_server]]                      # may ask what a token is worth (RFC 7662)
//! id = "gateway"
//! secret_sha256 = "…"                      # from okap-vault introspection new gateway
//! ```
//!
//! Above the first table may stand
//! - `dpop_nonce = true`: then every DPoP proof carries a nonce of the vault (RFC 9449 section 8);
//! - `database = "postgres://okap:…@db.example.com/vault"`, which keeps the vault in that database,
//!   for any number of nodes;
//! - `strict_holds = true`: then what each call may cost is on the disk before the call leaves. Else
//!   a node takes a little money ahead, and what a crash leaves of that counts as spent until the
//!   cap's window ends. The cap holds either way; strict is slower.

mod resource_server;
mod upstream;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub(crate) use resource_server::is_id as is_resource_server_id;
pub(crate) use upstream::is_loopback;

use okap_engine::{
    price::{Override, PriceBook, PriceError},
    provider::Upstreams,
};
use okap_server::Config;
use okap_types::{Provider, Secret};
use serde::{Deserialize, Deserializer};
use url::Url;

/// What the owner has set; everything has a default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    upstream: BTreeMap<Provider, upstream::Entry>,
    #[serde(default)]
    price: Vec<Override>,
    #[serde(default)]
    limits: Patience,
    #[serde(default)]
    resource_server: Vec<resource_server::Entry>,
    #[serde(default)]
    dpop_nonce: bool,
    #[serde(default)]
    strict_holds: bool,
    database: Option<Secret<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patience {
    #[serde(default, deserialize_with = "span")]
    answer_within: Option<Duration>,
    #[serde(default, deserialize_with = "span")]
    silence: Option<Duration>,
}

/// Why a configuration does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {} cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The file does not say what it may say.
    #[error("configuration {path} does not hold, line {line}: {message}", path = .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A provider's address cannot be used.
    #[error("base_url of [upstream.{0}] in {path} {why}", path = .1.display(), why = .2)]
    Address(Provider, PathBuf, &'static str),
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read(path.to_owned(), error))?;
        Self::parse(&text, path)
    }

    /// Reads a file where there is one.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read_if_there(path: &Path) -> Result<Self, ConfigError> {
        match Self::read(path) {
            Err(ConfigError::Read(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            read => read,
        }
    }

    /// Reads a text; `path` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
            ConfigError::Parse {
                path: path.to_owned(),
                line,
                message: error.message().replace('\n', "; "),
            }
        })?;
        for (provider, entry) in &settings.upstream {
            entry
                .check_address()
                .map_err(|why| ConfigError::Address(provider.clone(), path.to_owned(), why))?;
        }
        Ok(settings)
    }

    /// The PostgreSQL database that the vault is kept in, in place of a SQLite file.
    #[must_use]
    pub const fn database(&self) -> Option<&Secret<String>> {
        self.database.as_ref()
    }

    /// The providers that the vault forwards to: the known ones, and those set here.
    #[must_use]
    pub fn upstreams(&self) -> Upstreams {
        self.upstream.iter().fold(Upstreams::presets(), |known, (provider, entry)| {
            let upstream = entry.over(known.find(provider));
            known.with(provider.clone(), upstream)
        })
    }

    /// A vault's configuration at an address.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn config(&self, issuer: Url) -> Result<Config, PriceError> {
        let mut config = Config::at(issuer);
        let upstreams = self.upstreams();
        config.profile.providers = upstreams.providers().cloned().collect();
        config.upstreams = upstreams;
        if !self.price.is_empty() {
            config.prices = Some(Arc::new(PriceBook::embedded()?.with_overrides(&self.price)));
        }
        config.answer_within = self.limits.answer_within.unwrap_or(config.answer_within);
        config.silence = self.limits.silence.unwrap_or(config.silence);
        config.resource_servers = self.resource_server.iter().map(Into::into).collect();
        config.dpop_nonce = self.dpop_nonce;
        config.strict_holds = self.strict_holds;
        Ok(config)
    }
}

/// A time such as `600s`, `5m` or `1h`: one second to one hour.
fn span<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(d)?;
    let wrong =
        || serde::de::Error::custom(format!("{text:?} is no time of 1s to 1h, such as 600s or 5m"));
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        _ => return Err(wrong()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    let seconds = seconds.filter(|seconds| (1..=3600).contains(seconds)).ok_or_else(wrong)?;
    Ok(Some(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(text, Path::new("okap-vault.toml"))
    }

    fn wrong(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        for (text, key) in [
            ("[upstreams.x]\nbase_url = 'https://x.example'", "upstreams"),
            ("[upstream.x]\nurl = 'https://x.example'", "url"),
            ("[limits]\nanswer = '1s'", "answer"),
            ("[[price]]\nprovider='x'\nmodel='y'\nprices={input='1', ouput='2'}", "ouput"),
            ("[upstream.x]\nbase_url = 'https://x.example'\nstyle = 'bedrock'", "bedrock"),
            ("[upstream.'Open AI']\nbase_url = 'https://x.example'", "Open AI"),
        ] {
            let error = wrong(text);
            assert!(
                error.contains(key) && error.contains(", line ") && !error.contains('\n'),
                "{error}"
            );
        }
    }

    #[test]
    fn a_price_is_put_over_the_book() {
        let text =
            "[[price]]\nprovider='my-lab'\nmodel='large'\nprices={input='0.5', output='1.5'}";
        let config = parse(text).unwrap().config("http://127.0.0.1:1".parse().unwrap()).unwrap();
        assert!(config.prices.unwrap().find("my-lab", "large").is_some());
        assert!(wrong("[[price]]\nprovider='x'\nmodel='y'\nprices={input=0.5}").contains("quoted"));
    }

    #[test]
    fn holds_are_strict_where_it_is_said() {
        let strict = |text| {
            let config = parse(text).unwrap().config("http://127.0.0.1:1".parse().unwrap());
            config.unwrap().strict_holds
        };
        assert!(strict("strict_holds = true\n[limits]\nsilence = '5s'"));
        assert!(!strict("strict_holds = false") && !strict(""));
        assert!(wrong("strict_holds = 'yes'").contains("line 1"));
    }

    #[test]
    fn times_are_between_a_second_and_an_hour() {
        let at = |time: &str| parse(&format!("[limits]\nsilence = '{time}'"));
        for (time, seconds) in [("1s", 1), ("5m", 300), ("1h", 3600)] {
            let config = at(time).unwrap().config("http://127.0.0.1:1".parse().unwrap()).unwrap();
            assert_eq!(config.silence.as_secs(), seconds);
        }
        for time in ["0s", "2h", "-1s", "5", "s", "1.5s", "5 m", "99999999999999999999h", ""] {
            assert!(at(time).is_err(), "{time}");
        }
    }
}
