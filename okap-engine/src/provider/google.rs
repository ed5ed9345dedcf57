//! What Google's own calls say: generateContent, embedContent, countTokens.
//!
//! Google takes every name in two spellings, `maxOutputTokens` and `max_output_tokens`. What is
//! not listed here is refused, and so is one name in both spellings.

use okap_types::Capability;
use serde_json::{Map, Value};

use super::{
    Call, Operation, images,
    json::{Json, Object},
    members::{Body, Changes, Members, count},
    route::Verb,
};
use crate::refusal::Refusal;

const GENERATE: &[&str] = &[
    "model",
    "contents",
    "systemInstruction",
    "generationConfig",
    "tools",
    "toolConfig",
    "safetySettings",
];
const CONFIG: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseLogprobs",
    "logprobs",
    "thinkingConfig",
    "responseModalities",
    "mediaResolution",
];
const THINKING: &[&str] = &["includeThoughts", "thinkingBudget", "thinkingLevel"];
const PART: &[&str] = &[
    "text",
    "inlineData",
    "functionCall",
    "functionResponse",
    "thought",
    "thoughtSignature",
    "mediaResolution",
];
const EMBED: &[&str] = &["model", "content", "taskType", "title", "outputDimensionality"];
const PICTURES: [&str; 6] =
    ["image/png", "image/jpeg", "image/webp", "image/gif", "image/heic", "image/heif"];
/// Most answers of one call.
const CANDIDATES: u64 = 64;

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    let Operation::Google { verb, .. } = &call.operation else { return Ok(()) };
    match verb {
        Verb::Generate | Verb::Stream | Verb::StreamList => generate(call, body.object()),
        Verb::CountTokens => {
            let object = body.object();
            known(object, &["contents", "generateContentRequest"], "")?;
            match get(object, "generateContentRequest") {
                None => contents(call, object),
                Some(request) => generate(call, inner(request, "generateContentRequest")?),
            }
        }
        Verb::Embed => embed(call, body.object()),
        Verb::BatchEmbed => {
            known(body.object(), &["requests"], "")?;
            let Some(Json::List(requests)) = body.get("requests") else {
                return Err(Refusal::InvalidRequest("requests is not a list".into()));
            };
            requests.iter().try_for_each(|one| embed(call, inner(one, "a request")?))
        }
    }
}

fn generate(call: &mut Call, object: &Object<'_>) -> Result<(), Refusal> {
    known(object, GENERATE, "")?;
    same_model(call, object)?;
    contents(call, object)?;
    if let Some(system) = get(object, "systemInstruction") {
        content(call, system)?;
    }
    for tool in list(object, "tools")? {
        known(inner(tool, "a tool")?, &["functionDeclarations"], "tool ").map_err(|e| match e {
            // a hosted tool costs money and reaches out on its own
            Refusal::UnsupportedParameter(tool) => Refusal::NotCovered(tool),
            other => other,
        })?;
        call.adds_tools();
    }
    // a model thinks unless it is told otherwise, and what it thinks is billed
    call.hidden_output = true;
    let Some(config) = get(object, "generationConfig") else { return Ok(()) };
    let config = inner(config, "generationConfig")?;
    known(config, CONFIG, "generationConfig.")?;
    call.ceiling = count(get(config, "maxOutputTokens"), "maxOutputTokens")?;
    call.answers = count(get(config, "candidateCount"), "candidateCount")?.unwrap_or(1);
    if call.answers > CANDIDATES {
        return Err(Refusal::InvalidRequest(format!("candidateCount is above {CANDIDATES}")));
    }
    for modality in list(config, "responseModalities")? {
        if !modality.as_text().is_some_and(|text| text.eq_ignore_ascii_case("text")) {
            return Err(Refusal::NotCovered("output other than text".into()));
        }
    }
    if let Some(thinking) = get(config, "thinkingConfig") {
        let thinking = inner(thinking, "thinkingConfig")?;
        known(thinking, THINKING, "thinkingConfig.")?;
        call.thinking = get(thinking, "thinkingBudget").and_then(Json::as_count);
        call.hidden_output = call.thinking != Some(0);
    }
    Ok(())
}

fn embed(call: &mut Call, object: &Object<'_>) -> Result<(), Refusal> {
    known(object, EMBED, "")?;
    same_model(call, object)?;
    match get(object, "content") {
        Some(one) => content(call, one),
        None => Err(Refusal::InvalidRequest("content is missing".into())),
    }
}

fn contents(call: &mut Call, object: &Object<'_>) -> Result<(), Refusal> {
    match get(object, "contents") {
        Some(Json::List(list)) => list.iter().try_for_each(|one| content(call, one)),
        Some(one @ Json::Object(_)) => content(call, one),
        _ => Err(Refusal::InvalidRequest("contents is not a list".into())),
    }
}

fn content(call: &mut Call, value: &Json<'_>) -> Result<(), Refusal> {
    let object = inner(value, "a content")?;
    known(object, &["role", "parts"], "content.")?;
    let parts = match get(object, "parts") {
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => list(object, "parts")?,
    };
    parts.iter().try_for_each(|one| part(call, inner(one, "a part")?))
}

