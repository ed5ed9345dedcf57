//! What calls of one model cost, exactly and at most.

use super::kinds::Prices;
use super::rate::{Price, Rate};
use super::usage::Usage;
use crate::pico::Pico;

/// Millionths of a pico-USD in one pico-USD: rates are per million tokens.
const PER_PICO: u128 = 1_000_000;

/// What the calls of one model cost. Standard service: batch, flex and priority rates are not in it.
///
/// ```
/// use okap_engine::pico::Pico;
/// use okap_engine::price::{PriceBook, Usage};
///
/// let book = PriceBook::embedded()?;
/// let price = book.find("openai", "gpt-4o-mini").ok_or("no price")?;
/// let usage = Usage { input: 1_000, cache_read: 400, output: 50, ..Usage::default() };
/// let cost = price.cost(&usage).ok_or("overflow")?;
/// assert_eq!(cost.to_string(), "0.00015");
/// let most = price.bound(1_000, 50).ok_or("overflow")?;
/// assert!(most >= cost);
/// assert_eq!(price.affordable_output(most, 1_000), Some(50));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrice {
    pub(super) context_window: Option<u64>,
    pub(super) prices: Prices,
    pub(super) other: Vec<String>,
}

impl ModelPrice {
    /// Prices what a call used, rounded up to a whole pico-USD.
    ///
    /// # Behavior
    /// - The tier follows from all input tokens and prices the whole call.
    /// - A kind without its own rate costs the rate of its whole; an hour of cache never less than the usual time.
    /// - A reasoning token is charged once, as a part of the output.
    /// - Parts that claim more tokens than their whole are cut down to it, the cheapest first, so the cost stays
    ///   within [`bound`](Self::bound).
    /// - `None` when the cost does not fit a [`Pico`].
    /// - A model with a price for what it made or took (characters, hours, images) costs that and nothing else.
    /// - Tokens without a price have no cost: `None`, never 0.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Pico> {
        let prices = &self.prices;
        if let Some(cost) = self.by_unit(usage) {
            return cost;
        }
        let rate = |own: &Option<Price>, whole: Rate| {
            own.as_ref().map_or(whole, |price| price.at(usage.input))
        };

        let input = prices.input.as_ref()?.at(usage.input);
        let cache_read = rate(&prices.cache_read, input);
        let cache_write = rate(&prices.cache_write, input);
        let audio = rate(&prices.input_audio, input);
        let cached_audio = if prices.input_audio.is_some() { audio } else { cache_read };
        let both = usage.cache_audio_read.min(usage.cache_read).min(usage.input_audio);
        let prompt = charge(
            usage.input,
            input,
            [
                (usage.cache_read.saturating_sub(both), cache_read),
                (usage.cache_write, cache_write),
                (usage.cache_write_1h, rate(&prices.cache_write_1h, cache_write.max(input))),
                (usage.input_audio.saturating_sub(both), audio),
                (both, rate(&prices.cache_audio_read, cached_audio)),
                (usage.input_image, rate(&prices.input_image, input)),
                (usage.input_video, rate(&prices.input_video, input)),
            ],
        );

