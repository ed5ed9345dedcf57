//! What a person at a terminal sees: how far it is, and at the end one screen.

use std::fmt::Write;

use super::{
    Run,
    cause::{Cause, causes, stranger},
};
use crate::{
    event::{Event, Tested},
    profile::Profile,
};

/// Most causes that the last screen says more about.
const TOLD: usize = 5;
/// Most others that it lists.
const LISTED: usize = 40;
/// Most tests that it names for one cause.
const NAMED: usize = 8;
/// Most characters of a cause that it only lists.
const SHORT: usize = 160;

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
    let seed = run.began.as_ref().map_or("", |began| began.seed.as_str());
    if let Some(said) = stranger(run) {
        writeln!(to, "\n{said}")?;
    }
    let (found, others): (Vec<_>, Vec<_>) =
        causes(run).into_iter().partition(|cause| cause.first.finding.is_some());
    for cause in found.iter().take(TOLD) {
        writeln!(to)?;
        one(cause.first, seed, to)?;
        if !cause.others.is_empty() {
            writeln!(to, "  the same in   {}", some(&cause.ids(1)))?;
        }
    }
    if found.len() > TOLD || !others.is_empty() {
        writeln!(to)?;
    }
    let rest: Vec<_> = found.iter().skip(TOLD).chain(&others).collect();
    for cause in rest.iter().take(LISTED) {
        in_short(cause, to)?;
    }
    if let Some(more) = rest.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(to, "and {more} more")?;
    }
    if !rest.is_empty() {
        writeln!(to, "--report html=report.html has every test with all that was sent")?;
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

/// A line for a cause, and one for its tests where there are several.
fn in_short(cause: &Cause<'_>, to: &mut String) -> std::fmt::Result {
    let (tested, reason) = (cause.first, cause.reason());
    let shown: String = reason.chars().take(SHORT).collect();
    let more = if shown.len() < reason.len() { "…" } else { "" };
    let id = tested.finding.as_ref().and_then(|finding| finding.requirement.as_deref());
    let id = id.map(|id| format!("{id} ")).unwrap_or_default();
    match cause.others.len() {
        0 => writeln!(to, "{} {}: {id}{shown}{more}", tested.verdict, tested.test),
        n => {
            writeln!(to, "{}, {} tests for one reason: {id}{shown}{more}", tested.verdict, n + 1)?;
            writeln!(to, "  {}", some(&cause.ids(0)))
        }
    }
}

/// The first of some ids, and how many more there are.
fn some(ids: &[&str]) -> String {
    let named: Vec<_> = ids.iter().take(NAMED).copied().collect();
    match ids.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{} and {more} more", named.join(", ")),
        None => named.join(", "),
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
        writeln!(to, "  {id}    {}", finding.sentence())?;
    }
    writeln!(to, "  expected      {}", finding.expected)?;
    writeln!(to, "  observed      {}", finding.observed)?;
    if let Some(exchange) = tested.shown_by() {
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
