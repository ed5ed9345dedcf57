//! What a fake provider is started with.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// How the fake provider is set up. [`Config::default`] is a good start.
#[derive(Clone)]
pub struct Config {
    /// Address to bind. Default `127.0.0.1:0`, any free port of this machine only.
    pub listen: String,
    /// The one key that both providers accept. Default: a fresh canary, see [`Config::canary`].
    pub master_key: String,
    /// The models that exist, and what they cost. Names that begin with `claude` are
    /// Anthropic's, those that begin with `gemini` Google's.
    pub prices: BTreeMap<String, Price>,
    /// How prompt tokens are counted.
    pub counting: Counting,
    /// How answers are given unless a rule says otherwise.
    pub manner: Manner,
    /// Holds every answer until this many calls have arrived.
    pub barrier: Option<usize>,
}

impl Config {
    /// A new master key that occurs nowhere else, so that any sight of it is a leak.
    ///
    /// It is unique, not secret: it opens nothing but this fake.
    #[must_use]
    pub fn canary() -> String {
        let random = || RandomState::new().hash_one(std::process::id());
        format!("sk-okapconf-{:016x}{:016x}", random(), random())
    }

    /// The price of `model`, also when it is named by its dated snapshot.
    pub(super) fn price(&self, model: &str) -> Option<Price> {
        self.prices
            .iter()
            .find(|(name, _)| *name == model || snapshot(name) == model)
            .map(|(_, price)| *price)
    }
}

impl Default for Config {
    fn default() -> Self {
        let prices = [
            ("gpt-4o-mini", Price::new(150_000, 600_000)),
            ("gpt-4o", Price::new(2_500_000, 10_000_000)),
            ("text-embedding-3-small", Price::new(20_000, 0)),
            ("claude-sonnet-5", Price::new(2_000_000, 10_000_000)),
            ("gpt-3.5-turbo-instruct", Price::new(1_500_000, 2_000_000)),
            ("gpt-image-1", Price::new(5_000_000, 40_000_000)),
            // 0.04 USD an image
            ("dall-e-3", Price::new(0, 40_000_000_000)),
            // 15 USD a million characters
            ("tts-1", Price::new(15_000_000, 0)),
            ("gpt-4o-mini-tts", Price::new(600_000, 12_000_000)),
            // 0.006 USD a minute
            ("whisper-1", Price::new(100_000_000, 0)),
            ("gpt-4o-transcribe", Price::new(6_000_000, 10_000_000)),
            ("omni-moderation-latest", Price::new(0, 0)),
            ("gemini-2.5-flash", Price::new(300_000, 2_500_000)),
            ("gemini-embedding-001", Price::new(150_000, 0)),
        ];
        Self {
            listen: "127.0.0.1:0".to_owned(),
            master_key: Self::canary(),
            prices: prices.map(|(name, price)| (name.to_owned(), price)).into(),
            counting: Counting::default(),
            manner: Manner::default(),
            barrier: None,
        }
    }
}

/// Price of one token in pico-USD (10⁻¹² USD): 1 USD per million tokens is 1 000 000.
///
/// Models that count other things have them in the place of tokens: characters to speak (`tts-1`)
/// and seconds to write down (`whisper-1`) as the prompt, images made (`dall-e-3`) as the completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Pico-USD for a prompt token.
    pub input_pico: u64,
    /// Pico-USD for a completion token.
    pub output_pico: u64,
}

impl Price {
    /// A price per prompt token and per completion token, both in pico-USD.
    #[must_use]
    pub fn new(input_pico: u64, output_pico: u64) -> Self {
        Self { input_pico, output_pico }
    }

    /// What a call costs, in pico-USD. A sum beyond 64 bits stays at the largest value.
    pub(super) fn cost(self, prompt: u64, completion: u64) -> u64 {
        let input = self.input_pico.saturating_mul(prompt);
        input.saturating_add(self.output_pico.saturating_mul(completion))
    }
}

/// How prompt tokens are counted: `ceil(bytes / bytes_per_token)`, plus a fixed number for each
/// message (system text and instructions count as one) and for each image.
#[derive(Clone, Copy, Debug)]
pub struct Counting {
    /// Bytes of text in one token. Default 4; 0 counts as 1.
    pub bytes_per_token: u64,
    /// Tokens added for each message. Default 3; embeddings have no messages.
    pub per_message: u64,
    /// Tokens added for each image. Default 85.
    pub per_image: u64,
}

impl Default for Counting {
    fn default() -> Self {
        Self { bytes_per_token: 4, per_message: 3, per_image: 85 }
    }
}

/// How an answer is given.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Words of an answer, one token each. Default 12. A prompt with `say 30 words` overrides it.
    pub words: u64,
    /// Wait before the answer begins.
    pub delay: Duration,
    /// Wait before each word, also when the answer is not streamed.
    pub chunk_delay: Duration,
    /// Sends the body one byte at a time.
    pub one_byte: bool,
    /// Sends an event that is not ASCII one byte at a time, others whole.
    pub within: bool,
    /// Ends the lines of a stream with CR LF.
    pub crlf: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            words: 12,
            delay: Duration::ZERO,
            chunk_delay: Duration::ZERO,
            one_byte: false,
            within: false,
            crlf: false,
        }
    }
}

/// The dated name under which a provider answers for an alias.
pub(super) fn snapshot(model: &str) -> &str {
    match model {
        "gpt-4o-mini" => "gpt-4o-mini-2024-07-18",
        "gpt-4o" => "gpt-4o-2024-08-06",
        other => other,
    }
}
