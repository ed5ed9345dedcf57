//! The words of answers and events, as far as a meter looks at them.

use std::borrow::Cow;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// An answer in one piece, as far as it is looked at.
#[derive(Deserialize)]
pub(super) struct Whole<'a> {
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) x_groq: Option<Holder<'a>>,
    #[serde(borrow, rename = "usageMetadata")]
    pub(super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) candidates: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) duration: Option<&'a RawValue>,
}

/// An event of a stream, whosever it is.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) x_groq: Option<Holder<'a>>,
    #[serde(borrow, rename = "usageMetadata")]
    pub(super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    pub(super) message: Option<Holder<'a>>,
    #[serde(borrow)]
    pub(super) response: Option<Holder<'a>>,
    #[serde(borrow)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) audio: Option<&'a RawValue>,
    #[serde(rename = "promptFeedback")]
    pub(super) prompt_feedback: Option<Feedback>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u64>,
    pub(super) finish_reason: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Candidate<'a> {
    pub(super) index: Option<u64>,
    #[serde(rename = "finishReason")]
    pub(super) finish_reason: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Feedback {
    #[serde(rename = "blockReason")]
    pub(super) block_reason: Option<IgnoredAny>,
}

/// What holds the usage one level down: Groq's own member, a message, a response.
#[derive(Deserialize)]
pub(super) struct Holder<'a> {
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}
