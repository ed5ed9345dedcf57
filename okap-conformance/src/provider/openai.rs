//! OpenAI: chat and plain completions, responses, embeddings, images, audio, moderations, models.

pub(super) mod audio;
pub(super) mod chat;
pub(super) mod completions;
pub(super) mod embeddings;
pub(super) mod images;
pub(super) mod moderations;
pub(super) mod responses;

use serde_json::{Value, json};

use super::route::Style;

const CREATED: u64 = 1_760_000_000;

/// `GET /v1/models`
pub(super) fn models<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    let served = names.filter(|name| Style::OpenAi.serves(name));
    json!({ "object": "list", "data": served.map(|name| model(name)).collect::<Vec<_>>() })
}

/// `GET /v1/models/{model}`
pub(super) fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": CREATED, "owned_by": "openai" })
}
