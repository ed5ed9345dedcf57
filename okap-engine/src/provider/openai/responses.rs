//! `POST /responses`, never stored

use super::{content_of, finish, parts, shown, tools};
use crate::{
    provider::{
        Call,
        call::plain_object,
        json::{Json, Object},
        members::Body,
    },
    refusal::Refusal,
};

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    call.ceiling = body.count("max_output_tokens")?;
    body.refuse(&["n"])?;
    if !matches!(body.get("instructions"), None | Some(Json::Text(_))) {
        return Err(Refusal::InvalidRequest("instructions is not a text".into()));
    }
    tools(call, body)?;
    let mut images = 0;
    match body.get("input") {
        Some(Json::Text(_)) => {}
        Some(Json::List(items)) => {
            for item in items {
                images += self::item(plain_object(item, "an input item")?)?;
            }
        }
        _ => return Err(Refusal::InvalidRequest("input is neither a text nor a list".into())),
    }
    finish(call, body, images)
}

/// Counts the images of one input item; what stands with the provider is out of reach.
fn item(item: &Object<'_>) -> Result<u64, Refusal> {
    let held =
        |name: &str| item.get(name).is_some_and(|v| matches!(v, Json::Text(_) | Json::List(_)));
    match item.get("type") {
        // without a role it is a reference to a stored item
        None if matches!(item.get("role"), Some(Json::Text(_))) => content_of(item),
        Some(Json::Text(kind)) => match kind.as_ref() {
            "message" => content_of(item),
            "function_call" | "custom_tool_call" => Ok(0),
            "reasoning" if held("encrypted_content") || held("content") => Ok(0),
            "reasoning" => {
                Err(Refusal::UnsupportedParameter("reasoning without encrypted_content".into()))
            }
            "function_call_output" | "custom_tool_call_output" => {
                item.get("output").map_or(Ok(0), parts)
            }
            other => Err(Refusal::NotCovered(format!("input item {}", shown(other)))),
        },
        _ => Err(Refusal::InvalidRequest("an input item has neither type nor role".into())),
    }
}
