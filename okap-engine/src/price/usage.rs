//! What a call used.

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
