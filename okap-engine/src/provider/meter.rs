use okap_types::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Call, Operation,
    sse::{Events, TooLong, data},
    watch::Watch,
};
use crate::price::Usage;

/// Reads an answer as it passes: what the provider says was used, what text came through.
#[derive(Debug)]
pub struct Meter {
    operation: Operation,
    hide_usage: bool,
    events: Events,
    usage: Option<Usage>,
    delivered: u64,
    complete: bool,
    /// Answers of a chat that have not said why they ended, and those that have.
    answers: u64,
    finished: Vec<u64>,
    watch: Option<Watch>,
}

/// What an answer used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metered {
    /// As the provider counted it.
    pub usage: Option<Usage>,
    /// Bytes of generated text that came through; a token is at least one byte.
    pub delivered: u64,
    /// Whether the answer came to its end.
    pub complete: bool,
}

impl Meter {
    /// A meter for the answer to a call.
    #[must_use]
    pub fn new(call: &Call) -> Self {
        Self {
            operation: call.operation.clone(),
            hide_usage: call.operation == Operation::Chat && call.stream && !call.usage_asked,
            events: Events::default(),
            usage: None,
            delivered: 0,
            complete: false,
            answers: call.answers,
            finished: Vec::new(),
            watch: None,
        }
    }

    /// Watches for a secret that must not come through, also where a stream brings it in pieces.
    #[must_use]
    pub fn watching(self, secret: Option<&Secret<String>>) -> Self {
        Self { watch: secret.and_then(Watch::new), ..self }
    }

    /// Takes a chunk of a streamed answer; gives back what goes to the app: whole events, without
    /// the usage that the app did not ask for.
    ///
    /// # Errors
    /// A sentence, where the stream cannot be an answer or repeats the secret.
    pub fn chunk(&mut self, chunk: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::with_capacity(chunk.len());
        let mut events = std::mem::take(&mut self.events);
        let outcome = events.push(chunk, |event| {
            if self.passes(event) {
                out.extend_from_slice(event);
            }
        });
        self.events = events;
        match outcome {
            Ok(()) if self.watch.as_ref().is_some_and(Watch::alarmed) => {
                Err("its stream repeats the key")
            }
            Ok(()) => Ok(out),
            Err(TooLong) => Err("an event of its stream is beyond all measure"),
        }
    }

    /// Ends a streamed answer; gives back what was still waiting for its blank line. Whether the
    /// answer is whole, [`metered`](Self::metered) tells.
    pub fn end(&mut self) -> Vec<u8> {
        let rest = self.events.rest();
        let passes = self.passes(&rest) && !self.watch.as_ref().is_some_and(Watch::alarmed);
        // a chat whose every answer has ended is whole, also without a last word
        let all = u64::try_from(self.finished.len()).unwrap_or(u64::MAX) >= self.answers;
        self.complete |= self.operation == Operation::Chat && all;
        if passes { rest } else { Vec::new() }
    }

    /// Takes an answer that came whole. `false` where it is no JSON object.
    pub fn whole(&mut self, body: &[u8]) -> bool {
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
        if !answer.is_object() {
            return false;
        }
        self.take_usage(&answer);
        self.delivered = text_bytes(answer.get("choices"))
            .saturating_add(text_bytes(answer.get("output")))
            .saturating_add(text_bytes(answer.get("content")));
        self.complete = true;
        true
    }

    /// What was metered so far.
    #[must_use]
    pub const fn metered(&self) -> Metered {
        Metered { usage: self.usage, delivered: self.delivered, complete: self.complete }
    }

    /// Reads an event; whether the app gets it.
    fn passes(&mut self, event: &[u8]) -> bool {
        if let Some(watch) = &mut self.watch {
            watch.event(event);
        }
        let Some(data) = data(event) else { return true };
        if data == b"[DONE]" {
            self.complete = true;
            return true;
        }
        let Ok(event) = serde_json::from_slice::<Value>(&data) else {
            // whatever it is, it was paid for
            self.deliver(u64::try_from(data.len()).unwrap_or(u64::MAX));
            return true;
        };
        match self.operation {
            Operation::Chat => self.chat(&event),
            Operation::Responses => self.response(&event),
            _ => self.message(&event),
        }
    }

