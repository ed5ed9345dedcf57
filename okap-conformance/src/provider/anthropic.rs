//! Anthropic: `POST /v1/messages`, `POST /v1/messages/count_tokens`, models.

use serde_json::{Value, json};

use super::ask::Ask;
use super::draft::{Draft, with_usage};
use super::error::ProviderError;
use super::reply::{Frame, typed_sse};
use super::route::Style;

pub(super) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = read_counted(body)?;
    ask.max = Ask::number(body, "max_tokens", 1)?;
    if ask.max.is_none() {
        return Err(ProviderError::invalid("max_tokens: Field required", "max_tokens"));
    }
    Ok(ask)
}

/// A request whose tokens are only counted: it needs no ceiling.
pub(super) fn read_counted(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?;
    if let Some(system) = body.get("system").filter(|system| !system.is_null()) {
        ask.prompt.text(system);
    }
    ask.messages(body)?;
    ask.tools(body);
    Ok(ask)
}

pub(super) fn whole(draft: &Draft<'_>) -> Value {
    let content = match (&draft.answer.tool, draft.answer.limited) {
        (None, _) => json!([{ "type": "text", "text": draft.answer.text() }]),
        (Some(tool), false) => json!([{
            "type": "tool_use", "id": draft.id("toolu_"), "name": tool.name, "input": tool.arguments,
        }]),
        (Some(tool), true) => json!([{
            "type": "tool_use", "id": draft.id("toolu_"), "name": tool.name, "input": {},
        }]),
    };
    let message = message(draft, content, Some(stop_reason(draft)));
    with_usage(message, usage(draft, draft.usage.completion))
}

pub(super) fn frames(draft: &Draft<'_>) -> Vec<Frame> {
    let free = |event: Value| Frame::free(typed_sse(&event));
    let start = with_usage(message(draft, json!([]), None), usage(draft, 1));
    let block = match draft.tool() {
        None => json!({ "type": "text", "text": "" }),
        Some(name) => {
            json!({ "type": "tool_use", "id": draft.id("toolu_"), "name": name, "input": {} })
        }
    };
    let mut frames = vec![
        free(json!({ "type": "message_start", "message": start })),
        free(json!({ "type": "content_block_start", "index": 0, "content_block": block })),
        free(json!({ "type": "ping" })),
    ];
    for piece in &draft.answer.pieces {
        let delta = match draft.tool() {
            None => json!({ "type": "text_delta", "text": piece }),
            Some(_) => json!({ "type": "input_json_delta", "partial_json": piece }),
        };
        let event = json!({ "type": "content_block_delta", "index": 0, "delta": delta });
        frames.push(Frame::new(typed_sse(&event), 1));
    }
    let end = json!({
        "type": "message_delta",
        "delta": { "stop_reason": stop_reason(draft), "stop_sequence": null },
    });
    let sums = draft.usage.reported().map(|(input, output)| {
        json!({
            "input_tokens": input, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "output_tokens": output,
        })
    });
    frames.push(free(json!({ "type": "content_block_stop", "index": 0 })));
    frames.push(free(with_usage(end, sums)));
    frames.push(free(json!({ "type": "message_stop" })));
    frames
}

/// The answer of `count_tokens`, which costs nothing.
pub(super) fn counted(tokens: u64) -> Value {
    json!({ "input_tokens": tokens })
}

/// `GET /v1/models`
pub(super) fn models<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    let served: Vec<&String> = names.filter(|name| Style::Anthropic.serves(name)).collect();
    let data: Vec<Value> = served.iter().map(|name| model(name)).collect();
    json!({
        "data": data, "has_more": false, "first_id": served.first(), "last_id": served.last(),
    })
}

/// `GET /v1/models/{model}`
pub(super) fn model(name: &str) -> Value {
    json!({
        "type": "model", "id": name, "display_name": name, "created_at": "2025-09-29T00:00:00Z",
    })
}

fn message(draft: &Draft<'_>, content: Value, stop_reason: Option<&str>) -> Value {
    json!({
        "id": draft.id("msg_"), "type": "message", "role": "assistant", "model": draft.model(),
        "content": content, "stop_reason": stop_reason, "stop_sequence": null,
    })
}

fn stop_reason(draft: &Draft<'_>) -> &'static str {
    match (draft.answer.limited, draft.tool()) {
        (true, _) => "max_tokens",
        (false, Some(_)) => "tool_use",
        (false, None) => "end_turn",
    }
}

fn usage(draft: &Draft<'_>, output: u64) -> Option<Value> {
    let (input, reported) = draft.usage.reported()?;
    Some(json!({
        "input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output.min(reported), "service_tier": "standard",
    }))
}