        let output = rate(&prices.output, Rate::default());
        let reply = charge(
            usage.output,
            output,
            [
                (usage.output_audio, rate(&prices.output_audio, output)),
                (usage.output_image, rate(&prices.output_image, output)),
                (usage.output_video, rate(&prices.output_video, output)),
                (usage.output_reasoning, rate(&prices.output_reasoning, output)),
            ],
        );
        whole_pico(prompt?.checked_add(reply?)?)
    }

    /// Prices what is counted in characters, seconds or images, where this model has a price for it.
    ///
    /// The inner `None` is a cost that does not fit a [`Pico`].
    #[must_use]
    pub fn by_unit(&self, usage: &Usage) -> Option<Option<Pico>> {
        let prices = &self.prices;
        // per million, per hour of 3,600 seconds, each
        let units = [
            (prices.characters, usage.characters, 1_000_000),
            (prices.audio_hours, usage.seconds, 3_600),
            (prices.images, usage.images, 1),
        ];
        let mut sum: Option<Option<Pico>> = None;
        for (rate, count, per) in units {
            let Some(rate) = rate.filter(|_| count > 0) else { continue };
            let cost = u64::try_from(rate.times(count).div_ceil(per)).ok().map(Pico::new);
            let sofar = sum.unwrap_or(Some(Pico::ZERO));
            sum = Some(sofar.zip(cost).and_then(|(one, other)| one.checked_add(other)));
        }
        sum
    }

    /// Whether input tokens have a price.
    #[must_use]
    pub const fn has_input_price(&self) -> bool {
        self.prices.input.is_some()
    }

    /// Returns what no call with at most so many input and output tokens can exceed.
    ///
    /// Every token is priced at the highest rate of any kind and of any tier that `input_at_most` reaches. `None`
    /// when that does not fit a [`Pico`].
    #[must_use]
    pub fn bound(&self, input_at_most: u64, output_at_most: u64) -> Option<Pico> {
        let prompt = self.prices.highest_input(input_at_most)?.times(input_at_most);
        let reply = self.prices.highest_output(input_at_most).times(output_at_most);
        whole_pico(prompt.checked_add(reply)?)
    }

    /// Returns the largest output for which [`bound`](Self::bound) is within `left`, in tokens.
    ///
    /// `None` when the input alone costs more than `left`; `u64::MAX` when output is free.
    #[must_use]
    pub fn affordable_output(&self, left: Pico, input_at_most: u64) -> Option<u64> {
        // ceil(x / PER_PICO) <= left exactly when x <= left * PER_PICO, and this product fits.
        let budget = u128::from(left.get()) * PER_PICO;
        let prompt = self.prices.highest_input(input_at_most)?.times(input_at_most);
        let rest = budget.checked_sub(prompt)?;
        let tokens = rest.checked_div(self.prices.highest_output(input_at_most).get().into());
        Some(tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(u64::MAX))
    }

    /// Returns the most tokens that prompt and reply may have together, where the data says it.
    #[must_use]
    pub fn context_window(&self) -> Option<u64> {
        self.context_window
    }

    /// Whether output tokens have a price. Without one they cost nothing, which is right for embeddings only.
    #[must_use]
    pub fn has_output_price(&self) -> bool {
        self.prices.output.is_some()
            || self.prices.output_audio.is_some()
            || self.prices.output_image.is_some()
    }

    /// Returns what the provider may bill beside tokens, such as `web_searches` or `audio_hours`.
    ///
    /// [`cost`](Self::cost) and [`bound`](Self::bound) do not contain it: a call that could cause it has to be
    /// refused under a money limit.
    pub fn other_charges(&self) -> impl Iterator<Item = &str> {
        self.other.iter().map(String::as_str)
    }
}

/// Prices `whole` tokens: its parts at their own rates, the dearest first, and what is left at `rate`.
fn charge<const N: usize>(whole: u64, rate: Rate, mut parts: [(u64, Rate); N]) -> Option<u128> {
    parts.sort_unstable_by_key(|&(_, rate)| std::cmp::Reverse(rate));
    let mut left = whole;
    let mut sum = 0_u128;
    for (tokens, rate) in parts {
        let counted = tokens.min(left);
        left = left.saturating_sub(counted);
        sum = sum.checked_add(rate.times(counted))?;
    }
    sum.checked_add(rate.times(left))
}

