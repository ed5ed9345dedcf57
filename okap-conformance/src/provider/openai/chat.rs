//! `POST /v1/chat/completions`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, Usage, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::{Frame, sse};

const MOST_CHOICES: u64 = 128;

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?;
    ask.messages(body)?;
    ask.tools(body);
    if let Some(format) = body.pointer("/response_format/json_schema") {
        ask.prompt.json(format);
    }
    let old = Ask::number(body, "max_tokens", 1)?;
    let new = Ask::number(body, "max_completion_tokens", 1)?;
    if old.is_some() && new.is_some() {
        let text =
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return Err(ProviderError::invalid(text, "max_tokens"));
    }
    ask.max = old.or(new);
    ask.choices = Ask::number(body, "n", 1)?.unwrap_or(1);
    if ask.choices > MOST_CHOICES {
        return Err(ProviderError::invalid("Invalid 'n': expected an integer <= 128.", "n"));
    }
    if let Some(options) = body.get("stream_options").filter(|options| !options.is_null()) {
        if !ask.stream {
            let text = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(ProviderError::invalid(text, "stream_options"));
        }
        ask.usage_chunk = options.get("include_usage") == Some(&Value::Bool(true));
    }
    Ok(ask)
}

pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let message = match draft.tool() {
        None => json!({
            "role": "assistant", "content": draft.answer.text(), "refusal": null, "annotations": [],
        }),
        Some(name) => json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [],
            "tool_calls": [{
                "id": draft.id("call_"), "type": "function",
                "function": { "name": name, "arguments": draft.answer.text() },
            }],
        }),
    };
    let choice = |index| {
        json!({
            "index": index, "message": message, "logprobs": null,
            "finish_reason": finish_reason(draft),
        })
    };
    let completion = json!({
        "id": draft.id("chatcmpl-"), "object": "chat.completion", "created": draft.created,
        "model": draft.model(), "service_tier": "default", "system_fingerprint": "fp_okapconf",
        "choices": (0..draft.ask.choices).map(choice).collect::<Vec<_>>(),
    });
    with_usage(completion, usage(draft.usage))
}

pub(in crate::provider) fn frames(draft: &Draft<'_>) -> Vec<Frame> {
    let choices = 0..draft.ask.choices;
    let mut frames = Vec::new();
    for index in choices.clone() {
        frames.push(Frame::free(chunk(draft, index, &opening(draft), None)));
    }
    for piece in &draft.answer.pieces {
        let delta = match draft.tool() {
            None => json!({ "content": piece }),
            Some(_) => json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece }}]}),
        };
        for index in choices.clone() {
            frames.push(Frame::new(chunk(draft, index, &delta, None), 1));
        }
    }
    for index in choices {
        frames.push(Frame::free(chunk(draft, index, &json!({}), Some(finish_reason(draft)))));
    }
    let usage = usage(draft.usage).filter(|_| draft.ask.usage_chunk);
    if let Some(usage) = usage {
        let last = with_usage(envelope(draft, json!([])), Some(usage));
        frames.push(Frame::free(sse(None, &last)));
    }
    frames.push(Frame::free("data: [DONE]\n\n"));
    frames
}

fn opening(draft: &Draft<'_>) -> Value {
    match draft.tool() {
        None => json!({ "role": "assistant", "content": "", "refusal": null }),
        Some(name) => json!({
            "role": "assistant", "content": null, "refusal": null,
            "tool_calls": [{
                "index": 0, "id": draft.id("call_"), "type": "function",
                "function": { "name": name, "arguments": "" },
            }],
        }),
    }
}

fn chunk(draft: &Draft<'_>, index: u64, delta: &Value, finish_reason: Option<&str>) -> String {
    let choice = json!({
        "index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
    });
    let mut chunk = envelope(draft, json!([choice]));
    let promised = draft.ask.usage_chunk && draft.usage.reported().is_some();
    chunk = with_usage(chunk, promised.then_some(Value::Null));
    if let Some(members) = chunk.as_object_mut() {
        members.insert("obfuscation".to_owned(), json!("x7Kq2"));
    }
    sse(None, &chunk)
}

fn envelope(draft: &Draft<'_>, choices: Value) -> Value {
    json!({
        "id": draft.id("chatcmpl-"), "object": "chat.completion.chunk", "created": draft.created,
        "model": draft.model(), "service_tier": "default", "system_fingerprint": "fp_okapconf",
        "choices": choices,
    })
}

fn finish_reason(draft: &Draft<'_>) -> &'static str {
    match (draft.answer.limited, draft.tool()) {
        (true, _) => "length",
        (false, Some(_)) => "tool_calls",
        (false, None) => "stop",
    }
}

fn usage(usage: Usage) -> Option<Value> {
    let (prompt, completion) = usage.reported()?;
    Some(json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
        "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }))
}
