//! What OpenAI-style calls say.

mod audio;
mod chat;
mod completions;
mod embeddings;
mod moderation;
mod pictures;
mod responses;

use okap_types::{Capability, Provider};

use super::{
    Call, Operation,
    call::plain_object,
    images,
    json::{Json, Object},
    members::{Body, Changes, Members},
};
use crate::refusal::Refusal;

pub(super) use self::audio::read_form as read_recording;
pub(super) use self::pictures::read_form as read_pictures;

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

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    // what is forbidden elsewhere is the heart of these
    let own: &[&str] = match call.operation {
        Operation::Completions => &["prompt", "best_of"],
        Operation::Images => &["prompt"],
        _ => &[],
    };
    let beyond = |name: &&str| !own.contains(name) && body.get(name).is_some();
    if let Some(name) = FORBIDDEN.iter().copied().find(beyond) {
        return Err(Refusal::UnsupportedParameter(name.to_owned()));
    }
    if body.get("web_search_options").is_some() {
        return Err(Refusal::NotCovered("web search".into()));
    }
    service_tier(call, body)?;
    match call.operation {
        Operation::Embeddings => embeddings::read(body),
        Operation::Responses => responses::read(call, body),
        Operation::Completions => completions::read(call, body),
        Operation::Images => pictures::read(call, body),
        Operation::Speech => audio::read(call, body),
        Operation::Moderations => moderation::read(call, body),
        _ => chat::read(call, body),
    }
}

/// Takes note of whether a stream tells its usage.
fn usage_asked(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    call.usage_asked = match body.get("stream_options") {
        Some(Json::Object(options)) => options.get("include_usage") == Some(&Json::Bool(true)),
        None => false,
        Some(_) => return Err(Refusal::InvalidRequest("stream_options is not an object".into())),
    };
    Ok(())
}

fn finish(call: &mut Call, body: &Body<'_>, images: u64) -> Result<(), Refusal> {
    if images > 0 {
        call.needs(Capability::Vision);
        call.prompt_at_most = call.prompt_at_most.saturating_add(images::tokens(images)?);
    }
    let name = call.model.as_str();
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    call.hidden_output = body.get("reasoning").is_some()
        || body.get("reasoning_effort").is_some()
        || body.get("include_reasoning").is_some()
        || !OUTSPOKEN.iter().any(|begin| name.starts_with(begin));
    Ok(())
}

/// Counts the images in the content of a message.
fn content_of(message: &Object<'_>) -> Result<u64, Refusal> {
    if let Some(name) = ATTACHED.iter().find(|name| message.get(name).is_some()) {
        return Err(Refusal::NotCovered(format!("{name} in a message")));
    }
    message.get("content").map_or(Ok(0), parts)
}

/// Some servers take any medium where an image is wanted, and an hour of film is no image.
fn picture(image_url: Option<&Json<'_>>) -> Result<(), Refusal> {
    const PICTURES: [&str; 5] = ["png", "jpeg", "jpg", "webp", "gif"];
    let address = match image_url {
        Some(Json::Object(image)) => image.get("url").and_then(Json::as_text),
        Some(Json::Text(address)) => Some(address.as_ref()),
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
            Some("text" | "input_text" | "output_text" | "refusal" | "thinking") => {}
            Some("image_url" | "input_image") => {
                if part.get("file_id").is_some() {
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
fn tools(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    match body.get("tools") {
        None => {}
        Some(Json::List(tools)) => {
            for tool in tools {
                match plain_object(tool, "a tool")?.get("type").and_then(Json::as_text) {
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
    if body.get("functions").is_some() {
        call.adds_tools();
    }
    Ok(())
}

/// Tiers that are billed above the listed price are refused.
fn service_tier(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    match body.get("service_tier") {
        None => Ok(()),
        Some(Json::Text(tier))
            if matches!(tier.as_ref(), "auto" | "default" | "flex" | "on_demand") =>
        {
            call.tier_chosen = tier != "auto";
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

/// What goes up in other words than the app's.
pub(super) fn rewrite(
    call: &Call,
    provider: &Provider,
    members: &Members,
    ceiling: Option<u64>,
) -> Changes {
    let mut changes = Changes::default();
    match call.operation {
        Operation::Chat => chat::rewrite(call, provider, members, ceiling, &mut changes),
        Operation::Completions => {
            if let Some(ceiling) = ceiling {
                changes.set("max_tokens", ceiling);
            }
            ask_usage(call, provider, members, &mut changes);
        }
        Operation::Responses => {
            changes.set("store", false);
            default_tier(call, provider, &mut changes);
            if let Some(ceiling) = ceiling {
                changes.set("max_output_tokens", ceiling);
            }
        }
        Operation::Moderations if members.raw("model").is_none_or(|raw| raw == "null") => {
            changes.set("model", format_args!("\"{}\"", call.model));
        }
        _ => {}
    }
    changes
}

/// The project of the owner's key may be set to a dearer tier than the one that is priced.
fn default_tier(call: &Call, provider: &Provider, changes: &mut Changes) {
    if *provider == Provider::OpenAi && !call.tier_chosen {
        changes.set("service_tier", "\"default\"");
    }
}

/// Asks for the usage of a stream. Mistral tells it unasked, and refuses to be asked.
fn ask_usage(call: &Call, provider: &Provider, members: &Members, changes: &mut Changes) {
    if !call.stream || call.usage_asked || *provider == Provider::Mistral {
        return;
    }
    let own = members.raw("stream_options").and_then(|raw| serde_json::from_str(raw).ok());
    let mut options: serde_json::Map<_, _> = own.flatten().unwrap_or_default();
    options.insert("include_usage".to_owned(), true.into());
    changes.set("stream_options", serde_json::Value::Object(options));
}