fn whole_pico(millionths: u128) -> Option<Pico> {
    u64::try_from(millionths.div_ceil(PER_PICO)).ok().map(Pico::new)
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::price::PriceBook;

    fn price(provider: &str, model: &str) -> &'static ModelPrice {
        PriceBook::embedded().unwrap().find(provider, model).unwrap()
    }

    fn cost(provider: &str, model: &str, usage: Usage) -> String {
        price(provider, model).cost(&usage).unwrap().to_string()
    }

    #[test]
    fn worked_examples_cost_what_the_price_lists_say() {
        let none = Usage::default();
        for (provider, model, usage, usd) in [
            // 600 x 0.15 + 400 x 0.075 + 50 x 0.60 USD per million
            (
                "openai",
                "gpt-4o-mini",
                Usage { input: 1_000, cache_read: 400, output: 50, ..none },
                "0.00015",
            ),
            // one token: 0.15 USD / 10^6 = 150,000 pico-USD
            ("openai", "gpt-4o-mini", Usage { input: 1, ..none }, "0.00000015"),
            // (10,000 - 9,000) x 2 + 5,000 x 0.20 + 3,000 x 2.50 + 1,000 x 4 + 500 x 10
            (
                "anthropic",
                "claude-sonnet-5",
                Usage {
                    input: 10_000,
                    cache_read: 5_000,
                    cache_write: 3_000,
                    cache_write_1h: 1_000,
                    output: 500,
                    ..none
                },
                "0.0195",
            ),
            // the tier of gpt-5.4 begins above 272,000 input tokens and prices all of them, and the output
            ("openai", "gpt-5.4", Usage { input: 272_000, output: 1_000, ..none }, "0.695"),
            ("openai", "gpt-5.4", Usage { input: 272_001, output: 1_000, ..none }, "1.382505"),
            (
                "openai",
                "gpt-5.4",
                Usage { input: 272_001, cache_read: 272_001, ..none },
                "0.1360005",
            ),
            ("openai", "text-embedding-3-small", Usage { input: 1_234_567, ..none }, "0.02469134"),
            // reasoning is in the output already
            ("openai", "gpt-5.4", Usage { output: 1_000, output_reasoning: 900, ..none }, "0.015"),
            // audio in 32, cached audio 0.40, text 4; audio out 64, text out 16
            (
                "openai",
                "gpt-realtime",
                Usage {
                    input: 100,
                    input_audio: 60,
                    cache_read: 30,
                    cache_audio_read: 20,
                    output: 10,
                    output_audio: 5,
                    ..none
                },
                // 40 x 32 + 20 x 0.4 + 10 x 0.4 + 30 x 4 + 5 x 64 + 5 x 16
                "0.001812",
            ),
            (
                "openai",
                "gpt-image-1",
                Usage { input: 10, input_image: 4, output: 100, ..none },
                "0.00407",
            ),
            // audio that the model has no price for costs what text costs
            ("openai", "gpt-4o-mini", Usage { input: 2, input_audio: 2, ..none }, "0.0000003"),
            ("openai", "gpt-4o-mini", none, "0.00"),
        ] {
            assert_eq!(cost(provider, model, usage), usd, "{model} {usage:?}");
        }
    }

    #[test]
    fn a_fraction_of_a_pico_is_rounded_up() {
        let prices = Prices { input: "0.0000001".parse().ok(), ..Prices::default() };
        let price = ModelPrice { prices, ..ModelPrice::default() };
        for (input, pico) in [(0, 0), (1, 1), (10, 1), (11, 2)] {
            let usage = Usage { input, ..Usage::default() };
            assert_eq!(price.cost(&usage), Some(Pico::new(pico)));
            assert_eq!(price.bound(input, 0), Some(Pico::new(pico)));
        }
    }

    #[test]
    fn the_bound_takes_the_dearest_kind_and_the_highest_tier_in_reach() {
        for (provider, model, input, output, usd) in [
            ("openai", "gpt-4o-mini", 1_000, 50, "0.00018"),
            ("anthropic", "claude-sonnet-5", 1_000, 100, "0.005"), // 4 for an hour of cache
            ("openai", "gpt-5.4", 272_000, 1_000, "0.695"),
            ("openai", "gpt-5.4", 272_001, 1_000, "1.382505"),
            ("openai", "gpt-realtime", 100, 10, "0.00384"), // 32 and 64 for audio
            ("google", "gemini-embedding-2", 1_000, 0, "0.012"), // 12 for video
        ] {
            assert_eq!(
                price(provider, model).bound(input, output).unwrap().to_string(),
                usd,
                "{model}"
            );
        }
    }

    #[test]
    fn an_hour_of_cache_without_a_price_costs_no_less_than_five_minutes() {
        let prices = Prices {
            input: "3".parse().ok(),
            cache_write: "3.75".parse().ok(),
            ..Prices::default()
        };
        let price = ModelPrice { prices, ..ModelPrice::default() };
        let usage = Usage { input: 2, cache_write_1h: 2, ..Usage::default() };
        assert_eq!(price.cost(&usage).unwrap().to_string(), "0.0000075");
    }

    #[test]
    fn a_cost_that_does_not_fit_is_none_and_never_wraps() {
        let prices = Prices {
            input: "18446744".parse().ok(),
            output: "18446744".parse().ok(),
            ..Prices::default()
        };
        let price = ModelPrice { prices, ..ModelPrice::default() };
        let usage = Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() };
        assert_eq!(price.cost(&usage), None);
        assert_eq!(price.bound(u64::MAX, u64::MAX), None);
        assert_eq!(price.affordable_output(Pico::new(u64::MAX), u64::MAX), None);
        assert_eq!(price.affordable_output(Pico::new(u64::MAX), 0), Some(1_000_000));
    }

    #[test]
    fn a_model_without_an_input_price_has_no_cost() {
        let prices = Prices { output: "1".parse().ok(), ..Prices::default() };
        let price = ModelPrice { prices, ..ModelPrice::default() };
        assert_eq!(price.cost(&Usage::default()), None);
        assert_eq!(price.bound(0, 0), None);
        assert_eq!(price.affordable_output(Pico::new(1), 0), None);
    }

    /// From nothing to more than any counter holds, with small numbers and tier starts among them.
    fn tokens() -> impl Strategy<Value = u64> {
        prop_oneof![0..5_u64, 0..2_000_000_u64, Just(100), Just(101), any::<u64>()]
    }

    fn a_price() -> impl Strategy<Value = Price> {
        let rate = prop_oneof![
            Just("0".to_owned()),
            Just("0.000000000001".to_owned()),
            (0..100_u32, 0..1000_u32).prop_map(|(usd, rest)| format!("{usd}.{rest:03}")),
            (0..18_446_744_u64).prop_map(|usd| usd.to_string()),
        ];
        let tiers = prop::collection::btree_map(
            prop_oneof![Just(100), 0..2_000_000_u64],
            rate.clone(),
            0..3,
        );
        (rate, tiers).prop_map(|(base, tiers)| {
            let tier = |(start, price)| serde_json::json!({ "start": start, "price": price });
            let tiers: Vec<_> = tiers.into_iter().map(tier).collect();
            serde_json::from_value(serde_json::json!({ "base": base, "tiers": tiers })).unwrap()
        })
    }

    fn model() -> impl Strategy<Value = ModelPrice> {
        let parts = prop::collection::vec(option::of(a_price()), 11);
        (a_price(), option::of(a_price()), parts).prop_map(|(input, output, parts)| {
            let mut parts = parts.into_iter();
            let mut part = || parts.next().flatten();
            let prices = Prices {
                input: Some(input),
                output,
                cache_read: part(),
                cache_write: part(),
                cache_write_1h: part(),
                input_audio: part(),
                input_image: part(),
                input_video: part(),
                cache_audio_read: part(),
                output_audio: part(),
                output_image: part(),
                output_video: part(),
                output_reasoning: part(),
                ..Prices::default()
            };
            ModelPrice { prices, ..ModelPrice::default() }
        })
    }

    fn usage() -> impl Strategy<Value = Usage> {
        prop::collection::vec(tokens(), 13).prop_map(|counts| {
            let mut counts = counts.into_iter();
            let mut count = || counts.next().unwrap();
            Usage {
                input: count(),
                cache_read: count(),
                cache_write: count(),
                cache_write_1h: count(),
                input_audio: count(),
                input_image: count(),
                input_video: count(),
                cache_audio_read: count(),
                output: count(),
                output_audio: count(),
                output_image: count(),
                output_video: count(),
                output_reasoning: count(),
                ..Usage::default()
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_usage_within_a_bound_costs_more(
            model in model(), usage in usage(), more_input in tokens(), more_output in tokens(),
        ) {
            let bound = model.bound(
                usage.input.saturating_add(more_input),
                usage.output.saturating_add(more_output),
            );
            if let Some(bound) = bound {
                prop_assert!(model.cost(&usage).is_some_and(|cost| cost <= bound));
            }
        }

        #[test]
        fn a_bound_grows_with_its_input_and_output(
            model in model(), input in tokens(), output in tokens(), more_input in tokens(), more_output in tokens(),
        ) {
            let wider = model.bound(input.saturating_add(more_input), output.saturating_add(more_output));
            if let Some(wider) = wider {
                prop_assert!(model.bound(input, output).is_some_and(|bound| bound <= wider));
            }
        }

        #[test]
        fn the_affordable_output_is_the_largest_that_fits(
            model in model(), left in tokens().prop_map(Pico::new), input in tokens(),
        ) {
            let fits = |output| model.bound(input, output).is_some_and(|bound| bound <= left);
            match model.affordable_output(left, input) {
                None => prop_assert!(!fits(0)),
                Some(u64::MAX) => prop_assert!(fits(u64::MAX)),
                Some(output) => prop_assert!(fits(output) && !fits(output + 1)),
            }
        }

        #[test]
        fn money_left_over_from_a_bound_buys_no_less(
            model in model(), input in tokens(), output in tokens(),
        ) {
            if let Some(bound) = model.bound(input, output) {
                prop_assert!(model.affordable_output(bound, input).is_some_and(|fits| fits >= output));
            }
        }

        #[test]
        fn parts_never_make_tokens_out_of_nothing(model in model(), usage in usage()) {
            let whole = Usage { input: 0, output: 0, ..usage };
            prop_assert_eq!(model.cost(&whole), Some(Pico::ZERO));
        }
    }
}
