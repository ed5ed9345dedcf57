//! `POST /v1/images/generations` and `POST /v1/images/edits`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::{Frame, typed_sse};

/// Tokens of an image of medium quality.
const TOKENS: u64 = 1_056;
/// Tokens of an early look at one.
const PARTIAL_TOKENS: u64 = 100;
/// Most early looks at one.
const MOST_PARTIAL: u64 = 3;

const IMAGE: &str = "iVBORw0KGgo=";

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    read_as(Ask::new(body)?, body)
}

pub(in crate::provider) fn read_edit(body: &Value) -> Result<Ask, ProviderError> {
    if body.get("image").or_else(|| body.get("image[]")).is_none() {
        return Err(ProviderError::invalid("Missing required parameter: 'image'.", "image"));
    }
    read_as(Ask::of_form(body)?, body)
}

fn read_as(mut ask: Ask, body: &Value) -> Result<Ask, ProviderError> {
    let Some(prompt) = body.get("prompt").filter(|prompt| prompt.is_string()) else {
        return Err(ProviderError::invalid("Missing required parameter: 'prompt'.", "prompt"));
    };
    if by_token(&ask.model) {
        ask.prompt.input(prompt);
    }
    let n = number(body, "n", 1).filter(|n| (1..=10).contains(n));
    ask.choices = n.ok_or_else(|| ProviderError::invalid("Invalid 'n'.", "n"))?;
    if ask.stream && !by_token(&ask.model) {
        return Err(ProviderError::invalid("Unknown parameter: 'stream'.", "stream"));
    }
    if ask.stream && ask.choices > 1 {
        return Err(ProviderError::invalid("Streaming is only supported with n=1.", "n"));
    }
    let looks = partial(body)
        .ok_or_else(|| ProviderError::invalid("Invalid 'partial_images'.", "partial_images"))?;
    let looks = if ask.stream { looks * PARTIAL_TOKENS } else { 0 };
    ask.made = Some(if by_token(&ask.model) { ask.choices * TOKENS + looks } else { ask.choices });
    Ok(ask)
}

/// Only images that are billed by tokens come with a usage.
pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let image = |_| json!({ "b64_json": IMAGE });
    let data: Vec<Value> = (0..draft.ask.choices).map(image).collect();
    with_usage(json!({ "created": draft.created, "data": data }), usage(draft))
}

/// Early looks at the image, and the image with its usage.
pub(in crate::provider) fn frames(draft: &Draft<'_>, what: &str) -> Vec<Frame> {
    let image = |kind: &str| {
        json!({
            "type": format!("{what}.{kind}"), "b64_json": IMAGE, "created_at": draft.created,
            "size": "1024x1024", "quality": "medium", "background": "opaque",
            "output_format": "png",
        })
    };
    let look = |index| {
        let mut look = image("partial_image");
        if let Some(members) = look.as_object_mut() {
            members.insert("partial_image_index".to_owned(), json!(index));
        }
        Frame::new(typed_sse(&look), PARTIAL_TOKENS)
    };
    let mut frames: Vec<Frame> = (0..partial(draft.body).unwrap_or(0)).map(look).collect();
    let last = with_usage(image("completed"), usage(draft));
    frames.push(Frame::new(typed_sse(&last), TOKENS));
    frames
}

fn usage(draft: &Draft<'_>) -> Option<Value> {
    let usage = draft.usage.reported().filter(|_| by_token(&draft.ask.model));
    usage.map(|(prompt, completion)| {
        json!({
            "input_tokens": prompt, "output_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
            "input_tokens_details": { "text_tokens": prompt, "image_tokens": 0 },
        })
    })
}

fn partial(body: &Value) -> Option<u64> {
    number(body, "partial_images", 0).filter(|partial| *partial <= MOST_PARTIAL)
}

/// A number, which is a text in a form.
fn number(body: &Value, name: &str, usual: u64) -> Option<u64> {
    match body.get(name) {
        None | Some(Value::Null) => Some(usual),
        Some(value) => value.as_u64().or_else(|| value.as_str()?.parse().ok()),
    }
}

fn by_token(model: &str) -> bool {
    model.starts_with("gpt-image")
}
