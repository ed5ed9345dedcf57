//! Reports, each made of the events of a run and of nothing else.

pub mod cause;
pub mod console;
pub mod json;
pub mod junit;

use crate::{
    event::{Began, Ended, Event, Tested},
    verdict::Verdict,
};

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
                self.tested.insert(at, (**tested).clone());
            }
            Event::Ended(ended) => self.ended = Some(ended.clone()),
        }
    }

    /// The tests with one of these verdicts.
    pub fn with<'a>(&'a self, verdicts: &'a [Verdict]) -> impl Iterator<Item = &'a Tested> {
        self.tested.iter().filter(|tested| verdicts.contains(&tested.verdict))
    }
}
