//! What Anthropic-style calls say: messages, count_tokens.

use okap_types::Capability;
use serde_json::Value;

use super::{
    Call, Operation,
    call::{Members, plain_object},
    images,
};
use crate::refusal::Refusal;

const FORBIDDEN: &[&str] = &[
    "model_id",
    "fallbacks",
    "models",
    "route",
    "provider",
    "mcp_servers",
    "container",
    "speed",
    "inference_geo",
    "extra_body",
    "extra_headers",
    "api_key",
    "base_url",
    "fallback_model",
];

/// Tools that the app runs itself although the provider knows them by name.
const CLIENT_TOOLS: &[&str] = &["bash_", "text_editor_", "memory_"];

pub(super) fn read(call: &mut Call) -> Result<(), Refusal> {
    call.members().refuse(FORBIDDEN)?;
    match call.members().value("service_tier")? {
        None | Some(Value::Null) => {}
        Some(Value::String(tier)) if tier == "auto" || tier == "standard_only" => {}
        Some(_) => return Err(Refusal::UnsupportedParameter("service_tier".into())),
    }
    call.ceiling = call.members().count("max_tokens")?;
    if call.operation == Operation::Messages && call.ceiling.is_none() {
        return Err(Refusal::InvalidRequest("max_tokens is missing".into()));
    }
    tools(call)?;
    context(call.members())?;
    let mut images = match call.members().value("system")? {
        Some(system) => parts(&system)?,
        None => 0,
    };
    let Some(Value::Array(messages)) = call.members().value("messages")? else {
        return Err(Refusal::InvalidRequest("messages is not a list".into()));
    };
    for message in &messages {
        if let Some(content) = plain_object(message, "a message")?.get("content") {
            images += parts(content)?;
        }
    }
    if images > 0 {
        call.needs(Capability::Vision);
        call.prompt_at_most = call.prompt_at_most.saturating_add(images::tokens(images)?);
    }
    // thinking is shown shortened, or not at all, and billed whole
    call.hidden_output = match call.members().value("thinking")? {
        None | Some(Value::Null) => false,
        Some(thinking) => thinking.get("type").and_then(Value::as_str) != Some("disabled"),
    };
    Ok(())
}

/// What is left out of the context costs nothing; writing it anew is another pass of the model.
fn context(members: &Members) -> Result<(), Refusal> {
    let refused =
        || Refusal::UnsupportedParameter("context_management (only clearing edits)".into());
    let Some(context) = members.value("context_management")?.filter(|c| !c.is_null()) else {
        return Ok(());
    };
    let context = plain_object(&context, "context_management")?;
    if context.keys().any(|name| name != "edits") {
        return Err(refused());
    }
    let edits =
        context.get("edits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let clears = |edit: &Value| {
        edit.get("type").and_then(Value::as_str).is_some_and(|t| t.starts_with("clear_"))
    };
    if edits.iter().all(clears) { Ok(()) } else { Err(refused()) }
}

fn parts(content: &Value) -> Result<u64, Refusal> {
    let parts = match content {
        Value::Null | Value::String(_) => return Ok(0),
        Value::Array(parts) => parts,
        _ => return Err(Refusal::InvalidRequest("content is neither a text nor a list".into())),
    };
    let mut images = 0;
    for part in parts {
        let part = plain_object(part, "a content part")?;
        match part.get("type").and_then(Value::as_str) {
            Some("text" | "tool_use" | "thinking" | "redacted_thinking") => {}
            Some("tool_result") => {
                if let Some(inner) = part.get("content") {
                    images += self::parts(inner)?;
                }
            }
            Some("image") => {
                let source = part.get("source").and_then(|s| s.get("type")).and_then(Value::as_str);
                if source == Some("file") {
                    return Err(Refusal::UnsupportedParameter("image source file".into()));
                }
                images += 1;
            }
            Some(other) => {
                let shown: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
                return Err(Refusal::NotCovered(format!("content part {shown}")));
            }
            None => return Err(Refusal::InvalidRequest("a content part has no type".into())),
        }
    }
    Ok(images)
}

fn tools(call: &mut Call) -> Result<(), Refusal> {
    let tools = match call.members().value("tools")? {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(tools)) => tools,
        Some(_) => return Err(Refusal::InvalidRequest("tools is not a list".into())),
    };
    for tool in &tools {
        match plain_object(tool, "a tool")?.get("type").and_then(Value::as_str) {
            None | Some("custom") => {}
            Some(kind) if CLIENT_TOOLS.iter().any(|prefix| kind.starts_with(prefix)) => {}
            Some(kind) => {
                let shown: String = kind.chars().filter(|c| !c.is_control()).take(40).collect();
                return Err(Refusal::NotCovered(format!("tool {shown}")));
            }
        }
    }
    if !tools.is_empty() {
        call.adds_tools();
    }
    Ok(())
}

pub(super) fn rewrite(members: &mut Members, ceiling: Option<u64>) {
    if let Some(ceiling) = ceiling {
        members.set("max_tokens", &ceiling.into());
    }
}
