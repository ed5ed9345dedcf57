//! What a person at a terminal sees: how far it is, and at the end one screen.

use std::fmt::Write;

use super::Run;
use crate::{
    event::{Event, Tested},
    profile::Profile,
    requirement::Requirement,
};

/// Most tests that the last screen says more about.
const TOLD: usize = 5;

/// How far a run is, as a line that replaces the one before.
#[derive(Debug, Default)]
pub struct Progress {
    all: usize,
    done: usize,
    trouble: usize,
}

impl Progress {
    /// The line after an event; `None` where nothing changes.
    pub fn line(&mut self, event: &Event) -> Option<String> {
        let now = match event {
            Event::Began(began) => {
                self.all = began.tests;
                String::new()
            }
            Event::Started { test } => test.clone(),
            Event::Tested(tested) => {
                self.done = self.done.saturating_add(1);
                self.trouble =
                    self.trouble.saturating_add(usize::from(tested.verdict.is_trouble()));
                tested.test.clone()
            }
            Event::Ended(_) => return None,
        };
        let trouble = match self.trouble {
            0 => String::new(),
            n => format!(", {n} not passed"),
        };
        Some(format!("{}/{} tests{trouble}  {now}", self.done, self.all))
    }
}

/// The last screen: who was tested, a line for each profile, what is wrong, and the verdict.
#[must_use]
pub fn screen(run: &Run) -> String {
    let mut screen = String::new();
    // a String takes everything
    let _ = write(run, &mut screen);
    screen
}

/// A test that was run again: every call, what came, and the verdict.
#[must_use]
pub fn replayed(tested: &Tested) -> String {
    let mut text = String::new();
    for exchange in &tested.exchanges {
        let came = exchange.status.map_or("no answer".to_owned(), |status| status.to_string());
        // a String takes everything
        let _ = writeln!(text, "\n{}. after {} ms", exchange.number, exchange.at_ms);
        let _ = writeln!(text, "{}\n=> {came} in {} ms", exchange.curl(), exchange.took_ms);
        for (name, value) in &exchange.answer_headers {
            let _ = writeln!(text, "   {name}: {value}");
        }
        for line in exchange.answer.lines() {
            let _ = writeln!(text, "   {line}");
        }
    }
    let _ = writeln!(text, "\n{} {}: {}", tested.verdict, tested.test, tested.title);
    let _ = writeln!(text, "  {}", tested.said);
    text
}

fn write(run: &Run, to: &mut String) -> std::fmt::Result {
    if let Some(began) = &run.began {
        let about = &began.target;
        writeln!(to, "{} {} at {}", about.name, about.version, about.base_url)?;
        writeln!(to, "seed {}, run {}\n", began.seed, began.run)?;
        for profile in Profile::ALL {
            match began.unclaimed.contains(&profile) {
                true => writeln!(to, "  {profile:<11} not claimed")?,
                false => writeln!(to, "  {profile:<11} {}", score(run, profile))?,
            }
        }
    }
    let trouble = run.trouble();
    let seed = run.began.as_ref().map_or("", |began| began.seed.as_str());
    for tested in trouble.iter().take(TOLD) {
        writeln!(to)?;
        one(tested, seed, to)?;
    }
    if let Some(rest) = trouble.len().checked_sub(TOLD).filter(|rest| *rest > 0) {
        writeln!(to, "\nand {rest} more: --report html=report.html has them all")?;
    }
    if let Some(ended) = &run.ended {
        let why = ended.broken_off.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let seconds = ended.ms / 1000;
        writeln!(to, "\n{}: {} in {seconds} s{why}", ended.exit.meaning(), run.counts())?;
    }
    Ok(())
}

fn score(run: &Run, profile: Profile) -> String {
    match run.score(profile) {
        (_, 0) => "no tests in this run".to_owned(),
        (passed, all) => format!("{passed}/{all}"),
    }
}

fn one(tested: &Tested, seed: &str, to: &mut String) -> std::fmt::Result {
    writeln!(to, "{} {}: {}", tested.verdict, tested.test, tested.title)?;
    let Some(finding) = &tested.finding else {
        if let Some(known) = &tested.known {
            writeln!(to, "  known to fail {known}")?;
        }
        return writeln!(to, "  {}", tested.said);
    };
    if let Some(id) = &finding.requirement {
        let text = Requirement::find(id).map_or("", |requirement| requirement.text.as_str());
        writeln!(to, "  {id}    {text}")?;
    }
    writeln!(to, "  expected      {}", finding.expected)?;
    writeln!(to, "  observed      {}", finding.observed)?;
    let number = finding.exchange.unwrap_or(tested.exchanges.len());
    if let Some(exchange) = tested.exchanges.iter().find(|exchange| exchange.number == number) {
        writeln!(to, "  try it        {}", exchange.curl())?;
    }
    writeln!(to, "  why           okap-conformance explain {}", tested.test)?;
    writeln!(to, "  again         okap-conformance replay {} --seed {seed}", tested.test)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_last_screen_says_the_worst_first_and_how_to_go_on() {
        insta::assert_snapshot!(screen(&sample::every()));
    }
}
