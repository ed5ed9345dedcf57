//! `POST /v1/responses`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, Usage, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::{Frame, typed_sse};

/// The least ceiling that OpenAI takes here.
const LEAST_MAX: u64 = 16;

/// Whether the request keeps the provider from storing the conversation.
pub(in crate::provider) fn is_unstored(body: &Value) -> bool {
    body.get("store") == Some(&Value::Bool(false))
}

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?;
    if !is_unstored(body) {
        return Err(ProviderError::invalid("'store' must be false.", "store"));
    }
    if let Some(instructions) = body.get("instructions").filter(|text| text.is_string()) {
        ask.prompt.text(instructions);
    }
    match body.get("input") {
        Some(text @ Value::String(_)) => ask.prompt.text(text),
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().for_each(|item| ask.prompt.message(item));
        }
        _ => {
            return Err(ProviderError::invalid("Missing required parameter: 'input'.", "input"));
        }
    }
    ask.tools(body);
    if let Some(schema) = body.pointer("/text/format/schema") {
        ask.prompt.json(schema);
    }
    ask.max = Ask::number(body, "max_output_tokens", LEAST_MAX)?;
    Ok(ask)
}

pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let finished = Stage::Finished.word(draft);
    response(draft, finished, json!([item(draft, finished)]), usage(draft.usage))
}

pub(in crate::provider) fn frames(draft: &Draft<'_>) -> Vec<Frame> {
    let mut events = Events::default();
    let begun = Stage::Begun.word(draft);
    for kind in ["response.created", "response.in_progress"] {
        let response = response(draft, begun, json!([]), Some(Value::Null));
        events.push(json!({ "type": kind, "response": response }), 0);
    }
    events.push(
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item(draft, begun) }),
        0,
    );
    match draft.tool() {
        None => text_events(draft, &mut events),
        Some(_) => tool_events(draft, &mut events),
    }
    let finished = Stage::Finished.word(draft);
    let item = item(draft, finished);
    events.push(json!({ "type": "response.output_item.done", "output_index": 0, "item": item }), 0);
    let response = response(draft, finished, json!([item]), usage(draft.usage));
    events.push(json!({ "type": format!("response.{finished}"), "response": response }), 0);
    events.frames
}

fn text_events(draft: &Draft<'_>, events: &mut Events) {
    let (id, text) = (draft.id("msg_"), draft.answer.text());
    events.push(
        json!({
            "type": "response.content_part.added", "item_id": id, "output_index": 0,
            "content_index": 0, "part": text_part(""),
        }),
        0,
    );
    for piece in &draft.answer.pieces {
        events.push(
            json!({
                "type": "response.output_text.delta", "item_id": id, "output_index": 0,
                "content_index": 0, "delta": piece, "logprobs": [], "obfuscation": "x7Kq2",
            }),
            1,
        );
    }
    events.push(
        json!({
            "type": "response.output_text.done", "item_id": id, "output_index": 0,
            "content_index": 0, "text": text, "logprobs": [],
        }),
        0,
    );
    events.push(
        json!({
            "type": "response.content_part.done", "item_id": id, "output_index": 0,
            "content_index": 0, "part": text_part(&text),
        }),
        0,
    );
}

fn tool_events(draft: &Draft<'_>, events: &mut Events) {
    let id = draft.id("fc_");
    for piece in &draft.answer.pieces {
        events.push(
            json!({
                "type": "response.function_call_arguments.delta", "item_id": id,
                "output_index": 0, "delta": piece, "obfuscation": "x7Kq2",
            }),
            1,
        );
    }
    events.push(
        json!({
            "type": "response.function_call_arguments.done", "item_id": id, "output_index": 0,
            "name": draft.tool(), "arguments": draft.answer.text(),
        }),
        0,
    );
}

/// The events of a stream, numbered.
#[derive(Default)]
struct Events {
    frames: Vec<Frame>,
}

impl Events {
    fn push(&mut self, mut event: Value, tokens: u64) {
        if let Some(members) = event.as_object_mut() {
            members.insert("sequence_number".to_owned(), json!(self.frames.len()));
        }
        self.frames.push(Frame::new(typed_sse(&event), tokens));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Finished,
}

impl Stage {
    fn word(self, draft: &Draft<'_>) -> &'static str {
        match (self, draft.answer.limited) {
            (Self::Begun, _) => "in_progress",
            (Self::Finished, true) => "incomplete",
            (Self::Finished, false) => "completed",
        }
    }
}

fn item(draft: &Draft<'_>, status: &str) -> Value {
    let begun = status == "in_progress";
    let text = draft.answer.text();
    match draft.tool() {
        None => json!({
            "id": draft.id("msg_"), "type": "message", "status": status, "role": "assistant",
            "content": if begun { json!([]) } else { json!([text_part(&text)]) },
        }),
        Some(name) => json!({
            "id": draft.id("fc_"), "type": "function_call", "status": status,
            "call_id": draft.id("call_"), "name": name,
            "arguments": if begun { String::new() } else { text },
        }),
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

/// The response object. `usage: None` leaves the member out.
fn response(draft: &Draft<'_>, status: &str, output: Value, usage: Option<Value>) -> Value {
    let asked = |name: &str| draft.body.get(name).cloned().unwrap_or(Value::Null);
    let incomplete = (status == "incomplete").then(|| json!({ "reason": "max_output_tokens" }));
    let response = json!({
        "id": draft.id("resp_"), "object": "response", "created_at": draft.created,
        "status": status, "background": false, "error": null, "incomplete_details": incomplete,
        "instructions": asked("instructions"), "max_output_tokens": draft.ask.max,
        "max_tool_calls": null, "model": draft.model(), "output": output,
        "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
        "reasoning": { "effort": null, "summary": null }, "safety_identifier": null,
        "service_tier": "default", "store": false, "temperature": 1.0,
        "text": { "format": { "type": "text" }, "verbosity": "medium" },
        "tool_choice": draft.body.get("tool_choice").cloned().unwrap_or(json!("auto")),
        "tools": draft.body.get("tools").cloned().unwrap_or(json!([])),
        "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": null, "metadata": {},
    });
    with_usage(response, usage)
}

fn usage(usage: Usage) -> Option<Value> {
    let (input, output) = usage.reported()?;
    Some(json!({
        "input_tokens": input, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": output, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input.saturating_add(output),
    }))
}
