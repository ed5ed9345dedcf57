use std::fmt;

use serde::Deserialize;

use super::{Consent, Target, TargetError};
use crate::canary::SHORTEST_WORD;

/// Who decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The first that is described: the hook, the template, the browser. Never waits for a person.
    #[default]
    Auto,
    /// The vault's test hook.
    Hook,
    /// An address that decides when it is fetched.
    Template,
    /// A browser that follows a script.
    Browser,
    /// A person at this terminal.
    Human,
    /// Nobody: what needs a decision is untestable.
    Nobody,
}

impl Mode {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hook => "hook",
            Self::Template => "template",
            Self::Browser => "browser",
            Self::Human => "human",
            Self::Nobody => "nobody",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A browser that decides, by the WebDriver protocol (W3C) of `chromedriver` or `geckodriver`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Browser {
    /// Address of the WebDriver: `http://127.0.0.1:9515`.
    pub webdriver: String,
    /// What is asked of the browser (`alwaysMatch`), such as the arguments it is started with.
    #[serde(default)]
    pub capabilities: toml::Table,
    /// What is done on which page; the first that fits is taken.
    pub page: Vec<Page>,
}

/// What is done on a page.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Stands in the page's address.
    pub address: String,
    /// For which decision: `approve` or `deny`; left out, for both.
    pub when: Option<Choice>,
    /// How often in one decision: a page that comes again has not worked.
    #[serde(default = "once")]
    pub most: usize,
    /// What is done, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Whether the decision is made once this is done.
    #[serde(default)]
    pub last: bool,
}

/// The decisions that a page may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// One step on a page. Elements are found by CSS selectors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum Step {
    /// Types into a field.
    Fill {
        /// The field.
        fill: String,
        /// What is typed.
        with: String,
    },
    /// Types what a variable of the environment holds: a passphrase stands in no file.
    FillFrom {
        /// The field.
        fill: String,
        /// The variable.
        env: String,
    },
    /// Clicks.
    Click {
        /// On what.
        click: String,
    },
}

impl Consent {
    /// Who decides; never [`Mode::Auto`].
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.mode {
            Mode::Auto if self.hook.is_some() => Mode::Hook,
            Mode::Auto if self.approve_url.is_some() => Mode::Template,
            Mode::Auto if self.browser.is_some() => Mode::Browser,
            Mode::Auto => Mode::Nobody,
            mode => mode,
        }
    }
}

impl Target {
    /// Refuses a mode whose part of the description is missing.
    ///
    /// # Errors
    /// [`TargetError::Consent`].
    pub fn can_decide(&self) -> Result<(), TargetError> {
        let consent = &self.consent;
        let missing = match consent.mode() {
            Mode::Hook if consent.hook.is_none() => "hook",
            Mode::Template if consent.approve_url.is_none() => "approve_url",
            Mode::Browser if consent.browser.is_none() => "browser",
            _ => return Ok(()),
        };
        Err(TargetError::Consent(consent.mode(), missing))
    }

    /// Refuses what a browser would type from the environment, if no report could do without it.
    ///
    /// # Errors
    /// [`TargetError::Typed`].
    pub fn can_keep(&self, variable: impl Fn(&str) -> Option<String>) -> Result<(), TargetError> {
        let pages = self.consent.browser.iter().flat_map(|browser| &browser.page);
        for step in pages.flat_map(|page| &page.steps) {
            if let Step::FillFrom { env, .. } = step
                && variable(env).is_some_and(|typed| typed.len() < SHORTEST_WORD)
            {
                return Err(TargetError::Typed(env.clone()));
            }
        }
        Ok(())
    }
}

const fn once() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn target(consent: &str) -> Result<Target, TargetError> {
        let text = format!("[target]\nname='a'\nbase_url='http://127.0.0.1'\n{consent}");
        Target::parse(&text, Path::new("t.toml"), &[], [])
    }

    const BROWSER: &str = r##"
        [consent.browser]
        webdriver = "http://127.0.0.1:9515"
        [[consent.browser.page]]
        address = "/login"
        steps = [{ fill = "#pass", env = "PASS" }, { click = "button" }]
        [[consent.browser.page]]
        address = "/consent"
        when = "approve"
        steps = [{ click = "#yes" }]
        last = true
    "##;

    #[test]
    fn the_first_way_that_is_described_is_taken_and_a_person_only_when_asked_for() {
        let mode = |text: &str| target(text).unwrap().consent.mode();
        assert_eq!(mode(""), Mode::Nobody);
        assert_eq!(mode("[consent]\nhook='h'\napprove_url='a'"), Mode::Hook);
        assert_eq!(mode("[consent]\napprove_url='a'"), Mode::Template);
        assert_eq!(mode(BROWSER), Mode::Browser);
        assert_eq!(mode("[consent]\nhook='h'\nmode='human'"), Mode::Human);
    }

    #[test]
    fn what_a_browser_types_from_the_environment_can_be_told_from_other_words() {
        let typed = |value: Option<&str>| {
            let browser = target(BROWSER).unwrap();
            browser.can_keep(|name| value.filter(|_| name == "PASS").map(str::to_owned))
        };
        let said = typed(Some("abc")).unwrap_err().to_string();
        assert!(said.contains("the variable PASS") && !said.contains("abc"), "{said}");
        assert!(typed(Some("abcd")).is_ok());
        assert!(typed(None).is_ok(), "the step says so when it comes to it");
    }

    #[test]
    fn a_way_that_is_asked_for_has_to_be_described() {
        let said = target("[consent]\nmode='template'").unwrap().can_decide().unwrap_err();
        assert!(said.to_string().contains("consent.approve_url"), "{said}");
        assert!(target(BROWSER).unwrap().can_decide().is_ok());
        assert!(target(&BROWSER.replace("click = \"button\"", "klick = \"button\"")).is_err());
    }
}
