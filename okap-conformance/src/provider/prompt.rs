//! Reads what a prompt says, in any of the request shapes, and counts its tokens.

use serde_json::Value;

use super::config::Counting;

/// The text of a request, measured.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    messages: u64,
    bytes: u64,
    images: u64,
    /// Tokens that the client counted itself (embeddings may be asked with token numbers).
    ready_tokens: u64,
    /// Text of the last message, if the user wrote it; empty after a tool's result.
    pub(super) last_user: String,
}

impl Prompt {
    pub(super) fn tokens(&self, counting: Counting) -> u64 {
        self.bytes
            .div_ceil(counting.bytes_per_token.max(1))
            .saturating_add(self.messages.saturating_mul(counting.per_message))
            .saturating_add(self.images.saturating_mul(counting.per_image))
            .saturating_add(self.ready_tokens)
    }

    /// A message: its `role`, its `content`, and the tool calls in it.
    pub(super) fn message(&mut self, message: &Value) {
        self.messages = self.messages.saturating_add(1);
        self.last_user.clear();
        let before = self.bytes;
        let mut words = String::new();
        for member in ["content", "output", "arguments"] {
            if let Some(content) = message.get(member) {
                self.content(content, &mut words);
            }
        }
        if let Some(calls) = message.get("tool_calls") {
            self.json(calls);
        }
        let role = message.get("role").and_then(Value::as_str);
        if role == Some("user") && self.bytes > before {
            self.last_user = words;
        }
    }

    /// Text that stands alone and counts as a message: a system text, instructions, an input.
    pub(super) fn text(&mut self, content: &Value) {
        self.messages = self.messages.saturating_add(1);
        let mut words = String::new();
        self.content(content, &mut words);
        self.last_user = words;
    }

    /// What to embed: a text, token numbers, or a list of either.
    pub(super) fn input(&mut self, input: &Value) {
        match input {
            Value::String(text) => self.add(text),
            Value::Number(_) => self.ready_tokens = self.ready_tokens.saturating_add(1),
            Value::Array(items) => items.iter().for_each(|item| self.input(item)),
            _ => {}
        }
    }

    /// Structure that the model reads as text: tool definitions, an output schema.
    pub(super) fn json(&mut self, value: &Value) {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            self.add(&value.to_string());
        }
    }

    fn content(&mut self, content: &Value, words: &mut String) {
        match content {
            Value::String(text) => {
                self.add(text);
                words.push_str(text);
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.part(part, words)),
            _ => {}
        }
    }

    fn part(&mut self, part: &Value, words: &mut String) {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind.contains("image") || kind.contains("file") || kind.contains("document") {
            self.images = self.images.saturating_add(1);
            return;
        }
        if let Some(text) = part.get("text") {
            self.content(text, words);
        }
        if let Some(input) = part.get("input") {
            self.json(input);
        }
        if let Some(nested) = part.get("content") {
            // A tool's result is not the user speaking.
            self.content(nested, &mut String::new());
        }
    }

    fn add(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
    }
}
