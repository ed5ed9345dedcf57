//! All that is needed to write an answer down in a provider's shape.

use serde_json::Value;

use super::answer::Answer;
use super::ask::Ask;
use super::config::snapshot;

/// An answer before it has a shape.
pub(super) struct Draft<'a> {
    pub(super) ask: &'a Ask,
    pub(super) body: &'a Value,
    pub(super) answer: &'a Answer,
    pub(super) usage: Usage,
    pub(super) seq: u64,
    /// Seconds since 1970.
    pub(super) created: u64,
}

impl Draft<'_> {
    /// The dated name of the model.
    pub(super) fn model(&self) -> &str {
        snapshot(&self.ask.model)
    }

    pub(super) fn id(&self, prefix: &str) -> String {
        format!("{prefix}okapconf{:06}", self.seq)
    }

    /// The name of the tool that is called.
    pub(super) fn tool(&self) -> Option<&str> {
        self.answer.tool.as_ref().map(|tool| tool.name.as_str())
    }
}

/// What the answer says about its tokens, which need not be what was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) report: Report,
    pub(super) prompt: u64,
    pub(super) completion: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    True,
    Absent,
    Zero,
}

impl Usage {
    /// Prompt and completion tokens to report.
    pub(super) fn reported(self) -> Option<(u64, u64)> {
        match self.report {
            Report::True => Some((self.prompt, self.completion)),
            Report::Zero => Some((0, 0)),
            Report::Absent => None,
        }
    }
}

/// Sets `usage`, unless nothing is reported.
pub(super) fn with_usage(mut object: Value, usage: Option<Value>) -> Value {
    if let (Some(members), Some(usage)) = (object.as_object_mut(), usage) {
        members.insert("usage".to_owned(), usage);
    }
    object
}
