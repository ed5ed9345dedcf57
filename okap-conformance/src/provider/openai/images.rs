//! `POST /v1/images/generations` and `POST /v1/images/edits`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, with_usage};
use crate::provider::error::ProviderError;

/// Tokens of an image of medium quality.
const TOKENS: u64 = 1_056;

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?.unstreamed();
    let Some(prompt) = body.get("prompt").filter(|prompt| prompt.is_string()) else {
        return Err(ProviderError::invalid("Missing required parameter: 'prompt'.", "prompt"));
    };
    if by_token(&ask.model) {
        ask.prompt.input(prompt);
    }
    let n = body
        .get("n")
        .map_or(Some(1), |n| n.as_u64().or_else(|| n.as_str().and_then(|n| n.parse().ok())));
    let n = n.filter(|n| (1..=10).contains(n));
    ask.choices = n.ok_or_else(|| ProviderError::invalid("Invalid 'n'.", "n"))?;
    ask.made = Some(if by_token(&ask.model) { ask.choices * TOKENS } else { ask.choices });
    Ok(ask)
}

pub(in crate::provider) fn read_edit(body: &Value) -> Result<Ask, ProviderError> {
    if body.get("image").or_else(|| body.get("image[]")).is_none() {
        return Err(ProviderError::invalid("Missing required parameter: 'image'.", "image"));
    }
    read(body)
}

/// Only images that are billed by tokens come with a usage.
pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let image = |_| json!({ "b64_json": "iVBORw0KGgo=" });
    let data: Vec<Value> = (0..draft.ask.choices).map(image).collect();
    let usage = draft.usage.reported().filter(|_| by_token(&draft.ask.model));
    let usage = usage.map(|(prompt, completion)| {
        json!({
            "input_tokens": prompt, "output_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
            "input_tokens_details": { "text_tokens": prompt, "image_tokens": 0 },
        })
    });
    with_usage(json!({ "created": draft.created, "data": data }), usage)
}

fn by_token(model: &str) -> bool {
    model.starts_with("gpt-image")
}
