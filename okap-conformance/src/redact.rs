//! The last look at a finished report: one that shows a secret is not written.
//!
//! Secrets are taken out by value where something is said ([`Secrets::redact`]); this finds what
//! that has missed, in any form, and what looks like a secret although nobody noted it.

use crate::canary::{Secrets, Sighting};

/// How the keys begin that the suite mints.
const MINTED: &str = "sk-okapconf-";
/// How many digits follow.
const DIGITS: usize = 32;

/// A report that shows a secret, and so was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{report} would show a secret ({}, {}) and was not written; {}", .seen.secret, .seen.form, .seen.way_out())]
pub struct Leak {
    /// Which report.
    pub report: String,
    /// The secret.
    pub seen: Sighting,
}

impl Sighting {
    /// What to do where a finished report shows it.
    fn way_out(&self) -> &'static str {
        match self.secret.starts_with("launch_") {
            true => "if it is none, name its variable in launch.open",
            false => "please report this",
        }
    }
}

/// Looks through a finished report.
///
/// # Errors
/// [`Leak`] where a secret stands in it.
pub fn look(secrets: &Secrets, report: &str, text: &str) -> Result<(), Leak> {
    let leak = |seen| Err(Leak { report: report.to_owned(), seen });
    if let Some(seen) = secrets.find("", text.as_bytes()) {
        return leak(seen);
    }
    let unnoted = Secrets::default();
    unnoted.know_tokens(text);
    for (at, _) in text.match_indices(MINTED) {
        let digits = text.get(at + MINTED.len()..).unwrap_or_default();
        let digits = digits.bytes().take(DIGITS).filter(u8::is_ascii_hexdigit).count();
        if digits == DIGITS {
            let secret = "a key of some run".to_owned();
            return leak(Sighting { secret, form: "plain" });
        }
    }
    match unnoted.find("", text.as_bytes()) {
        Some(seen) => leak(Sighting { secret: "a token that nobody noted".to_owned(), ..seen }),
        None => Ok(()),
    }
}

/// A text to be shown, without secrets: those that it is the first to show are noted as well. Where
/// one is left in another form, that is said in its place.
#[must_use]
pub fn shown(secrets: &Secrets, text: &str) -> String {
    secrets.know_tokens(text);
    let text = secrets.redact_cut(text);
    look(secrets, "what is shown", &text).map_or_else(|leak| leak.to_string(), |()| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use base64ct::{Base64, Encoding};

    #[test]
    fn a_report_with_a_secret_in_any_form_is_not_written() {
        let secrets = Secrets::default();
        let key = secrets.mint("master", Seed::fresh());
        let coded = Base64::encode_string(format!("user:{key}").as_bytes());
        for (text, form) in [(format!("<b>{key}</b>"), "plain"), (coded, "base64")] {
            let leak = look(&secrets, "report.html", &text).unwrap_err();
            assert_eq!((leak.seen.secret.as_str(), leak.seen.form), ("master", form));
            assert!(!leak.to_string().contains(&key));
        }
        assert_eq!(look(&secrets, "report.html", &secrets.redact(&key)), Ok(()));
    }

    #[test]
    fn a_value_of_launch_env_that_stands_in_a_report_by_itself_can_be_said_to_be_no_secret() {
        let secrets = Secrets::default();
        secrets.know("launch_PATH", "oauth-authorization-server");
        let said = look(&secrets, "report.html", "oauth-authorization-server").unwrap_err();
        assert!(said.to_string().ends_with("name its variable in launch.open"), "{said}");
        assert_eq!(look(&Secrets::default(), "report.html", "oauth-authorization-server"), Ok(()));
    }

    #[test]
    fn what_is_shown_has_no_secret_in_any_form() {
        let secrets = Secrets::default();
        let key = secrets.mint("master", Seed::fresh());
        let token = format!("okap_at_{}", "a1".repeat(25));
        let token = token.get(..57).unwrap();
        let said = shown(&secrets, &format!("401 {{\"key\":\"{key}\",\"token\":\"{token}\"}}"));
        assert_eq!(said, "401 {\"key\":\"${MASTER}\",\"token\":\"${TOKEN_AT_2}\"}");
        let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(shown(&secrets, &hex).contains("would show a secret (master, hex)"));
        assert_eq!(shown(&secrets, "200 fine"), "200 fine");
    }

    #[test]
    fn what_looks_like_a_secret_is_found_without_being_known() {
        let key = Secrets::default().mint("master", Seed::fresh());
        let token = format!("okap_rt_{}", "a1".repeat(25));
        for text in [key, token] {
            assert!(look(&Secrets::default(), "x", &format!("\"{text}\"")).is_err(), "{text}");
            let short: String = text.chars().take(20).collect();
            assert_eq!(look(&Secrets::default(), "x", &short), Ok(()), "its twin, cut");
        }
    }
}
