//! What a call used.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a provider says one call used: tokens, and what some models count instead of them.
///
/// `input` counts every prompt token and `output` every generated one; all other members are parts of these two,
/// so a cached token is counted in `input` and again in `cache_read`. Where a provider reports parts beside its
/// input count (Anthropic's cache tokens, Google's thinking), the meter adds them before it fills this in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Every prompt token: text, audio, images, cached or not.
    pub input: u64,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache for the usual time (Anthropic: 5 minutes), without `cache_write_1h`.
    pub cache_write: u64,
    /// Prompt tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Prompt tokens that are audio.
    pub input_audio: u64,
    /// Prompt tokens that are images.
    pub input_image: u64,
    /// Prompt tokens that are video.
    pub input_video: u64,
    /// Prompt tokens that are audio and were read from the cache: counted in `input_audio` and in `cache_read`.
    pub cache_audio_read: u64,
    /// Every generated token: text, reasoning, audio, images.
    pub output: u64,
    /// Generated tokens that are audio.
    pub output_audio: u64,
    /// Generated tokens that are images.
    pub output_image: u64,
    /// Generated tokens that are video.
    pub output_video: u64,
    /// Generated tokens that are hidden reasoning.
    pub output_reasoning: u64,
    /// Characters of a text that was spoken.
    #[serde(skip_serializing_if = "is_zero")]
    pub characters: u64,
    /// Seconds of a recording that was written down, begun ones in full.
    #[serde(skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// Images that were made.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// The counts that are not zero, in order of name.
    #[must_use]
    pub fn counted(&self) -> Vec<(Cow<'static, str>, u64)> {
        // nearly every call has these two alone, and this is asked of each
        if *self == (Self { input: self.input, output: self.output, ..Self::default() }) {
            let both = [(Cow::Borrowed("input"), self.input), ("output".into(), self.output)];
            return both.into_iter().filter(|(_, count)| *count > 0).collect();
        }
        let Ok(serde_json::Value::Object(all)) = serde_json::to_value(self) else {
            // a struct of numbers is always an object
            return Vec::new();
        };
        let counts =
            all.into_iter().filter_map(|(name, count)| Some((name.into(), count.as_u64()?)));
        let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
        counts.sort();
        counts
    }
}
