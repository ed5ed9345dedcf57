//! `POST /v1/audio/speech`, `/v1/audio/transcriptions` and `/v1/audio/translations`

use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, Report, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::Reply;

/// Tokens of a second of speech that is heard.
const HEARD: u64 = 10;
/// Bytes of sound for each character.
const SOUND: usize = 512;

pub(in crate::provider) fn read_speech(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?.unstreamed();
    let Some(input) = body.get("input").and_then(Value::as_str) else {
        return Err(ProviderError::invalid("Missing required parameter: 'input'.", "input"));
    };
    let characters = u64::try_from(input.chars().count()).unwrap_or(u64::MAX);
    if ask.model.starts_with("tts-") {
        ask.taken = Some(characters);
    } else {
        ask.prompt.input(&json!(input));
        ask.made = Some(characters);
    }
    Ok(ask)
}

pub(in crate::provider) fn sound(draft: &Draft<'_>) -> Reply {
    let characters = draft.body.get("input").and_then(Value::as_str).unwrap_or_default().chars();
    Reply::whole(200, "audio/mpeg", vec![0xff_u8; characters.count().saturating_mul(SOUND)])
}

pub(in crate::provider) fn read_recording(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?.unstreamed();
    let Some(seconds) = body.pointer("/file/seconds").and_then(Value::as_u64) else {
        return Err(ProviderError::invalid("Missing required parameter: 'file'.", "file"));
    };
    match by_second(&ask.model) {
        true => ask.taken = Some(seconds),
        false => {
            ask.taken = Some(seconds.saturating_mul(HEARD));
            ask.made = Some(2);
        }
    }
    Ok(ask)
}

pub(in crate::provider) fn written(draft: &Draft<'_>) -> Value {
    let usage =
        draft.usage.reported().map(|(prompt, completion)| match by_second(&draft.ask.model) {
            true => json!({ "type": "duration", "seconds": prompt }),
            false => json!({
                "type": "tokens", "input_tokens": prompt, "output_tokens": completion,
                "input_token_details": { "text_tokens": 0, "audio_tokens": prompt },
                "total_tokens": prompt.saturating_add(completion),
            }),
        });
    let usage = usage.filter(|_| draft.usage.report != Report::Absent);
    with_usage(json!({ "text": "You said: something" }), usage)
}

fn by_second(model: &str) -> bool {
    model.starts_with("whisper-")
}
