//! Flag before environment before file.

use std::{
    io,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{Mode, Target};
use crate::{
    canary::{SHORTEST, SHORTEST_WORD},
    digest::sha256,
    http::{Trust, Unusable},
};

/// How the variables begin that set a key.
const PREFIX: &str = "OKAP_TARGET_";

/// Why a target description does not hold.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The file cannot be read.
    #[error("target {} cannot be read: {}; okap-conformance init writes one", .0.display(), .1)]
    Read(PathBuf, #[source] io::Error),
    /// It does not say what it may say.
    #[error("target {} does not hold: {}", .0.display(), .1)]
    Parse(PathBuf, String),
    /// The file of the vault's authority is of no use.
    #[error("target.ca is {}, which is no use: {}", .0.display(), .1)]
    Authority(PathBuf, Unusable),
    /// A setting from outside has no key.
    #[error(
        "{0} is no setting: say section.key=value, such as consent.hook=http://127.0.0.1:8787/hook"
    )]
    Setting(String),
    /// A way to decide is asked for that is not described.
    #[error("consent by {0} needs consent.{1} in the target's description")]
    Consent(Mode, &'static str),
    /// A password that could not be told from other words.
    #[error(
        "consent.password has fewer than {SHORTEST} characters and could not be kept out of reports: \
         give the user of the tests a longer one, or leave it out"
    )]
    Password,
    /// What a browser types could not be told from other words, either.
    #[error(
        "the variable {0}, which consent.browser types, has fewer than {SHORTEST_WORD} characters and \
         could not be kept out of reports: give the user of the tests a longer one"
    )]
    Typed(String),
    /// A variable is said to be no secret, and there is none of that name.
    #[error("launch.open names {0}, which launch.env does not have")]
    Open(String),
    /// What is tested there may be somebody else's.
    #[error("{0} is not on this computer; if the vault is yours to test, add --i-own-this")]
    Elsewhere(String),
}

impl Target {
    /// Reads a description, with settings (`section.key=value`) and variables over it.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn read(
        path: &Path,
        settings: &[String],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, TargetError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| TargetError::Read(path.to_owned(), error))?;
        let mut target = Self::parse(&text, path, settings, variables)?;
        target.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        target.file = in_repository(path);
        if let Some(ca) = &target.target.ca {
            let ca = target.folder.join(ca);
            target.trust = Trust::beside(&ca).map_err(|error| TargetError::Authority(ca, error))?;
        }
        Ok(target)
    }

    /// As [`read`](Self::read), of a text; `path` names it in errors.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(
        text: &str,
        path: &Path,
        settings: &[String],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, TargetError> {
        let wrong =
            |said: String| TargetError::Parse(path.to_owned(), said.trim().replace('\n', "; "));
        let mut table: Table =
            toml::from_str(text).map_err(|error| wrong(at_its_line(text, &error)))?;
        for (name, value) in variables {
            // a key may have underscores, a section has none
            if let Some((section, key)) =
                name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'))
            {
                put(&mut table, &section.to_ascii_lowercase(), &key.to_ascii_lowercase(), &value);
            }
        }
        for setting in settings {
            let parts = setting.split_once('=').and_then(|(key, value)| {
                let (section, key) = key.split_once('.')?;
                Some((section, key, value))
            });
            let (section, key, value) =
                parts.ok_or_else(|| TargetError::Setting(setting.clone()))?;
            put(&mut table, section, key, value);
        }
        let target = table.clone().try_into();
        let target: Self =
            target.map_err(|error: toml::de::Error| wrong(without_value(error.message())))?;
        if target.consent.password.as_ref().is_some_and(|password| password.len() < SHORTEST) {
            return Err(TargetError::Password);
        }
        if let Some(launch) = &target.launch
            && let Some(name) = launch.open.iter().find(|name| !launch.env.contains_key(*name))
        {
            return Err(TargetError::Open(name.clone()));
        }
        // the digest is published: what opens something could be guessed by it
        for (section, member) in
            [("consent", "password"), ("consent", "browser"), ("launch", "env")]
        {
            if let Some(Value::Table(section)) = table.get_mut(section) {
                section.remove(member);
            }
        }
        Ok(Self { digest: sha256(table.to_string().as_bytes()), ..target })
    }

    /// Refuses a target on another computer.
    ///
    /// # Errors
    /// [`TargetError::Elsewhere`].
    pub fn is_here(&self) -> Result<(), TargetError> {
        let url = self.target.base_url.replace("{port}", "1");
        let url: Option<url::Url> = url.parse().ok();
        let here = url.as_ref().and_then(url::Url::host).is_some_and(|host| match host {
            url::Host::Domain(name) => name == "localhost",
            url::Host::Ipv4(ip) => ip.is_loopback(),
            url::Host::Ipv6(ip) => ip.is_loopback(),
        });
        if here { Ok(()) } else { Err(TargetError::Elsewhere(self.target.base_url.clone())) }
    }
}

/// What is wrong, and where; the line itself may hold a password.
fn at_its_line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(0, |before| before.matches('\n').count());
    format!("line {}: {}", line.saturating_add(1), error.message())
}

/// What is wrong with a value, without that: `invalid type: integer, expected a string`.
fn without_value(said: &str) -> String {
    let value = said.split_once(": ").and_then(|(what, rest)| {
        let (value, wanted) = rest.rsplit_once(", expected ")?;
        let kind = value.split(['`', '"']).next()?.trim_end();
        what.starts_with("invalid ").then(|| format!("{what}: {kind}, expected {wanted}"))
    });
    value.unwrap_or_else(|| said.to_owned())
}

