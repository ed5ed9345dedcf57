//! `POST /moderations`

use super::shown;
use crate::{
    provider::{Call, call::plain_object, json::Json, members::Body},
    refusal::Refusal,
};

/// Texts and pictures to judge.
pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    let items = match body.get("input") {
        Some(Json::Text(_)) => return Ok(()),
        Some(Json::List(items)) => items,
        _ => return Err(Refusal::InvalidRequest("input is neither a text nor a list".into())),
    };
    for item in items {
        if matches!(item, Json::Text(_)) {
            continue;
        }
        match plain_object(item, "an input item")?.get("type").and_then(Json::as_text) {
            Some("text") => {}
            Some("image_url") => {
                super::picture(item.get("image_url"))?;
                call.needs(okap_types::Capability::Vision);
            }
            other => {
                let kind = shown(other.unwrap_or("without a type"));
                return Err(Refusal::NotCovered(format!("input item {kind}")));
            }
        }
    }
    Ok(())
}
