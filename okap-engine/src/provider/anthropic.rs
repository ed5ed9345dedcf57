//! What Anthropic-style calls say: messages, count_tokens.

use okap_types::Capability;

use super::{
    Call, Operation,
    call::plain_object,
    images,
    json::Json,
    members::{Body, Changes, Members},
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

/// The least budget for thoughts that Anthropic takes.
pub(super) const LEAST_BUDGET: u64 = 1_024;

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    body.refuse(FORBIDDEN)?;
    match body.get("service_tier") {
        None => {}
        Some(Json::Text(tier)) if tier == "auto" || tier == "standard_only" => {}
        Some(_) => return Err(Refusal::UnsupportedParameter("service_tier".into())),
    }
    call.ceiling = body.count("max_tokens")?;
    if call.operation == Operation::Messages && call.ceiling.is_none() {
        return Err(Refusal::InvalidRequest("max_tokens is missing".into()));
    }
    tools(call, body)?;
    context(body)?;
    let mut images = body.get("system").map_or(Ok(0), parts)?;
    let Some(Json::List(messages)) = body.get("messages") else {
        return Err(Refusal::InvalidRequest("messages is not a list".into()));
    };
    for message in messages {
        if let Some(content) = plain_object(message, "a message")?.get("content") {
            images += parts(content)?;
        }
    }
    if images > 0 {
        call.needs(Capability::Vision);
        call.prompt_at_most = call.prompt_at_most.saturating_add(images::tokens(images)?);
    }
    // thinking is shown shortened, or not at all, and billed whole
    if let Some(thinking) = body.get("thinking") {
        call.hidden_output = thinking.get("type").and_then(Json::as_text) != Some("disabled");
        call.thinking = thinking.get("budget_tokens").and_then(Json::as_count);
    }
    Ok(())
}

/// What is left out of the context costs nothing; writing it anew is another pass of the model.
fn context(body: &Body<'_>) -> Result<(), Refusal> {
    let refused =
        || Refusal::UnsupportedParameter("context_management (only clearing edits)".into());
    let Some(context) = body.get("context_management") else { return Ok(()) };
    let context = plain_object(context, "context_management")?;
    if context.names().any(|name| name != "edits") {
        return Err(refused());
    }
    let edits = context.get("edits").and_then(Json::as_list).unwrap_or_default();
    let clears = |edit: &Json<'_>| {
        edit.get("type").and_then(Json::as_text).is_some_and(|t| t.starts_with("clear_"))
    };
    if edits.iter().all(clears) { Ok(()) } else { Err(refused()) }
}

fn parts(content: &Json<'_>) -> Result<u64, Refusal> {
    let parts = match content {
        Json::Null | Json::Text(_) => return Ok(0),
        Json::List(parts) => parts,
        _ => return Err(Refusal::InvalidRequest("content is neither a text nor a list".into())),
    };
    let mut images = 0;
    for part in parts {
        let part = plain_object(part, "a content part")?;
        match part.get("type").and_then(Json::as_text) {
            Some("text" | "tool_use" | "thinking" | "redacted_thinking") => {}
            Some("tool_result") => {
                if let Some(inner) = part.get("content") {
                    images += self::parts(inner)?;
                }
            }
            Some("image") => {
                let source = part.get("source").and_then(|s| s.get("type")).and_then(Json::as_text);
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

fn tools(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    let tools = match body.get("tools") {
        None => return Ok(()),
        Some(Json::List(tools)) => tools,
        Some(_) => return Err(Refusal::InvalidRequest("tools is not a list".into())),
    };
    for tool in tools {
        match plain_object(tool, "a tool")?.get("type").and_then(Json::as_text) {
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

/// Sets the ceiling; a budget for thoughts has to stay below it.
pub(super) fn rewrite(call: &Call, members: &Members, ceiling: Option<u64>) -> Changes {
    let mut changes = Changes::default();
    let Some(ceiling) = ceiling.filter(|_| call.has_output()) else { return changes };
    changes.set("max_tokens", ceiling);
    let lowered = call.ceiling.is_none_or(|asked| asked > ceiling);
    if lowered && call.thinking.is_some_and(|budget| budget >= ceiling) {
        let own = members.raw("thinking").and_then(|raw| serde_json::from_str(raw).ok());
        let mut thinking: serde_json::Map<_, _> = own.unwrap_or_default();
        thinking.insert("budget_tokens".to_owned(), LEAST_BUDGET.max(ceiling / 2).into());
        changes.set("thinking", serde_json::Value::Object(thinking));
    }
    changes
}
