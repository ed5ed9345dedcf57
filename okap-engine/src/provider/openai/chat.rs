//! `POST /chat/completions`

use okap_types::Provider;

use super::{ask_usage, content_of, default_tier, finish, tools, usage_asked};
use crate::{
    provider::{
        Call,
        call::plain_object,
        json::Json,
        members::{Body, Changes, Members},
    },
    refusal::Refusal,
};

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    if body.get("audio").is_some() {
        return Err(Refusal::NotCovered("audio output".into()));
    }
    let text = |one: &Json<'_>| one.as_text() == Some("text");
    let only_text = |m: &Json<'_>| m.as_list().is_some_and(|m| m.len() == 1 && m.iter().all(text));
    if body.get("modalities").is_some_and(|m| !only_text(m)) {
        return Err(Refusal::NotCovered("output other than text".into()));
    }
    let old = body.count("max_tokens")?;
    let new = body.count("max_completion_tokens")?;
    call.ceiling = match (old, new) {
        (Some(old), Some(new)) => Some(old.min(new)),
        (one, other) => one.or(other),
    };
    call.answers = body.count("n")?.unwrap_or(1);
    if call.answers > 128 {
        return Err(Refusal::InvalidRequest("n is above 128".into()));
    }
    tools(call, body)?;
    body.refuse(&["max_output_tokens"])?;
    let mut images = 0;
    let Some(Json::List(messages)) = body.get("messages") else {
        return Err(Refusal::InvalidRequest("messages is not a list".into()));
    };
    for message in messages {
        images += content_of(plain_object(message, "a message")?)?;
    }
    finish(call, body, images)?;
    usage_asked(call, body)
}

pub(super) fn rewrite(
    call: &Call,
    provider: &Provider,
    members: &Members,
    ceiling: Option<u64>,
    changes: &mut Changes,
) {
    let has = |name: &str| members.raw(name).is_some_and(|raw| raw != "null");
    if has("store") {
        changes.set("store", false);
    }
    default_tier(call, provider, changes);
    if let Some(ceiling) = ceiling {
        let (old, new) = ("max_tokens", "max_completion_tokens");
        // the app's own word for it stays, where the server knows both; elsewhere the new one is
        // refused or, worse, no ceiling
        let knows_new = matches!(provider, Provider::OpenAi | Provider::Groq);
        let had_old = has(old);
        if !knows_new {
            changes.remove(new);
        } else if !had_old || has(new) {
            changes.set(new, ceiling);
        }
        if !knows_new || had_old {
            changes.set(old, ceiling);
        }
    }
    ask_usage(call, provider, members, changes);
}
