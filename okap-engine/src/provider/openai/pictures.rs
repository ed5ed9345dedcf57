//! `POST /images/generations` and `POST /images/edits`

use crate::{
    provider::{
        Call,
        form::{Form, Part},
        images,
        json::Json,
        members::Body,
    },
    refusal::Refusal,
};

/// Most images of one call.
const MOST: u64 = 10;
/// Pixels of the largest image where the call leaves the size open.
const PIXELS: u64 = 1_536 * 1_024;
/// No image has more tokens than its pixels by this: at the best quality they have 252 each.
const PIXELS_PER_TOKEN: u64 = 128;
/// Tokens of an image beside its pixels, such as what is said of it.
const TOKENS: u64 = 2_048;
/// Tokens of an early look at an image, beside the image's own.
const PARTIAL_TOKENS: u64 = 100;
/// Most early looks at one image.
const MOST_PARTIAL: u64 = 3;

const TEXTS: &[&str] = &[
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "input_fidelity",
    "moderation",
    "response_format",
    "style",
    "user",
    "stream",
    "partial_images",
];
const FILES: &[&str] = &["image", "image[]", "mask"];

pub(super) fn read(call: &mut Call, body: &Body<'_>) -> Result<(), Refusal> {
    if !matches!(body.get("prompt"), Some(Json::Text(_))) {
        return Err(Refusal::InvalidRequest("prompt is not a text".into()));
    }
    let names = body.object().names();
    if let Some(other) =
        names.into_iter().find(|name| !TEXTS.contains(name) && body.get(name).is_some())
    {
        return Err(Refusal::UnsupportedParameter(other.to_owned()));
    }
    let size = match body.get("size") {
        None => None,
        Some(Json::Text(size)) => Some(size.as_ref()),
        Some(_) => return Err(Refusal::InvalidRequest("size is not a text".into())),
    };
    call.stream = body.get("stream") == Some(&Json::Bool(true));
    let partial = match body.get("partial_images") {
        None => Some(0),
        Some(partial) => partial.as_count(),
    };
    bound(call, body.count("n")?, partial, size)
}

/// An edit: its pictures are read as tokens, or billed with the one that is made.
pub(in crate::provider) fn read_form(call: &mut Call, parts: Vec<Part>) -> Result<Form, Refusal> {
    let form = Form::read(parts, TEXTS, FILES)?;
    let seen = u64::try_from(form.files().count()).unwrap_or(u64::MAX);
    if seen == 0 {
        return Err(Refusal::InvalidRequest("image is missing".into()));
    }
    call.prompt_at_most = form.text_bytes().saturating_add(images::tokens(seen)?);
    call.stream = form.flag("stream")?;
    let partial = form.text("partial_images")?.map_or(Some(0), |text| text.parse().ok());
    bound(call, form.count("n")?, partial, form.text("size")?)?;
    Ok(form)
}

fn bound(
    call: &mut Call,
    n: Option<u64>,
    partial: Option<u64>,
    size: Option<&str>,
) -> Result<(), Refusal> {
    let n = n.unwrap_or(1);
    if n > MOST {
        return Err(Refusal::InvalidRequest(format!("n is above {MOST}")));
    }
    // so does OpenAI, and the count at the end of a stream is that of one image
    if call.stream && n > 1 {
        let text = "a stream brings one image: leave out n, or stream";
        return Err(Refusal::InvalidRequest(text.to_owned()));
    }
    let partial = partial.filter(|partial| *partial <= MOST_PARTIAL).ok_or_else(|| {
        let text = format!("partial_images is not a whole number from 0 to {MOST_PARTIAL}");
        Refusal::InvalidRequest(text)
    })?;
    let pixels = match size {
        None | Some("auto") => PIXELS,
        Some(size) => pixels(size).ok_or_else(|| {
            Refusal::InvalidRequest("size is neither auto nor width x height up to 8192".into())
        })?,
    };
    let tokens = (pixels.max(PIXELS) / PIXELS_PER_TOKEN)
        .saturating_add(TOKENS)
        .saturating_add(partial * PARTIAL_TOKENS);
    call.output_at_most = tokens.saturating_mul(n);
    call.units.images = n;
    // a picture does not tell its tokens: uncounted, it may have all of them
    call.hidden_output = true;
    Ok(())
}

fn pixels(size: &str) -> Option<u64> {
    let side = |text: &str| text.parse::<u64>().ok().filter(|side| (1..=8_192).contains(side));
    let (width, height) = size.split_once('x')?;
    side(width)?.checked_mul(side(height)?)
}
