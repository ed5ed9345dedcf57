//! The prices of one model, kind by kind.

use serde::{Deserialize, Serialize};

use super::rate::{Price, Rate};

/// The prices of one model in USD per million tokens, by kind of token; see [`Usage`](super::Usage) for the kinds.
///
/// A kind without a price of its own costs what `input` or `output` costs. Three are of other things: `characters`
/// of a text to speak in USD per million, `audio_hours` of a recording in USD per hour, `images` made in USD each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the members are those of Usage")]
pub struct Prices {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_video: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_audio_read: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_image: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_video: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_reasoning: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_hours: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Rate>,
}

impl Prices {
    /// Takes over every price that `other` names.
    pub(super) fn merge(&mut self, other: &Self) {
        for (own, new) in [
            (&mut self.input, &other.input),
            (&mut self.output, &other.output),
            (&mut self.cache_read, &other.cache_read),
            (&mut self.cache_write, &other.cache_write),
            (&mut self.cache_write_1h, &other.cache_write_1h),
            (&mut self.input_audio, &other.input_audio),
            (&mut self.input_image, &other.input_image),
            (&mut self.input_video, &other.input_video),
            (&mut self.cache_audio_read, &other.cache_audio_read),
            (&mut self.output_audio, &other.output_audio),
            (&mut self.output_image, &other.output_image),
            (&mut self.output_video, &other.output_video),
            (&mut self.output_reasoning, &other.output_reasoning),
        ] {
            if new.is_some() {
                own.clone_from(new);
            }
        }
        self.characters = other.characters.or(self.characters);
        self.audio_hours = other.audio_hours.or(self.audio_hours);
        self.images = other.images.or(self.images);
    }

    /// The highest rate of any kind of input token in calls of at most `input` prompt tokens; `None` without an input
    /// price.
    pub(super) fn highest_input(&self, input: u64) -> Option<Rate> {
        let base = self.input.as_ref()?.highest(input);
        let parts = [
            &self.cache_read,
            &self.cache_write,
            &self.cache_write_1h,
            &self.input_audio,
            &self.input_image,
            &self.input_video,
            &self.cache_audio_read,
        ];
        Some(highest(base, &parts, input))
    }

    /// The highest rate of any kind of output token in calls of at most `input` prompt tokens.
    pub(super) fn highest_output(&self, input: u64) -> Rate {
        let parts = [
            &self.output,
            &self.output_audio,
            &self.output_image,
            &self.output_video,
            &self.output_reasoning,
        ];
        highest(Rate::default(), &parts, input)
    }
}

fn highest(base: Rate, parts: &[&Option<Price>], input: u64) -> Rate {
    let rates = parts.iter().filter_map(|price| price.as_ref()).map(|price| price.highest(input));
    rates.fold(base, Rate::max)
}
