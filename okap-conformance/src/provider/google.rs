//! Google: generateContent and its streams, embeddings, countTokens, models.

use serde_json::{Value, json};

use super::ask::Ask;
use super::draft::{Draft, Report};
use super::error::ProviderError;
use super::reply::Frame;
use super::route::{Style, Verb};

/// Tokens of thoughts, where the call gives them a budget.
const THOUGHTS: u64 = 3;

pub(super) fn read(verb: Verb, model: &str, body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::of(model);
    ask.stream = matches!(verb, Verb::Events | Verb::List);
    match verb {
        Verb::Embed => content(&mut ask, body.get("content")),
        Verb::BatchEmbed => {
            let requests = body.get("requests").and_then(Value::as_array);
            let requests = requests.ok_or_else(|| missing("requests"))?;
            requests.iter().for_each(|one| content(&mut ask, one.get("content")));
        }
        Verb::Generate | Verb::Events | Verb::List | Verb::Count => {
            let body = body.get("generateContentRequest").unwrap_or(body);
            let system = body.get("systemInstruction").or_else(|| body.get("system_instruction"));
            content(&mut ask, system);
            match body.get("contents") {
                Some(Value::Array(list)) if !list.is_empty() => {
                    list.iter().for_each(|one| content(&mut ask, Some(one)));
                }
                Some(one @ Value::Object(_)) => content(&mut ask, Some(one)),
                _ => return Err(missing("contents")),
            }
            if let Some(tools) = body.get("tools") {
                ask.prompt.json(tools);
            }
            config(&mut ask, body)?;
        }
    }
    Ok(ask)
}

fn config(ask: &mut Ask, body: &Value) -> Result<(), ProviderError> {
    let config = body.get("generationConfig").or_else(|| body.get("generation_config"));
    let Some(config) = config else { return Ok(()) };
    let number = |camel, snake| match Ask::number(config, camel, 1) {
        Ok(None) => Ask::number(config, snake, 1),
        other => other,
    };
    ask.choices = number("candidateCount", "candidate_count")?.unwrap_or(1);
    ask.max = number("maxOutputTokens", "max_output_tokens")?;
    if config.pointer("/thinkingConfig/thinkingBudget").and_then(Value::as_u64) > Some(0) {
        // thoughts count within the ceiling, and are billed beside the candidates
        ask.made = Some(THOUGHTS.min(ask.max.unwrap_or(THOUGHTS)));
        ask.max = ask.max.map(|max| max.saturating_sub(THOUGHTS));
    }
    Ok(())
}

fn missing(name: &'static str) -> ProviderError {
    ProviderError::invalid("Request contains an invalid argument.", name)
}

/// A content's parts as a message that the prompt can count.
fn content(ask: &mut Ask, content: Option<&Value>) {
    let Some(content) = content else { return };
    let parts = content.get("parts").cloned().unwrap_or(Value::Null);
    let parts = if parts.is_object() { json!([parts]) } else { parts };
    let part = |part: &Value| match part.get("inlineData").or_else(|| part.get("inline_data")) {
        Some(_) => json!({ "type": "image" }),
        None => json!({ "type": "text", "text": part.get("text") }),
    };
    let parts: Vec<Value> =
        parts.as_array().map(|list| list.iter().map(part).collect()).unwrap_or_default();
    let role = content.get("role").and_then(Value::as_str).unwrap_or("user");
    ask.prompt.message(&json!({ "role": role, "content": parts }));
}

pub(super) fn whole(draft: &Draft<'_>) -> Value {
    let text = draft.answer.text();
    let candidates =
        (0..draft.ask.choices).map(|index| candidate(index, &text, Some(reason(draft))));
    answer(draft, candidates.collect(), usage(draft, None))
}

pub(super) fn events(draft: &Draft<'_>) -> Vec<Frame> {
    let event = |(item, tokens): (Value, u64)| Frame::new(format!("data: {item}\r\n\r\n"), tokens);
    chunks(draft).into_iter().map(event).collect()
}

