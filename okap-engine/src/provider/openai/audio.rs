//! `POST /audio/speech`, `POST /audio/transcriptions` and `POST /audio/translations`

use super::super::recording;
use crate::{
    provider::{
        Call,
        form::{Form, Part},
        json::Json,
        members::Body,
    },
    refusal::Refusal,
};

/// Longest text to speak, in characters; no provider takes more.
const LONGEST_TEXT: u64 = 65_536;
/// No second of audio has more tokens: they are of 40 ms and more.
const TOKENS_PER_SECOND: u64 = 25;
/// Silence before and behind.
const SECONDS: u64 = 30;
/// Tokens of what one recording says, at most.
const WRITTEN: u64 = 16_384;

const SPOKEN: &[&str] =
    &["model", "input", "voice", "instructions", "response_format", "speed", "stream_format"];
const TEXTS: &[&str] = &[
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
    "timestamp_granularities",
    "include[]",
    "include",
    "stream",
    "chunking_strategy",
];

/// A text to speak: counted in characters, or bounded by a slow voice, a second for each.
pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    let mut names = body.object().names();
    if let Some(other) = names.find(|name| !SPOKEN.contains(name) && body.get(name).is_some()) {
        return Err(Refusal::UnsupportedParameter(other.to_owned()));
    }
    let Some(Json::Text(input)) = body.get("input") else {
        return Err(Refusal::InvalidRequest("input is not a text".into()));
    };
    let characters = u64::try_from(input.chars().count()).unwrap_or(u64::MAX);
    if characters > LONGEST_TEXT {
        let text = format!("input is longer than {LONGEST_TEXT} characters");
        return Err(Refusal::InvalidRequest(text));
    }
    // a voice of the owner's own is an object
    if !matches!(body.get("voice"), None | Some(Json::Text(_))) {
        return Err(Refusal::UnsupportedParameter("voice (only by name)".into()));
    }
    call.stream = match body.get("stream_format").map(Json::as_text) {
        None | Some(Some("audio")) => false,
        Some(Some("sse")) => true,
        Some(_) => return Err(Refusal::UnsupportedParameter("stream_format".into())),
    };
    call.bytes_per_second = match body.get("response_format").map(Json::as_text) {
        Some(Some("wav" | "pcm")) => 48_000,
        Some(Some("flac")) => 10_000,
        Some(Some("opus")) => 2_000,
        None | Some(Some("mp3" | "aac")) => 4_000,
        Some(_) => return Err(Refusal::UnsupportedParameter("response_format".into())),
    };
    call.units.characters = characters;
    call.output_at_most = characters.saturating_add(SECONDS).saturating_mul(TOKENS_PER_SECOND);
    Ok(())
}

/// A recording to write down, bounded by how long its bytes can last.
pub(in crate::provider) fn read_form(call: &mut Call, parts: Vec<Part>) -> Result<Form, Refusal> {
    let form = Form::read(parts, TEXTS, &["file"])?;
    let file = form.files().next();
    let file = file.ok_or_else(|| Refusal::InvalidRequest("file is missing".into()))?;
    call.stream = form.flag("stream")?;
    match recording::seconds_at_most(&file.bytes) {
        Some(seconds) => call.units.seconds = seconds,
        None => {
            call.units.seconds = 1;
            call.unbounded = Some("file (under a money limit only wav and mp3)");
        }
    }
    let heard = call.units.seconds.saturating_add(1).saturating_mul(TOKENS_PER_SECOND * 2);
    call.prompt_at_most = form.text_bytes().saturating_add(heard);
    call.output_at_most = WRITTEN;
    Ok(form)
}