/// The path below the nearest folder that has a `.git`; as it is where there is none.
fn in_repository(path: &Path) -> String {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let root = whole.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    let below = root.and_then(|root| whole.strip_prefix(root).ok()).unwrap_or(path);
    let parts: Vec<_> = below
        .components()
        .filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    parts.join("/")
}

/// Puts a value, as TOML where it is that, else as a string.
fn put(table: &mut Table, section: &str, key: &str, value: &str) {
    let read = toml::from_str::<Table>(&format!("value = {value}")).ok();
    let value = read
        .and_then(|mut read| read.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    const FILE: &str = "[target]\nname = 'a'\nbase_url = 'http://127.0.0.1:8080'\n\
                        profiles = ['proxy']\n[timeouts]\nrequest = '2s'";

    fn parse(text: &str, settings: &[&str], variables: &[(&str, &str)]) -> Result<Target, String> {
        let settings: Vec<String> = settings.iter().map(|s| (*s).to_owned()).collect();
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Target::parse(text, Path::new("t.toml"), &settings, variables)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let variable = ("OKAP_TARGET_TIMEOUTS_REQUEST", "3s");
        let seconds = |settings: &[&str], variables: &[(&str, &str)]| {
            parse(FILE, settings, variables).unwrap().timeouts.request.0.as_secs()
        };
        assert_eq!(seconds(&[], &[]), 2);
        assert_eq!(seconds(&[], &[variable]), 3);
        assert_eq!(seconds(&["timeouts.request=4s"], &[variable]), 4);
    }

    #[test]
    fn core_is_tested_whatever_is_claimed() {
        let target = parse(FILE, &[], &[]).unwrap();
        assert_eq!(target.profiles(), [Profile::Core, Profile::Proxy]);
        let target = parse(FILE, &["target.profiles=['limits','dpop']"], &[]).unwrap();
        assert_eq!(target.profiles(), [Profile::Core, Profile::Limits, Profile::Dpop]);
    }

    #[test]
    fn an_unknown_key_is_an_error_wherever_it_stands() {
        for wrong in [
            parse(&format!("{FILE}\n[consent]\nhok = 'x'"), &[], &[]),
            parse(FILE, &["consent.hok=x"], &[]),
            parse(FILE, &[], &[("OKAP_TARGET_CONSENT_HOK", "x")]),
        ] {
            let said = wrong.unwrap_err();
            assert!(said.contains("`hok`") && said.contains("t.toml"), "{said}");
        }
        assert!(parse(FILE, &["hook"], &[]).unwrap_err().contains("section.key=value"));
        assert!(parse(FILE, &["target.profiles=['cor']"], &[]).unwrap_err().contains("`cor`"));
        assert!(parse(FILE, &["timeouts.request=4"], &[]).is_err());
    }

    #[test]
    fn a_password_is_long_enough_to_be_kept_out_of_reports() {
        let with = |password: &str| parse(FILE, &[&format!("consent.password={password}")], &[]);
        assert!(with("fifteen letters").unwrap_err().contains("fewer than 16 characters"));
        let (one, other) = (with("sixteen letters.").unwrap(), with("another password").unwrap());
        assert_eq!(one.digest, other.digest, "it cannot be guessed from what is published");
        assert_ne!(one.digest, parse(FILE, &["consent.user=jo"], &[]).unwrap().digest);
    }

    #[test]
    fn a_variable_that_is_no_secret_is_one_that_the_vault_is_given() {
        let with = |open: &str| {
            let launch = format!("[launch]\ncommand=['x']\nopen=['{open}']\nenv={{A='b'}}");
            parse(&format!("{FILE}\n{launch}"), &[], &[])
        };
        assert_eq!(with("A").unwrap().launch.unwrap().open, ["A"]);
        assert!(with("B").unwrap_err().contains("launch.open names B"));
    }

    #[test]
    fn a_description_that_is_no_toml_is_told_by_its_line_and_not_shown() {
        let said = parse(&format!("{FILE}\n[consent]\npassword = 'made up for this"), &[], &[]);
        let said = said.unwrap_err();
        assert!(said.contains("t.toml does not hold: line 8: "), "{said}");
        assert!(!said.contains("made up"), "{said}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_not_shown() {
        for (setting, kind) in [
            ("launch.env={PIN=7654321}", "integer, expected a string"),
            ("launch.env=hunter2, expected more", "string, expected a map"),
            ("launch.command='hunter2'", "string, expected a sequence"),
        ] {
            let said = parse(&format!("{FILE}\n[launch]\ncommand=['x']"), &[setting], &[]);
            let said = said.unwrap_err();
            assert!(said.ends_with(&format!("does not hold: invalid type: {kind}")), "{said}");
        }
        let said = parse(FILE, &["consent.moed=hook"], &[]).unwrap_err();
        assert!(said.contains("unknown field `moed`, expected one of"), "{said}");
    }

    #[test]
    fn a_vault_elsewhere_is_tested_by_its_owner_alone() {
        let at = |url: &str| parse(FILE, &[&format!("target.base_url={url}")], &[]).unwrap();
        assert!(at("http://localhost:{port}").is_here().is_ok());
        assert!(at("http://[::1]:1").is_here().is_ok());
        for elsewhere in
            ["https://vault.example", "http://10.0.0.1", "http://localhost.evil.example"]
        {
            assert!(at(elsewhere).is_here().is_err(), "{elsewhere}");
        }
    }
}