fn part(call: &mut Call, part: &Object<'_>) -> Result<(), Refusal> {
    known(part, PART, "part ").map_err(|refusal| match refusal {
        // what stands with the provider is its owner's
        Refusal::UnsupportedParameter(name) if !name.contains("file") => Refusal::NotCovered(name),
        other => other,
    })?;
    let Some(data) = get(part, "inlineData") else { return Ok(()) };
    let data = inner(data, "inlineData")?;
    known(data, &["mimeType", "data", "displayName"], "inlineData.")?;
    let kind = get(data, "mimeType").and_then(Json::as_text).unwrap_or_default();
    if !PICTURES.contains(&kind) {
        return Err(Refusal::NotCovered("inlineData that is no picture".into()));
    }
    call.needs(Capability::Vision);
    call.prompt_at_most = call.prompt_at_most.saturating_add(images::tokens(1)?);
    Ok(())
}

/// The model stands in the path; where it stands in the body too, it is the same.
fn same_model(call: &Call, object: &Object<'_>) -> Result<(), Refusal> {
    let Some(model) = get(object, "model") else { return Ok(()) };
    let named = model.as_text().map(|name| name.strip_prefix("models/").unwrap_or(name));
    match named == Some(call.model.as_str()) {
        true => Ok(()),
        false => {
            let shown = model.as_text().unwrap_or_default().chars().take(80).collect();
            let allowed = vec![call.model.clone()];
            Err(Refusal::ModelNotAllowed { model: shown, allowed })
        }
    }
}

/// Whether all members are listed, each in one of its two spellings.
fn known(object: &Object<'_>, names: &[&str], at: &str) -> Result<(), Refusal> {
    for (own, value) in &object.0 {
        let listed = names.iter().find(|name| spelled(own, name));
        let Some(name) = listed else {
            if value.is_null() {
                continue;
            }
            let shown: String = own.escape_debug().take(40).collect();
            return Err(Refusal::UnsupportedParameter(format!("{at}{shown}")));
        };
        if object.names().filter(|other| spelled(other, name)).count() > 1 {
            return Err(Refusal::DuplicateMember((*name).to_owned()));
        }
    }
    Ok(())
}

/// Whether a name is another in camel case, or the same in snake case.
fn spelled(own: &str, camel: &str) -> bool {
    if own == camel {
        return true;
    }
    let mut own = own.chars();
    let same = camel.chars().all(|letter| match letter.is_ascii_uppercase() {
        true => own.next() == Some('_') && own.next() == Some(letter.to_ascii_lowercase()),
        false => own.next() == Some(letter),
    });
    same && own.next().is_none()
}

/// A member under either of its names.
fn get<'o, 'a>(object: &'o Object<'a>, camel: &str) -> Option<&'o Json<'a>> {
    let found = object.0.iter().find(|(own, _)| spelled(own, camel));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

fn list<'o, 'a>(object: &'o Object<'a>, camel: &str) -> Result<&'o [Json<'a>], Refusal> {
    match get(object, camel) {
        None => Ok(&[]),
        Some(Json::List(list)) => Ok(list),
        Some(_) => Err(Refusal::InvalidRequest(format!("{camel} is not a list"))),
    }
}

fn inner<'o, 'a>(value: &'o Json<'a>, what: &str) -> Result<&'o Object<'a>, Refusal> {
    value.as_object().ok_or_else(|| Refusal::InvalidRequest(format!("{what} is not an object")))
}

/// Sets the ceiling, and a budget for thoughts below it: Google counts them within it.
pub(super) fn rewrite(call: &Call, members: &Members, ceiling: Option<u64>) -> Changes {
    let mut changes = Changes::default();
    let Some(ceiling) = ceiling.filter(|_| call.has_output()) else { return changes };
    let own = |camel, snake| {
        members
            .raw(camel)
            .map(|raw| (camel, raw))
            .or_else(|| members.raw(snake).map(|raw| (snake, raw)))
    };
    let (name, raw) =
        own("generationConfig", "generation_config").unwrap_or(("generationConfig", "null"));
    let mut config: Map<String, Value> =
        serde_json::from_str::<Option<_>>(raw).ok().flatten().unwrap_or_default();
    put(&mut config, "maxOutputTokens", ceiling.into());
    let lowered = call.ceiling.is_none_or(|asked| asked > ceiling);
    if lowered && call.thinking.is_some_and(|budget| budget >= ceiling) {
        let thinking = config.iter_mut().find(|(own, _)| spelled(own, "thinkingConfig"));
        if let Some((_, Value::Object(thinking))) = thinking {
            put(thinking, "thinkingBudget", (ceiling / 2).into());
        }
    }
    changes.set(name, Value::Object(config));
    changes
}

fn put(object: &mut Map<String, Value>, camel: &str, value: Value) {
    object.retain(|own, _| !spelled(own, camel));
    object.insert(camel.to_owned(), value);
}