/// A stream that is one list, its items with their commas.
pub(super) fn items(draft: &Draft<'_>) -> Vec<Frame> {
    let item = |(at, (item, tokens)): (usize, (Value, u64))| {
        Frame::new(format!("{}{item}", if at == 0 { "[" } else { ",\r\n" }), tokens)
    };
    let mut frames: Vec<Frame> = chunks(draft).into_iter().enumerate().map(item).collect();
    frames.push(Frame::free("]"));
    frames
}

fn chunks(draft: &Draft<'_>) -> Vec<(Value, u64)> {
    let mut chunks = Vec::new();
    let (choices, mut sofar) = (draft.ask.choices, draft.ask.made.unwrap_or(0));
    for (at, piece) in draft.answer.pieces.iter().enumerate() {
        let tokens = choices.saturating_add(if at == 0 { sofar } else { 0 });
        sofar = sofar.saturating_add(choices);
        let candidates = (0..choices).map(|index| candidate(index, piece, None)).collect();
        chunks.push((answer(draft, candidates, usage(draft, Some(sofar))), tokens));
    }
    let last = (0..choices).map(|index| candidate(index, "", Some(reason(draft)))).collect();
    chunks.push((answer(draft, last, usage(draft, None)), 0));
    chunks
}

fn answer(draft: &Draft<'_>, candidates: Vec<Value>, usage: Option<Value>) -> Value {
    let mut answer = json!({
        "candidates": candidates, "modelVersion": draft.model(), "responseId": draft.id("r"),
    });
    if let (Some(members), Some(usage)) = (answer.as_object_mut(), usage) {
        members.insert("usageMetadata".to_owned(), usage);
    }
    answer
}

fn candidate(index: u64, text: &str, reason: Option<&str>) -> Value {
    let content = json!({ "parts": [{ "text": text }], "role": "model" });
    match reason {
        Some(reason) => json!({ "content": content, "finishReason": reason, "index": index }),
        None => json!({ "content": content, "index": index }),
    }
}

fn reason(draft: &Draft<'_>) -> &'static str {
    if draft.answer.limited { "MAX_TOKENS" } else { "STOP" }
}

/// The count of the whole, or of what is there so far.
fn usage(draft: &Draft<'_>, sofar: Option<u64>) -> Option<Value> {
    let (prompt, all) = draft.usage.reported()?;
    let zero = draft.usage.report == Report::Zero;
    let thoughts = draft.ask.made.filter(|_| !zero).unwrap_or(0);
    let all = sofar.map_or(all, |sofar| sofar.min(all));
    Some(json!({
        "promptTokenCount": prompt, "candidatesTokenCount": all.saturating_sub(thoughts),
        "thoughtsTokenCount": thoughts, "totalTokenCount": prompt.saturating_add(all),
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": prompt }],
    }))
}

/// The answer of `countTokens`, which costs nothing.
pub(super) fn counted(tokens: u64) -> Value {
    json!({ "totalTokens": tokens })
}

/// The answer of `embedContent` or `batchEmbedContents`.
pub(super) fn embedded(draft: &Draft<'_>) -> Value {
    let one = json!({ "values": [0.25, -0.5, 0.125] });
    let mut answer = match draft.body.get("requests").and_then(Value::as_array) {
        Some(requests) => json!({ "embeddings": vec![one; requests.len()] }),
        None => json!({ "embedding": one }),
    };
    let usage = draft.usage.reported();
    if let (Some(members), Some((tokens, _))) = (answer.as_object_mut(), usage) {
        let usage = json!({ "promptTokenCount": tokens, "totalTokenCount": tokens });
        members.insert("usageMetadata".to_owned(), usage);
    }
    answer
}

/// `GET /v1beta/models`
pub(super) fn models<'a>(names: impl Iterator<Item = &'a String>) -> Value {
    let served = names.filter(|name| Style::Google.serves(name));
    json!({ "models": served.map(|name| model(name)).collect::<Vec<_>>() })
}

/// `GET /v1beta/models/{model}`
pub(super) fn model(name: &str) -> Value {
    json!({ "name": format!("models/{name}"), "displayName": name, "version": "001" })
}
