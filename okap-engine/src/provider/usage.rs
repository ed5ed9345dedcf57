//! What providers say was used, in their own words.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::price::Usage;

/// No second of sound has more tokens.
pub(super) const SOUND_TOKENS_PER_SECOND: u64 = 25;

/// Chat completions and embeddings count `prompt_tokens`, responses `input_tokens`; cached
/// tokens are part of either.
#[derive(Deserialize)]
struct OpenAiUsage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: u64,
    #[serde(alias = "output_tokens", default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    total_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details", alias = "input_token_details", default)]
    prompt_tokens_details: Option<Details>,
    #[serde(alias = "output_tokens_details", alias = "output_token_details", default)]
    completion_tokens_details: Option<Details>,
    /// DeepSeek's word for cached tokens.
    #[serde(default)]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    reasoning_tokens: Option<u64>,
    #[serde(default)]
    audio_tokens: Option<u64>,
    #[serde(default)]
    image_tokens: Option<u64>,
}

/// Reads OpenAI's count.
pub(super) fn openai(usage: &RawValue) -> Option<Usage> {
    OpenAiUsage::read(usage).map(OpenAiUsage::counted)
}

/// Reads OpenAI's count of an image. The end of a stream tells only the sum of the output, and
/// what is not known to be text is of the image.
pub(super) fn image(usage: &RawValue) -> Option<Usage> {
    let usage = OpenAiUsage::read(usage)?;
    let details = usage.completion_tokens_details.as_ref();
    let told = details.is_some_and(|details| details.image_tokens.is_some());
    let counted = usage.counted();
    Some(if told { counted } else { Usage { output_image: counted.output, ..counted } })
}

impl OpenAiUsage {
    fn read(usage: &RawValue) -> Option<Self> {
        let object = usage.get().starts_with('{');
        object.then(|| serde_json::from_str(usage.get()).ok()).flatten()
    }

    fn counted(self) -> Usage {
        let input = self.prompt_tokens_details.unwrap_or_default();
        let output = self.completion_tokens_details.unwrap_or_default();
        let (prompt, total) = (self.prompt_tokens, self.total_tokens.unwrap_or(0));
        let thought = output.reasoning_tokens.unwrap_or(0);
        // some servers leave thoughts out of the completion; the total has them
        let generated =
            self.completion_tokens.unwrap_or(0).max(total.saturating_sub(prompt)).max(thought);
        let part = |of: Option<u64>, whole: u64| of.unwrap_or(0).min(whole);
        Usage {
            input: prompt,
            cache_read: part(input.cached_tokens.or(self.prompt_cache_hit_tokens), prompt),
            input_audio: part(input.audio_tokens, prompt),
            input_image: part(input.image_tokens, prompt),
            output: generated,
            output_audio: part(output.audio_tokens, generated),
            output_image: part(output.image_tokens, generated),
            output_reasoning: thought,
            ..Usage::default()
        }
    }
}

/// Reads the seconds of a recording that is billed by its length.
pub(super) fn seconds(usage: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    struct Duration {
        // the second is Mistral's word
        #[serde(alias = "prompt_audio_seconds")]
        seconds: f64,
    }
    if !usage.get().contains("seconds\"") {
        return None;
    }
    let usage: Duration = serde_json::from_str(usage.get()).ok()?;
    Some(begun_seconds(usage.seconds))
}

/// Seconds, begun ones in full.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the ends"
)]
pub(super) fn begun_seconds(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

/// Anthropic counts cache reads and writes beside `input_tokens`, and repeats what it knows in
/// later events.
#[derive(Deserialize)]
struct AnthropicUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_1h_input_tokens: Option<u64>,
}

/// Reads Anthropic's count, over what an earlier event said.
pub(super) fn anthropic(usage: &RawValue, earlier: Option<Usage>) -> Option<Usage> {
    if !usage.get().starts_with('{') {
        return None;
    }
    let usage: AnthropicUsage = serde_json::from_str(usage.get()).ok()?;
    let earlier = earlier.unwrap_or_default();
    let beside =
        |u: &Usage| u.cache_read.saturating_add(u.cache_write).saturating_add(u.cache_write_1h);
    let plain =
        usage.input_tokens.unwrap_or_else(|| earlier.input.saturating_sub(beside(&earlier)));
    let cache_read = usage.cache_read_input_tokens.unwrap_or(earlier.cache_read);
    let hour = usage.cache_creation.unwrap_or_default().ephemeral_1h_input_tokens;
    let cache_write_1h = hour.unwrap_or(earlier.cache_write_1h);
    let cache_write = match usage.cache_creation_input_tokens {
        Some(all) => all.saturating_sub(cache_write_1h),
        None => earlier.cache_write,
    };
    let cached = cache_read.saturating_add(cache_write).saturating_add(cache_write_1h);
    Some(Usage {
        input: plain.saturating_add(cached),
        cache_read,
        cache_write,
        cache_write_1h,
        output: usage.output_tokens.unwrap_or(earlier.output),
        ..Usage::default()
    })
}

/// Google counts thoughts beside the candidates, and what tools read beside the prompt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GoogleUsage {
    #[serde(default)]
    prompt_token_count: Option<u64>,
    #[serde(default)]
    tool_use_prompt_token_count: Option<u64>,
    #[serde(default)]
    candidates_token_count: Option<u64>,
    #[serde(default)]
    thoughts_token_count: Option<u64>,
    #[serde(default)]
    cached_content_token_count: Option<u64>,
    #[serde(default)]
    total_token_count: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<Vec<Modality>>,
    #[serde(default)]
    cache_tokens_details: Option<Vec<Modality>>,
    #[serde(default)]
    candidates_tokens_details: Option<Vec<Modality>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    #[serde(default)]
    modality: String,
    #[serde(default)]
    token_count: u64,
}

impl GoogleUsage {
    /// Reads Google's count.
    pub(super) fn read(usage: &RawValue) -> Option<Usage> {
        if !usage.get().starts_with('{') {
            return None;
        }
        let usage: Self = serde_json::from_str(usage.get()).ok()?;
        let count = |count: Option<u64>| count.unwrap_or(0);
        let thought = count(usage.thoughts_token_count);
        let input = count(usage.prompt_token_count)
            .saturating_add(count(usage.tool_use_prompt_token_count));
        let total = count(usage.total_token_count);
        let said = count(usage.candidates_token_count).saturating_add(thought);
        // where the parts are left out, the total has them
        let output = said.max(total.saturating_sub(input));
        let of = |details: &Option<Vec<Modality>>, modality: &str| {
            let found = details.iter().flatten().filter(|part| part.modality == modality);
            found.fold(0, |sum: u64, part| sum.saturating_add(part.token_count))
        };
        let input_details = &usage.prompt_tokens_details;
        Some(Usage {
            input,
            cache_read: count(usage.cached_content_token_count).min(input),
            input_audio: of(input_details, "AUDIO").min(input),
            input_image: of(input_details, "IMAGE").min(input),
            input_video: of(input_details, "VIDEO").min(input),
            cache_audio_read: of(&usage.cache_tokens_details, "AUDIO"),
            output,
            output_audio: of(&usage.candidates_tokens_details, "AUDIO").min(output),
            output_image: of(&usage.candidates_tokens_details, "IMAGE").min(output),
            output_reasoning: thought,
            ..Usage::default()
        })
    }
}
