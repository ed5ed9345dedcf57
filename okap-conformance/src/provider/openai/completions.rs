//! `POST /v1/completions`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::{Frame, sse};

/// Tokens of a completion, unless `max_tokens` says otherwise.
const MAX: u64 = 16;

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?;
    let prompt = body.get("prompt").unwrap_or(&Value::Null);
    let prompts = match prompt {
        Value::String(_) => 1,
        Value::Array(items) if items.iter().all(Value::is_number) => 1,
        Value::Array(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        _ => return Err(ProviderError::invalid("you must provide a prompt", "prompt")),
    };
    ask.prompt.input(prompt);
    ask.prompt.last_user = prompt.as_str().unwrap_or_default().to_owned();
    ask.max = Some(Ask::number(body, "max_tokens", 1)?.unwrap_or(MAX));
    let n = Ask::number(body, "n", 1)?.unwrap_or(1);
    let best_of = Ask::number(body, "best_of", 1)?.unwrap_or(n);
    if best_of < n || ask.stream && best_of > n {
        return Err(ProviderError::invalid("best_of must be n or, unstreamed, more", "best_of"));
    }
    ask.choices = prompts.saturating_mul(n);
    ask.tried = prompts.saturating_mul(best_of);
    ask.usage_chunk = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    Ok(ask)
}

pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let choice = |index| json!({ "index": index, "text": draft.answer.text(), "logprobs": null, "finish_reason": "stop" });
    let choices = (0..draft.ask.choices).map(choice).collect();
    with_usage(envelope(draft, choices), usage(draft))
}

pub(in crate::provider) fn frames(draft: &Draft<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let chunk = |index: u64, text: &str, end: Option<&str>| {
        let choice =
            json!({ "index": index, "text": text, "logprobs": null, "finish_reason": end });
        sse(None, &envelope(draft, vec![choice]))
    };
    for piece in &draft.answer.pieces {
        for index in 0..draft.ask.choices {
            frames.push(Frame::new(chunk(index, piece, None), 1));
        }
    }
    for index in 0..draft.ask.choices {
        frames.push(Frame::free(chunk(index, "", Some("stop"))));
    }
    if let Some(usage) = usage(draft).filter(|_| draft.ask.usage_chunk) {
        frames.push(Frame::free(sse(None, &with_usage(envelope(draft, Vec::new()), Some(usage)))));
    }
    frames.push(Frame::free("data: [DONE]\n\n"));
    frames
}

fn envelope(draft: &Draft<'_>, choices: Vec<Value>) -> Value {
    json!({
        "id": draft.id("cmpl-"), "object": "text_completion", "created": draft.created,
        "model": draft.model(), "choices": choices,
    })
}

fn usage(draft: &Draft<'_>) -> Option<Value> {
    let (prompt, completion) = draft.usage.reported()?;
    Some(json!({
        "prompt_tokens": prompt, "completion_tokens": completion,
        "total_tokens": prompt.saturating_add(completion),
    }))
}
