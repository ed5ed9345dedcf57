//! Reports, each made of the events of a run and of nothing else.

pub mod badge;
pub mod cause;
pub mod console;
pub mod coverage;
pub mod curl;
mod form;
pub mod har;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
#[cfg(test)]
pub(crate) mod sample;
pub mod sarif;
pub mod tap;
pub mod threats;
mod visible;
mod write;

use crate::{
    event::{Began, Ended, Event, Tested},
    profile::Profile,
    verdict::Verdict,
};

pub use form::{Form, RenderError};
pub use write::{Reports, WriteError, place};

/// The events of a run, put in order.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// What it is about.
    pub began: Option<Began>,
    /// Its tests, in order of id.
    pub tested: Vec<Tested>,
    /// What it came to.
    pub ended: Option<Ended>,
}

impl Run {
    /// Adds what happened.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Began(began) => self.began = Some((**began).clone()),
            Event::Started { .. } => {}
            Event::Tested(tested) => {
                let at = self.tested.partition_point(|known| known.test < tested.test);
                let mut tested = (**tested).clone();
                visible::tested(&mut tested);
                self.tested.insert(at, tested);
            }
            Event::Ended(ended) => self.ended = Some(ended.clone()),
        }
    }

    /// Reads the events of a run, one a line.
    ///
    /// # Errors
    /// Which line is none.
    pub fn read(lines: &str) -> Result<Self, String> {
        let mut run = Self::default();
        for (number, line) in lines.lines().enumerate() {
            let event = serde_json::from_str(line);
            run.add(&event.map_err(|error| format!("line {} is no event: {error}", number + 1))?);
        }
        match &run.began {
            Some(began) if began.format > crate::event::FORMAT => {
                Err(format!("events of format {}: take a later suite", began.format))
            }
            Some(_) => Ok(run),
            None => Err("there is no beginning".to_owned()),
        }
    }

    /// The tests with one of these verdicts.
    pub fn with<'a>(&'a self, verdicts: &'a [Verdict]) -> impl Iterator<Item = &'a Tested> {
        self.tested.iter().filter(|tested| verdicts.contains(&tested.verdict))
    }

    /// The tests of a profile that passed, and all of them.
    #[must_use]
    pub fn score(&self, profile: Profile) -> (usize, usize) {
        let of = self.tested.iter().filter(|tested| tested.profile == profile);
        let passed = of.clone().filter(|tested| tested.verdict == Verdict::Pass).count();
        (passed, of.count())
    }

    /// The tests that somebody has to do something about, failures first.
    #[must_use]
    pub fn trouble(&self) -> Vec<&Tested> {
        let trouble = self.tested.iter().filter(|tested| tested.verdict.is_trouble());
        let mut trouble: Vec<_> = trouble.collect();
        trouble.sort_by_key(|tested| tested.verdict != Verdict::Fail);
        trouble
    }

    /// `acme-vault 1.4.0`.
    #[must_use]
    pub fn name(&self) -> String {
        let Some(began) = &self.began else { return String::new() };
        format!("{} {}", began.target.name, began.target.version).trim_end().to_owned()
    }

    /// `12 pass, 1 fail`.
    #[must_use]
    pub fn counts(&self) -> String {
        let Some(ended) = &self.ended else { return String::new() };
        let counts: Vec<_> = ended.tally.all().map(|(v, n)| format!("{n} {v}")).collect();
        if counts.is_empty() { "no tests".to_owned() } else { counts.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_again_as_it_was_told() {
        let told: Vec<_> = sample::events(&[("proxy.refuse.model", Verdict::Fail)]);
        let lines: Vec<_> =
            told.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let run = Run::read(&lines.join("\n")).unwrap();
        assert_eq!((run.tested.len(), run.trouble().len()), (1, 1));
        assert_eq!(run.name(), "acme <vault> 1.4.0");
        assert!(Run::read(&lines[1..].join("\n")).unwrap_err().contains("beginning"));
        assert!(Run::read("{}").unwrap_err().contains("line 1"));
    }
}
