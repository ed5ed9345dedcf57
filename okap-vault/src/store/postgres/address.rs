//! Where a PostgreSQL database is, and how sure one has to be that it is the one.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::CONNECT;

/// The address of a PostgreSQL database: `postgres://user:password@host/database`.
///
/// # Behavior
/// - Is shown without its password, and without what stands behind `?`.
/// - Without `sslmode` another computer has to speak TLS and to show a certificate that holds for
///   its name; on this computer TLS is used where it is offered.
/// - `sslmode` and `sslrootcert` mean what they mean in libpq: `disable`, `prefer`, `require`,
///   `verify-ca`, `verify-full`; a file of certificates in place of the usual roots.
///
/// ```
/// use okap_vault::store::DatabaseUrl;
/// let url: DatabaseUrl = "postgres://okap:secret@db.example/vault".parse()?;
/// assert_eq!(url.to_string(), "postgres://okap@db.example/vault");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Config,
    pub(super) certificate: Certificate,
    /// Certificates to trust in place of the usual ones.
    pub(super) roots: Option<PathBuf>,
    shown: String,
}

/// What the server's certificate has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    Anything,
    Issuer,
    IssuerAndName,
}

/// Why a text is no address of a database. It never repeats the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin as an address of PostgreSQL does.
    #[error("a database is named by postgres://user:password@host/database")]
    Scheme,
    /// It cannot be read.
    #[error(
        "the address of the database does not hold; it is postgres://user:password@host:port/database, \
         with signs such as @ and / in a password written as %40 and %2F"
    )]
    Form,
    /// The word is not known.
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full")]
    SslMode,
}

impl DatabaseUrl {
    pub(super) const fn config(&self) -> &Config {
        &self.config
    }
}

impl FromStr for DatabaseUrl {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(AddressError::Scheme)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => mode = Some(word),
                Some(("sslrootcert", "system")) => {}
                Some(("sslrootcert", file)) => roots = Some(PathBuf::from(decoded(file)?)),
                _ => others.push(pair),
            }
        }
        let known = format!("postgres://{place}?{}", others.join("&"));
        let mut config: Config = known.parse().map_err(|_| AddressError::Form)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(AddressError::Form);
        }
        let mode = mode.unwrap_or(if is_here(&config) { "prefer" } else { "verify-full" });
        let (ssl, certificate) = match mode {
            "disable" => (SslMode::Disable, Certificate::Anything),
            "allow" | "prefer" => (SslMode::Prefer, Certificate::Anything),
            // as libpq has it: whoever names roots wants them asked
            "require" if roots.is_some() => (SslMode::Require, Certificate::Issuer),
            "require" => (SslMode::Require, Certificate::Anything),
            "verify-ca" => (SslMode::Require, Certificate::Issuer),
            "verify-full" => (SslMode::Require, Certificate::IssuerAndName),
            _ => return Err(AddressError::SslMode),
        };
        config.ssl_mode(ssl);
        config.connect_timeout(CONNECT);
        config.keepalives_idle(Duration::from_secs(10));
        config.keepalives_interval(Duration::from_secs(5));
        config.keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(15));
        if config.get_application_name().is_none() {
            config.application_name("okap-vault");
        }
        Ok(Self { config, certificate, roots, shown: shown(place) })
    }
}

/// The place without a password.
fn shown(place: &str) -> String {
    let place = match place.rsplit_once('@') {
        Some((user, place)) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{user}@{place}")
        }
        None => place.to_owned(),
    };
    format!("postgres://{place}")
}

fn is_here(config: &Config) -> bool {
    let host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(host) && config.get_hostaddrs().iter().all(|a| a.is_loopback())
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    pairs.into_iter().next().map(|(name, _)| name.into_owned()).ok_or(AddressError::Form)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://okap:hunter2@db.example/vault",
            "postgresql://okap:hunter2@db.example/vault?sslmode=require",
            "postgres://okap@db.example/vault?password=hunter2",
            "postgres://okap:hunter2@sub@db.example/vault",
        ] {
            let Ok(url) = text.parse::<DatabaseUrl>() else { continue };
            let said = format!("{url} {url:?}");
            assert!(!said.contains("hunter2") && said.contains("db.example/vault"), "{said}");
        }
        for wrong in ["mysql://okap:hunter2@x/y", "postgres://okap:hunter2@x:port/y", "postgres://"]
        {
            let error = wrong.parse::<DatabaseUrl>().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn another_computer_has_to_prove_its_name_unless_told_otherwise() {
        use Certificate::{Anything, Issuer, IssuerAndName};
        for (text, certificate, ssl) in [
            ("postgres://db.example/v", IssuerAndName, SslMode::Require),
            ("postgres://db.example/v?sslmode=verify-full", IssuerAndName, SslMode::Require),
            ("postgres://db.example/v?sslmode=verify-ca", Issuer, SslMode::Require),
            ("postgres://db.example/v?sslmode=require", Anything, SslMode::Require),
            ("postgres://db.example/v?sslmode=require&sslrootcert=/ca", Issuer, SslMode::Require),
            ("postgres://db.example/v?sslmode=prefer", Anything, SslMode::Prefer),
            ("postgres://db.example/v?sslmode=disable", Anything, SslMode::Disable),
            ("postgres://localhost/v", Anything, SslMode::Prefer),
            ("postgres://127.0.0.1:5433/v", Anything, SslMode::Prefer),
            ("postgres://localhost,db.example/v", IssuerAndName, SslMode::Require),
            ("postgres://127.0.0.1/v?sslmode=verify-full", IssuerAndName, SslMode::Require),
        ] {
            let url = read(text);
            assert_eq!((url.certificate, url.config.get_ssl_mode()), (certificate, ssl), "{text}");
        }
        let unknown = "postgres://db.example/v?sslmode=maybe".parse::<DatabaseUrl>();
        assert_eq!(unknown.unwrap_err(), AddressError::SslMode);
    }

    #[test]
    fn what_stands_behind_the_question_mark_reaches_the_driver() {
        let url =
            read("postgres://okap@db.example/v?application_name=mine&sslrootcert=%2Fetc%2Fca.pem");
        assert_eq!(url.config.get_application_name(), Some("mine"));
        assert_eq!(url.roots, Some(PathBuf::from("/etc/ca.pem")));
    }
}
