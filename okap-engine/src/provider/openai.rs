//! What OpenAI-style calls say: chat completions, responses, embeddings.

use okap_types::{Capability, Provider};
use serde_json::{Map, Value, json};

use super::{
    Call, Operation,
    call::{Members, plain_object},
    images,
};
use crate::refusal::Refusal;

/// Members that name another model, another provider's route, a stored object of the key's
/// owner, work that is billed outside the answer, or an output ceiling in a word that only some
/// servers obey.
const FORBIDDEN: &[&str] = &[
    "model_id",
    "engine",
    "deployment",
    "deployment_id",
    "fallbacks",
    "models",
    "route",
    "provider",
    "providers",
    "plugins",
    "transforms",
    "preset",
    "extra_body",
    "extra_headers",
    "api_key",
    "api_base",
    "base_url",
    "organization",
    "project",
    "user_config",
    "search_parameters",
    "web_search",
    "previous_response_id",
    "conversation",
    "prompt",
    "background",
    "prediction",
    "speed",
    "best_of",
    "session_id",
    "mcp_servers",
    "container",
    "documents",
    "compound_custom",
    "search_settings",
    "safety_model",
    "context_length_exceeded_behavior",
    "context_management",
    "max_new_tokens",
    "max_length",
    "max_gen_len",
    "max_tokens_to_sample",
    "num_predict",
    "num_return_sequences",
    "num_completions",
    "num_generations",
    "candidate_count",
    "options",
    "generation_config",
];

/// Members of a message that carry what is not in its content.
const ATTACHED: &[&str] =
    &["audio", "images", "image", "files", "file_ids", "attachments", "documents"];

/// Models that say all they think: what is billed came through.
const OUTSPOKEN: &[&str] = &[
    "gpt-3.5",
    "gpt-4",
    "chatgpt-4o",
    "llama",
    "meta-llama",
    "mixtral",
    "mistral-",
    "ministral",
    "open-mi",
    "codestral",
    "pixtral",
    "command",
    "gemma",
];

pub(super) fn read(call: &mut Call) -> Result<(), Refusal> {
    call.members().refuse(FORBIDDEN)?;
    if call.members().has("web_search_options") {
        return Err(Refusal::NotCovered("web search".into()));
    }
    service_tier(call.members())?;
    match call.operation {
        Operation::Embeddings => embeddings(call),
        Operation::Responses => responses(call),
        _ => chat(call),
    }
}

fn chat(call: &mut Call) -> Result<(), Refusal> {
    if call.members().has("audio") {
        return Err(Refusal::NotCovered("audio output".into()));
    }
    let modalities = call.members().value("modalities")?;
    if modalities.is_some_and(|m| !m.is_null() && m != json!(["text"])) {
        return Err(Refusal::NotCovered("output other than text".into()));
    }
    let old = call.members().count("max_tokens")?;
    let new = call.members().count("max_completion_tokens")?;
    call.ceiling = match (old, new) {
        (Some(old), Some(new)) => Some(old.min(new)),
        (one, other) => one.or(other),
    };
    call.answers = call.members().count("n")?.unwrap_or(1);
    if call.answers > 128 {
        return Err(Refusal::InvalidRequest("n is above 128".into()));
    }
    tools(call)?;
    call.members().refuse(&["max_output_tokens"])?;
    let mut images = 0;
    let messages = call.members().value("messages")?;
    let Some(Value::Array(messages)) = messages else {
        return Err(Refusal::InvalidRequest("messages is not a list".into()));
    };
    for message in &messages {
        images += content_of(plain_object(message, "a message")?)?;
    }
    finish(call, images)?;
    call.usage_asked = match call.members().value("stream_options")? {
        Some(Value::Object(options)) => options.get("include_usage") == Some(&Value::Bool(true)),
        None | Some(Value::Null) => false,
        Some(_) => return Err(Refusal::InvalidRequest("stream_options is not an object".into())),
    };
    Ok(())
}

fn responses(call: &mut Call) -> Result<(), Refusal> {
    call.ceiling = call.members().count("max_output_tokens")?;
    call.members().refuse(&["n"])?;
    if !matches!(call.members().value("instructions")?, None | Some(Value::Null | Value::String(_)))
    {
        return Err(Refusal::InvalidRequest("instructions is not a text".into()));
    }
    tools(call)?;
    let mut images = 0;
    match call.members().value("input")? {
        Some(Value::String(_)) => {}
        Some(Value::Array(items)) => {
            for item in &items {
                images += self::item(plain_object(item, "an input item")?)?;
            }
        }
        _ => return Err(Refusal::InvalidRequest("input is neither a text nor a list".into())),
    }
    finish(call, images)
}

