//! `POST /v1/embeddings`

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, with_usage};
use crate::provider::error::ProviderError;

/// Numbers in an embedding, unless `dimensions` says otherwise.
const DIMENSIONS: u64 = 8;
const MOST_DIMENSIONS: u64 = 3072;

pub(in crate::provider) fn read(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?.unstreamed();
    let Some(input) = body.get("input").filter(|input| !input.is_null()) else {
        return Err(ProviderError::invalid("Missing required parameter: 'input'.", "input"));
    };
    ask.prompt.input(input);
    if dimensions(body)? > MOST_DIMENSIONS {
        return Err(ProviderError::invalid("Invalid 'dimensions': too large.", "dimensions"));
    }
    Ok(ask)
}

pub(in crate::provider) fn whole(draft: &Draft<'_>) -> Value {
    let dimensions = dimensions(draft.body).unwrap_or(DIMENSIONS);
    let base64 = draft.body.get("encoding_format") == Some(&json!("base64"));
    let embedding = |(index, text): (usize, Value)| {
        let numbers = numbers(&text.to_string(), dimensions);
        let embedding = if base64 {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(Base64::encode_string(&bytes))
        } else {
            json!(numbers)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    let data: Vec<Value> = texts(draft.body).into_iter().enumerate().map(embedding).collect();
    let usage = draft.usage.reported();
    let usage = usage.map(|(tokens, _)| json!({ "prompt_tokens": tokens, "total_tokens": tokens }));
    with_usage(json!({ "object": "list", "data": data, "model": draft.model() }), usage)
}

fn dimensions(body: &Value) -> Result<u64, ProviderError> {
    Ok(Ask::number(body, "dimensions", 1)?.unwrap_or(DIMENSIONS))
}

/// The texts to embed. A list of numbers is one text.
fn texts(body: &Value) -> Vec<Value> {
    match body.get("input") {
        Some(Value::Array(items)) if !items.iter().all(Value::is_number) => items.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// Numbers between -1 and 1 that depend on the text alone (FNV-1a, then a mixer per number).
fn numbers(text: &str, dimensions: u64) -> Vec<f32> {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    let number = |index: u64| {
        let mixed = (seed ^ index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [high, low, ..] = mixed.to_be_bytes();
        f32::from(i16::from_be_bytes([high, low])) / 32_768.0
    };
    (0..dimensions).map(number).collect()
}