    fn chat(&mut self, chunk: &Value) -> bool {
        self.take_usage(chunk);
        let choices = chunk.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            self.text(choice.get("delta"));
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            let ended = choice.get("finish_reason").is_some_and(|reason| !reason.is_null());
            if ended && !self.finished.contains(&index) {
                self.finished.push(index);
            }
        }
        let only_usage =
            choices.is_some_and(Vec::is_empty) && chunk.get("usage").is_some_and(Value::is_object);
        !(self.hide_usage && only_usage)
    }

    fn response(&mut self, event: &Value) -> bool {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(response) = event.get("response") {
            self.take_usage(response);
        }
        if kind.ends_with(".delta") {
            self.text(event.get("delta"));
        }
        if matches!(kind, "response.completed" | "response.incomplete" | "response.failed") {
            self.complete = true;
        }
        true
    }

    fn message(&mut self, event: &Value) -> bool {
        match event.get("type").and_then(Value::as_str) {
            Some("message_start") => {
                if let Some(message) = event.get("message") {
                    self.take_usage(message);
                }
                // the count so far: only the last one is whole
                self.complete = false;
            }
            Some("content_block_start") => self.text(event.get("content_block")),
            Some("content_block_delta") => self.text(event.get("delta")),
            Some("message_delta") => self.take_usage(event),
            Some("message_stop") => self.complete = true,
            _ => {}
        }
        true
    }

    /// Counts what was generated, and looks at it.
    fn text(&mut self, value: Option<&Value>) {
        self.deliver(text_bytes(value));
        if let Some(watch) = &mut self.watch {
            each_text(value, &mut |text| watch.text(text));
        }
    }

    fn deliver(&mut self, bytes: u64) {
        self.delivered = self.delivered.saturating_add(bytes);
    }

    fn take_usage(&mut self, holder: &Value) {
        let Some(usage) = holder.get("usage").filter(|u| u.is_object()) else { return };
        let usage = match self.operation {
            Operation::Messages => AnthropicUsage::deserialize(usage).map(|u| u.merge(self.usage)),
            _ => OpenAiUsage::deserialize(usage).map(OpenAiUsage::usage),
        };
        if let Ok(usage) = usage {
            self.usage = Some(usage);
        }
    }
}

/// Bytes of all text in a value, but for the words that only label it.
fn text_bytes(value: Option<&Value>) -> u64 {
    let mut bytes = 0_u64;
    each_text(value, &mut |text| {
        bytes = bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
    });
    bytes
}

fn each_text(value: Option<&Value>, take: &mut impl FnMut(&str)) {
    match value {
        Some(Value::String(text)) => take(text),
        Some(Value::Array(list)) => list.iter().for_each(|one| each_text(Some(one), take)),
        Some(Value::Object(members)) => {
            for (name, one) in members {
                if !matches!(name.as_str(), "type" | "role" | "id" | "status" | "finish_reason") {
                    each_text(Some(one), take);
                }
            }
        }
        _ => {}
    }
}

/// Chat completions and embeddings count `prompt_tokens`, responses `input_tokens`; cached
/// tokens are part of either.
#[derive(Deserialize)]
struct OpenAiUsage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: u64,
    #[serde(alias = "output_tokens", default)]
    completion_tokens: u64,
    #[serde(default)]
    total_tokens: u64,
    #[serde(alias = "input_tokens_details", default)]
    prompt_tokens_details: Option<InputDetails>,
    #[serde(alias = "output_tokens_details", default)]
    completion_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
}

impl OpenAiUsage {
    fn usage(self) -> Usage {
        let input = self.prompt_tokens_details.unwrap_or_default();
        let output = self.completion_tokens_details.unwrap_or_default();
        let thought = output.reasoning_tokens.unwrap_or(0);
        // some servers leave thoughts out of the completion; the total has them
        let generated = self
            .completion_tokens
            .max(self.total_tokens.saturating_sub(self.prompt_tokens))
            .max(thought);
        Usage {
            input: self.prompt_tokens,
            cache_read: input.cached_tokens.unwrap_or(0).min(self.prompt_tokens),
            input_audio: input.audio_tokens.unwrap_or(0).min(self.prompt_tokens),
            output: generated,
            output_audio: output.audio_tokens.unwrap_or(0).min(generated),
            output_reasoning: thought,
            ..Usage::default()
        }
    }
}

/// Anthropic counts cache reads and writes beside `input_tokens`, and repeats what it knows in
/// later events.
#[derive(Deserialize)]
struct AnthropicUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

impl AnthropicUsage {
    fn merge(self, earlier: Option<Usage>) -> Usage {
        let earlier = earlier.unwrap_or_default();
        let beside =
            |u: &Usage| u.cache_read.saturating_add(u.cache_write).saturating_add(u.cache_write_1h);
        let plain =
            self.input_tokens.unwrap_or_else(|| earlier.input.saturating_sub(beside(&earlier)));
        let cache_read = self.cache_read_input_tokens.unwrap_or(earlier.cache_read);
        let hour = self.cache_creation.unwrap_or_default().ephemeral_1h_input_tokens;
        let cache_write_1h = hour.unwrap_or(earlier.cache_write_1h);
        let cache_write = match self.cache_creation_input_tokens {
            Some(all) => all.saturating_sub(cache_write_1h),
            None => earlier.cache_write,
        };
        let cached = cache_read.saturating_add(cache_write).saturating_add(cache_write_1h);
        Usage {
            input: plain.saturating_add(cached),
            cache_read,
            cache_write,
            cache_write_1h,
            output: self.output_tokens.unwrap_or(earlier.output),
            ..Usage::default()
        }
    }
}