/// Counts the images of one input item; what stands with the provider is out of reach.
fn item(item: &Map<String, Value>) -> Result<u64, Refusal> {
    let held = |name: &str| item.get(name).is_some_and(|v| v.is_string() || v.is_array());
    match item.get("type") {
        // without a role it is a reference to a stored item
        None if item.get("role").is_some_and(Value::is_string) => content_of(item),
        Some(Value::String(kind)) => match kind.as_str() {
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

/// Text or token numbers, alone or in lists: anything else is no text.
fn embeddings(call: &Call) -> Result<(), Refusal> {
    fn plain(input: &Value, depth: u8) -> bool {
        match input {
            Value::String(_) => true,
            Value::Number(_) => depth > 0,
            Value::Array(list) => depth < 2 && list.iter().all(|one| plain(one, depth + 1)),
            _ => false,
        }
    }
    match call.members().value("input")? {
        Some(input) if plain(&input, 0) => Ok(()),
        Some(Value::Null) | None => Err(Refusal::InvalidRequest("input is missing".into())),
        Some(_) => Err(Refusal::NotCovered("input other than text".into())),
    }
}

fn finish(call: &mut Call, images: u64) -> Result<(), Refusal> {
    if images > 0 {
        call.needs(Capability::Vision);
        call.prompt_at_most = call.prompt_at_most.saturating_add(images::tokens(images)?);
    }
    let name = call.model.as_str();
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    call.hidden_output = call.members().has("reasoning")
        || call.members().has("reasoning_effort")
        || call.members().has("include_reasoning")
        || !OUTSPOKEN.iter().any(|begin| name.starts_with(begin));
    Ok(())
}

/// Counts the images in the content of a message.
fn content_of(message: &Map<String, Value>) -> Result<u64, Refusal> {
    let attached = |name: &&&str| message.get(**name).is_some_and(|v| !v.is_null());
    if let Some(name) = ATTACHED.iter().find(attached) {
        return Err(Refusal::NotCovered(format!("{name} in a message")));
    }
    message.get("content").map_or(Ok(0), parts)
}

/// Some servers take any medium where an image is wanted, and an hour of film is no image.
fn picture(image_url: Option<&Value>) -> Result<(), Refusal> {
    const PICTURES: [&str; 5] = ["png", "jpeg", "jpg", "webp", "gif"];
    let address = match image_url {
        Some(Value::Object(image)) => image.get("url").and_then(Value::as_str),
        Some(Value::String(address)) => Some(address.as_str()),
        _ => None,
    };
    let address = address.ok_or_else(|| Refusal::InvalidRequest("image_url is missing".into()))?;
    let begins = |with: &str| {
        address.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    let kinds = PICTURES.map(|kind| format!("data:image/{kind};base64,"));
    match begins("https://") || begins("http://") || kinds.iter().any(|kind| begins(kind)) {
        true => Ok(()),
        false => Err(Refusal::NotCovered("image_url that is neither http nor a picture".into())),
    }
}

/// Counts the images among content parts; other parts must be text.
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
            Some("text" | "input_text" | "output_text" | "refusal" | "thinking") => {}
            Some("image_url" | "input_image") => {
                if part.get("file_id").is_some_and(|id| !id.is_null()) {
                    return Err(Refusal::UnsupportedParameter("file_id".into()));
                }
                picture(part.get("image_url"))?;
                images += 1;
            }
            Some(other) => {
                return Err(Refusal::NotCovered(format!("content part {}", shown(other))));
            }
            None => return Err(Refusal::InvalidRequest("a content part has no type".into())),
        }
    }
    Ok(images)
}

/// Only tools that the app runs itself: a hosted tool costs money and reaches out on its own.
fn tools(call: &mut Call) -> Result<(), Refusal> {
    match call.members().value("tools")? {
        None | Some(Value::Null) => {}
        Some(Value::Array(tools)) => {
            for tool in &tools {
                match plain_object(tool, "a tool")?.get("type").and_then(Value::as_str) {
                    Some("function" | "custom") => {}
                    Some(other) => {
                        return Err(Refusal::NotCovered(format!("tool {}", shown(other))));
                    }
                    None => return Err(Refusal::InvalidRequest("a tool has no type".into())),
                }
            }
            if !tools.is_empty() {
                call.adds_tools();
            }
        }
        Some(_) => return Err(Refusal::InvalidRequest("tools is not a list".into())),
    }
    if call.members().has("functions") {
        call.adds_tools();
    }
    Ok(())
}

/// Tiers that are billed above the listed price are refused.
fn service_tier(members: &Members) -> Result<(), Refusal> {
    match members.value("service_tier")? {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(tier))
            if matches!(tier.as_str(), "auto" | "default" | "flex" | "on_demand") =>
        {
            Ok(())
        }
        Some(_) => {
            Err(Refusal::UnsupportedParameter("service_tier (only auto, default and flex)".into()))
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The project of the owner's key may be set to a dearer tier than the one that is priced.
fn default_tier(provider: &Provider, members: &mut Members) {
    let chosen =
        matches!(members.value("service_tier"), Ok(Some(Value::String(tier))) if tier != "auto");
    if *provider == Provider::OpenAi && !chosen {
        members.set("service_tier", &Value::String("default".to_owned()));
    }
}

pub(super) fn rewrite_responses(provider: &Provider, members: &mut Members, ceiling: Option<u64>) {
    members.set("store", &Value::Bool(false));
    default_tier(provider, members);
    if let Some(ceiling) = ceiling {
        members.set("max_output_tokens", &ceiling.into());
    }
}

pub(super) fn rewrite_chat(
    call: &Call,
    provider: &Provider,
    members: &mut Members,
    ceiling: Option<u64>,
) {
    if members.has("store") {
        members.set("store", &Value::Bool(false));
    }
    default_tier(provider, members);
    if let Some(ceiling) = ceiling {
        let (old, new) = ("max_tokens", "max_completion_tokens");
        // the app's own word for it stays, where the server knows both; elsewhere the new one is
        // refused or, worse, no ceiling
        let knows_new = matches!(provider, Provider::OpenAi | Provider::Groq);
        let had_old = members.has(old);
        if !knows_new {
            members.remove(new);
        } else if !had_old || members.has(new) {
            members.set(new, &ceiling.into());
        }
        if !knows_new || had_old {
            members.set(old, &ceiling.into());
        }
    }
    // Mistral tells its usage unasked, and refuses to be asked
    if call.stream && !call.usage_asked && *provider != Provider::Mistral {
        let mut options = match members.value("stream_options") {
            Ok(Some(Value::Object(options))) => options,
            _ => Map::new(),
        };
        options.insert("include_usage".to_owned(), Value::Bool(true));
        members.set("stream_options", &Value::Object(options));
    }
}
