//! `POST /v1/audio/speech`, `/v1/audio/transcriptions` and `/v1/audio/translations`

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::provider::ask::Ask;
use crate::provider::draft::{Draft, Report, with_usage};
use crate::provider::error::ProviderError;
use crate::provider::reply::{Frame, Reply, typed_sse};

/// Tokens of a second of speech that is heard.
const HEARD: u64 = 10;
/// Bytes of sound for each character.
const SOUND: usize = 512;
/// What is heard, whatever was said; one word is one token.
const TEXT: &str = "You said: something";
const WORDS: u64 = 3;

pub(in crate::provider) fn read_speech(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::new(body)?.unstreamed();
    let Some(input) = body.get("input").and_then(Value::as_str) else {
        return Err(ProviderError::invalid("Missing required parameter: 'input'.", "input"));
    };
    ask.stream = body.get("stream_format").and_then(Value::as_str) == Some("sse");
    if ask.stream && ask.model.starts_with("tts-") {
        let text = "'stream_format' 'sse' is not supported with this model.";
        return Err(ProviderError::invalid(text, "stream_format"));
    }
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
    Reply::whole(200, "audio/mpeg", vec![0xff_u8; characters(draft).saturating_mul(SOUND)])
}

/// A piece of sound for each character, and the usage.
pub(in crate::provider) fn sounds(draft: &Draft<'_>) -> Vec<Frame> {
    let audio = Base64::encode_string(&[0xff_u8; SOUND]);
    let piece = typed_sse(&json!({ "type": "speech.audio.delta", "audio": audio }));
    let mut frames = vec![Frame::new(piece, 1); characters(draft)];
    let usage = draft.usage.reported().map(|(prompt, completion)| {
        json!({
            "input_tokens": prompt, "output_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
        })
    });
    let done = with_usage(json!({ "type": "speech.audio.done" }), usage);
    frames.push(Frame::free(typed_sse(&done)));
    frames
}

fn characters(draft: &Draft<'_>) -> usize {
    let input = draft.body.get("input").and_then(Value::as_str);
    input.unwrap_or_default().chars().count()
}

pub(in crate::provider) fn read_recording(body: &Value) -> Result<Ask, ProviderError> {
    let mut ask = Ask::of_form(body)?;
    // what is billed by the second comes in one piece, whatever the form says
    ask.stream &= !by_second(&ask.model);
    let Some(seconds) = body.pointer("/file/seconds").and_then(Value::as_u64) else {
        return Err(ProviderError::invalid("Missing required parameter: 'file'.", "file"));
    };
    match by_second(&ask.model) {
        true => ask.taken = Some(seconds),
        false => {
            ask.taken = Some(seconds.saturating_mul(HEARD));
            ask.made = Some(WORDS);
        }
    }
    Ok(ask)
}

pub(in crate::provider) fn written(draft: &Draft<'_>) -> Value {
    with_usage(json!({ "text": TEXT }), heard(draft))
}

/// What is heard word by word, and all of it with the usage.
pub(in crate::provider) fn words(draft: &Draft<'_>) -> Vec<Frame> {
    let word = |word: &str| {
        let delta = json!({ "type": "transcript.text.delta", "delta": word });
        Frame::new(typed_sse(&delta), 1)
    };
    let mut frames: Vec<Frame> = TEXT.split_inclusive(' ').map(word).collect();
    let done = json!({ "type": "transcript.text.done", "text": TEXT });
    frames.push(Frame::free(typed_sse(&with_usage(done, heard(draft)))));
    frames
}

fn heard(draft: &Draft<'_>) -> Option<Value> {
    let usage =
        draft.usage.reported().map(|(prompt, completion)| match by_second(&draft.ask.model) {
            true => json!({ "type": "duration", "seconds": prompt }),
            false => json!({
                "type": "tokens", "input_tokens": prompt, "output_tokens": completion,
                "input_token_details": { "text_tokens": 0, "audio_tokens": prompt },
                "total_tokens": prompt.saturating_add(completion),
            }),
        });
    usage.filter(|_| draft.usage.report != Report::Absent)
}

fn by_second(model: &str) -> bool {
    model.starts_with("whisper-")
}
