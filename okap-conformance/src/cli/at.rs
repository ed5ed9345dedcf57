//! Which vault, as flags that several verbs share.

use std::{io::IsTerminal, path::PathBuf, time::Duration};

use anyhow::bail;

use crate::target::{Mode, Span, Target};

/// Longest that a test may take where a person decides.
const WITH_A_PERSON: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// The description of the vault
    #[arg(long, default_value = "okap-target.toml", value_name = "FILE")]
    pub(super) target: PathBuf,
    /// Sets a key of the description, such as consent.hook=http://127.0.0.1:8787/hook
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Who decides requests; auto takes what is described, and never waits for a person
    #[arg(long, value_name = "MODE", value_parser = ["auto", "hook", "template", "browser", "human", "nobody"])]
    consent: Option<String>,
    /// Tests a vault on another computer
    #[arg(long)]
    i_own_this: bool,
}

impl At {
    /// The description, with all that was set from outside.
    pub(super) fn read(&self) -> anyhow::Result<Target> {
        let mut settings = self.set.clone();
        settings.extend(self.consent.as_ref().map(|mode| format!("consent.mode={mode}")));
        let mut target = Target::read(&self.target, &settings, std::env::vars())?;
        if !self.i_own_this {
            target.is_here()?;
        }
        target.can_decide()?;
        target.can_keep(|name| std::env::var(name).ok())?;
        if target.consent.mode() == Mode::Human {
            if !std::io::stdin().is_terminal() {
                bail!("consent by a person needs a terminal; without one take a hook or a browser");
            }
            target.timeouts.test = Span(target.timeouts.test.0.max(WITH_A_PERSON));
        }
        Ok(target)
    }
}
