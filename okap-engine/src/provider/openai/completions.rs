//! `POST /completions`

use super::{embeddings::plain, finish, usage_asked};
use crate::{
    provider::{Call, json::Json, members::Body},
    refusal::Refusal,
};

/// Most answers of one call, over all its prompts.
const MOST_ANSWERS: u64 = 2_048;

/// Every prompt gets `n` answers, and `best_of` are made and billed for it.
pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    let prompts = match body.get("prompt") {
        Some(Json::Text(_)) => 1,
        // a list of numbers is one prompt
        Some(Json::List(list)) if list.iter().all(|one| matches!(one, Json::Count(_))) => 1,
        Some(prompt @ Json::List(list)) if plain(prompt, 0) => {
            u64::try_from(list.len()).unwrap_or(u64::MAX)
        }
        Some(_) => return Err(Refusal::InvalidRequest("prompt is neither text nor tokens".into())),
        None => return Err(Refusal::InvalidRequest("prompt is missing".into())),
    };
    body.refuse(&["max_completion_tokens", "max_output_tokens", "messages", "input"])?;
    call.ceiling = body.count("max_tokens")?;
    let shown = body.count("n")?.unwrap_or(1);
    let made = body.count("best_of")?.unwrap_or(1).max(shown);
    call.answers = prompts.saturating_mul(made);
    if call.answers > MOST_ANSWERS {
        return Err(Refusal::InvalidRequest(format!(
            "prompts times n or best_of are above {MOST_ANSWERS}"
        )));
    }
    finish(call, body, 0)?;
    // a stream shows `n` of what `best_of` makes
    call.hidden_output |= made > shown;
    call.shown = prompts.saturating_mul(shown);
    usage_asked(call, body)
}
