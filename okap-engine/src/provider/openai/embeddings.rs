//! `POST /embeddings`

use crate::{
    provider::{json::Json, members::Body},
    refusal::Refusal,
};

/// Text or token numbers, alone or in lists: anything else is no text.
pub(super) fn read(body: &Body<'_>) -> Result<(), Refusal> {
    match body.get("input") {
        Some(input) if plain(input, 0) => Ok(()),
        None => Err(Refusal::InvalidRequest("input is missing".into())),
        Some(_) => Err(Refusal::NotCovered("input other than text".into())),
    }
}

pub(super) fn plain(input: &Json<'_>, depth: u8) -> bool {
    match input {
        Json::Text(_) => true,
        Json::Count(_) | Json::Number(_) => depth > 0,
        Json::List(list) => depth < 2 && list.iter().all(|one| plain(one, depth + 1)),
        _ => false,
    }
}
