//! The price book: what each provider's models cost per token, character, hour or image.
//!
//! Prices are data (`data/prices.json`, made by xtask from the `genai-prices` crate) and integers throughout. A model
//! that the book does not list has no price, and no model without a price for what it takes is ever found: the caller
//! refuses it under a money limit, it never counts as free.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use self::kinds::Prices;
pub use self::model::ModelPrice;
pub use self::rate::{Price, Rate, RateError};
pub use self::usage::Usage;

use self::clause::Clause;

mod clause;
mod kinds;
mod model;
mod rate;
mod usage;

/// Prices by provider and model.
///
/// ```
/// use okap_engine::price::{Override, PriceBook};
///
/// let book = PriceBook::embedded()?;
/// assert!(book.find("anthropic", "claude-sonnet-5").is_some());
/// assert!(book.find("ollama", "llama3.2").is_none());
///
/// let mine: Override = serde_json::from_str(
///     r#"{"provider": "ollama", "model": "llama3.2", "prices": {"input": "0", "output": "0"}}"#,
/// )?;
/// let book = book.with_overrides(&[mine]);
/// assert!(book.find("ollama", "llama3.2").is_some());
/// assert!(book.version().ends_with("+overrides"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PriceBook {
    version: String,
    providers: BTreeMap<String, Shelf>,
}

/// The models of one provider, in the order in which their clauses are tried.
#[derive(Clone, Debug, Default)]
struct Shelf {
    listings: Vec<Listing>,
    by_id: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Listing {
    id: String,
    clauses: Vec<Clause>,
    price: Arc<ModelPrice>,
}

/// Prices that a user sets for one model, over those of the book.
///
/// Only the prices it names change, so a discount on `input` leaves `output` as it is; a price of `"0"` says that
/// the model is free. In TOML: `{ provider = "openai", model = "gpt-4o", prices = { input = "2", output = "8" } }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The provider's name in OKAP, such as `openai`.
    pub provider: String,
    /// The model's exact id.
    pub model: String,
    /// The most tokens that prompt and reply may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// USD per million tokens.
    pub prices: Prices,
}

/// Price data that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("price data is not readable")]
pub struct PriceError(#[source] Arc<serde_json::Error>);

impl PriceBook {
    /// Returns the prices that this build carries. The first call reads them, which takes milliseconds.
    ///
    /// # Errors
    /// When the data cannot be read, which the tests of this crate rule out.
    pub fn embedded() -> Result<&'static Self, PriceError> {
        static BOOK: OnceLock<Result<PriceBook, PriceError>> = OnceLock::new();
        let book = BOOK.get_or_init(|| Self::parse(include_str!("../data/prices.json")));
        book.as_ref().map_err(Clone::clone)
    }

    /// Reads a snapshot in the format of `data/prices.json`.
    ///
    /// # Errors
    /// When the text is not such a snapshot, has a member that this version does not know, or a price that is not
    /// a decimal.
    pub fn parse(json: &str) -> Result<Self, PriceError> {
        let snapshot: Snapshot = serde_json::from_str(json).map_err(|e| PriceError(Arc::new(e)))?;
        Ok(Self {
            version: format!("{} {} ({})", snapshot.source, snapshot.version, snapshot.in_force),
            providers: snapshot
                .providers
                .into_iter()
                .map(|(name, rows)| (name, rows.into_iter().map(Listing::from).collect()))
                .collect(),
        })
    }

    /// Copies the book with a user's own prices put over it; of two for one model the later wins, price by price.
    ///
    /// A model that the book knows under another name (`gpt-4o-mini-2024-07-18`) starts from the prices found
    /// for it.
    #[must_use]
    pub fn with_overrides(&self, overrides: &[Override]) -> Self {
        let mut book = self.clone();
        for own in overrides {
            book.providers.entry(own.provider.clone()).or_default().set(own);
        }
        if !overrides.is_empty() && !book.version.ends_with("+overrides") {
            book.version.push_str(" +overrides");
        }
        book
    }

    /// Names the data: its source, the source's version, and the day of its newest price.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Finds the price of a model: by its exact id, else by the first clause that fits its name.
    ///
    /// Upper and lower case are the same. `None` when the model is not listed or has no price for anything it takes.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&ModelPrice> {
        self.listing(provider, model).map(|listing| &*listing.price)
    }

    /// As [`find`](Self::find), to be kept beside the book.
    #[must_use]
    pub fn find_shared(&self, provider: &str, model: &str) -> Option<Arc<ModelPrice>> {
        self.listing(provider, model).map(|listing| listing.price.clone())
    }

    fn listing(&self, provider: &str, model: &str) -> Option<&Listing> {
        let shelf = self.providers.get(provider)?;
        let small = !model.bytes().any(|byte| byte.is_ascii_uppercase());
        let listing = match small {
            true => shelf.find(model),
            false => shelf.find(&model.to_ascii_lowercase()),
        };
        listing.filter(|listing| listing.is_priced())
    }

    /// Lists the ids of a provider's models that have a price.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = &str> {
        let listings = self.providers.get(provider).map(|shelf| shelf.listings.iter());
        listings
            .into_iter()
            .flatten()
            .filter(|listing| listing.is_priced())
            .map(|listing| listing.id.as_str())
    }
}

impl Shelf {
    fn find(&self, name: &str) -> Option<&Listing> {
        match self.by_id.get(name) {
            Some(&index) => self.listings.get(index),
            None => self
                .listings
                .iter()
                .find(|listing| listing.clauses.iter().any(|clause| clause.fits(name))),
        }
    }

    fn set(&mut self, own: &Override) {
        let name = own.model.to_ascii_lowercase();
        if !self.by_id.contains_key(&name) {
            let price = self.find(&name).map(|listing| listing.price.clone()).unwrap_or_default();
            self.push(Listing { id: own.model.clone(), clauses: Vec::new(), price });
        }
        let listing = self.by_id.get(&name).and_then(|&index| self.listings.get_mut(index));
        if let Some(listing) = listing {
            let price = Arc::make_mut(&mut listing.price);
            price.prices.merge(&own.prices);
            price.context_window = own.context_window.or(price.context_window);
        }
    }

    fn push(&mut self, listing: Listing) {
        self.by_id.entry(listing.id.to_ascii_lowercase()).or_insert(self.listings.len());
        self.listings.push(listing);
    }
}

impl FromIterator<Listing> for Shelf {
    fn from_iter<I: IntoIterator<Item = Listing>>(listings: I) -> Self {
        let mut shelf = Self::default();
        listings.into_iter().for_each(|listing| shelf.push(listing));
        shelf
    }
}

impl Listing {
    /// A listing without a price stays in the book: it keeps looser clauses after it from pricing its model.
    fn is_priced(&self) -> bool {
        let prices = &self.price.prices;
        let by_unit = [prices.characters, prices.audio_hours, prices.images];
        prices.input.is_some() || by_unit.iter().any(Option::is_some)
    }
}

/// The file as xtask writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    source: String,
    version: String,
    #[serde(rename = "licence")]
    _licence: String,
    in_force: String,
    providers: BTreeMap<String, Vec<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    #[serde(default, rename = "match")]
    clauses: Vec<Clause>,
    #[serde(default)]
    context_window: Option<u64>,
    #[serde(default)]
    prices: Prices,
    #[serde(default)]
    other: Vec<String>,
}

impl From<Row> for Listing {
    fn from(row: Row) -> Self {
        let Row { id, clauses, context_window, prices, other } = row;
        Self { id, clauses, price: Arc::new(ModelPrice { context_window, prices, other }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USED: Usage = Usage {
        input: 1_000_000,
        cache_read: 0,
        cache_write: 0,
        cache_write_1h: 0,
        input_audio: 0,
        input_image: 0,
        input_video: 0,
        cache_audio_read: 0,
        output: 0,
        output_audio: 0,
        output_image: 0,
        output_video: 0,
        output_reasoning: 0,
        characters: 0,
        seconds: 0,
        images: 0,
    };

    fn book() -> &'static PriceBook {
        PriceBook::embedded().unwrap()
    }

    fn own(provider: &str, model: &str, prices: &str) -> Override {
        Override {
            provider: provider.to_owned(),
            model: model.to_owned(),
            context_window: None,
            prices: serde_json::from_str(prices).unwrap(),
        }
    }

    /// The cost of a million input tokens and a million output tokens.
    fn costs(book: &PriceBook, provider: &str, model: &str) -> Option<(String, String)> {
        let price = book.find(provider, model)?;
        let million = |usage| price.cost(&usage).map(|cost| cost.to_string());
        let output = Usage { input: 0, output: 1_000_000, ..USED };
        Some((million(USED)?, million(output)?))
    }

    #[test]
    fn the_embedded_data_is_readable_and_names_its_source() {
        assert!(book().version().starts_with("genai-prices 0.2.1 ("), "{}", book().version());
        for provider in
            ["anthropic", "cohere", "google", "groq", "mistral", "openai", "openrouter", "together"]
        {
            assert!(book().models(provider).count() > 5, "{provider}");
        }
        assert_eq!(book().models("nobody").count(), 0);
        for (provider, shelf) in &book().providers {
            assert_eq!(shelf.by_id.len(), shelf.listings.len(), "{provider} lists a model twice");
            for listing in &shelf.listings {
                let clauses = format!("{:?}", listing.clauses);
                let text = clauses.split('"').skip(1).step_by(2);
                assert!(text.clone().all(|text| text == text.to_lowercase()), "{clauses}");
                assert!(!text.clone().any(str::is_empty), "{clauses}");
            }
        }
    }

    #[test]
    fn every_listed_model_is_found_by_its_id_and_costs_something() {
        for provider in book().providers.keys() {
            for model in book().models(provider) {
                let price = book().find(provider, model).unwrap();
                if !price.has_input_price() {
                    let made = Usage { characters: 1, seconds: 1, ..Usage::default() };
                    let cost = price.cost(&made).unwrap();
                    assert!(cost > crate::pico::Pico::ZERO, "{provider} {model}");
                    continue;
                }
                assert!(price.cost(&USED).unwrap() > crate::pico::Pico::ZERO, "{provider} {model}");
                assert!(price.bound(1_000, 1_000) >= price.cost(&Usage { input: 1_000, ..USED }));
            }
        }
    }

    #[test]
    fn names_are_matched_exactly_then_by_clause_in_any_case() {
        let same = |provider: &str, one: &str, other: &str| {
            let found = book().find(provider, one);
            assert!(found.is_some(), "{one}");
            assert_eq!(found, book().find(provider, other), "{one} {other}");
        };
        same("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini");
        same("openai", "GPT-4o-Mini", "gpt-4o-mini");
        same("openai", "gpt-5.6-luna-2026-07-09", "gpt-5.6-luna");
        same("anthropic", "claude-sonnet-5-20260131", "claude-sonnet-5");
        same("anthropic", "claude-opus-5@20260131", "claude-opus-5");
        same("google", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro");
        same("google", "gemini-3.5-flash-001", "gemini-3.5-flash");
        same("openrouter", "openai/gpt-5.6-luna-20260709", "openai/gpt-5.6-luna");
        let pro = book().find("google", "gemini-2.5-pro");
        assert_ne!(book().find("google", "gemini-2.5-pro-preview-tts"), pro);
    }

    #[test]
    fn models_without_a_price_are_not_found() {
        for (provider, model) in [
            ("openai", "dall-e-3"),
            ("openai", "gpt-live-1"),
            ("openai", "no-such-model"),
            ("openai", ""),
            ("google", "gemma-3"),
            ("mistral", "mistral-ocr-latest"),
            ("openrouter", "deepseek/deepseek-r1:free"),
            ("openrouter", "anthropic/claude-sonnet-5:online"),
            ("ollama", "llama3.2"),
            ("replicate", "meta/llama"),
        ] {
            assert!(book().find(provider, model).is_none(), "{provider} {model}");
        }
        assert!(!book().models("openai").any(|id| id == "gpt-live-1"));
    }

    #[test]
    fn an_embeddings_model_has_no_output_price_and_a_chat_model_has() {
        let has = |provider, model| book().find(provider, model).unwrap().has_output_price();
        assert!(!has("openai", "text-embedding-3-small"));
        assert!(!has("cohere", "embed-v4.0"));
        assert!(has("openai", "gpt-4o-mini"));
    }

    #[test]
    fn charges_beside_tokens_are_named() {
        let price = book().find("openai", "gpt-5.4").unwrap();
        assert_eq!(price.other_charges().collect::<Vec<_>>(), ["storage_searches", "web_searches"]);
        assert_eq!(price.context_window(), Some(1_050_000));
    }

    #[test]
    fn an_override_wins_price_by_price() {
        let discount = own("openai", "GPT-5.4", r#"{"input":"2"}"#);
        let changed = book().with_overrides(&[discount]);
        assert_eq!(costs(book(), "openai", "gpt-5.4"), Some(("5.00".into(), "15.00".into())));
        assert_eq!(costs(&changed, "openai", "gpt-5.4"), Some(("2.00".into(), "15.00".into())));
        assert_eq!(
            costs(&changed, "openai", "gpt-5.4-2026-03-05"),
            costs(&changed, "openai", "gpt-5.4")
        );
        assert_eq!(changed.version(), format!("{} +overrides", book().version()));
        assert_eq!(changed.with_overrides(&[own("a", "b", "{}")]).version(), changed.version());
        assert_eq!(book().with_overrides(&[]).version(), book().version());
    }

    #[test]
    fn an_override_of_an_alias_starts_from_its_model_and_leaves_that_alone() {
        let changed =
            book().with_overrides(&[own("openai", "gpt-4o-mini-2024-07-18", r#"{"output":"1"}"#)]);
        assert_eq!(
            costs(&changed, "openai", "gpt-4o-mini-2024-07-18"),
            Some(("0.15".into(), "1.00".into()))
        );
        assert_eq!(
            costs(&changed, "openai", "gpt-4o-mini"),
            costs(book(), "openai", "gpt-4o-mini")
        );
    }

    #[test]
    fn an_override_prices_what_the_book_does_not_know() {
        let local = own("ollama", "llama3.2", r#"{"input":"0","output":0}"#);
        let half = own("openai", "brand-new", r#"{"output":"1"}"#);
        let whole = own("openai", "brand-new", r#"{"input":"0.5"}"#);
        let changed = book().with_overrides(&[local, half.clone()]);
        assert_eq!(costs(&changed, "ollama", "llama3.2"), Some(("0.00".into(), "0.00".into())));
        assert_eq!(changed.models("ollama").collect::<Vec<_>>(), ["llama3.2"]);
        assert!(changed.find("openai", "brand-new").is_none(), "an output price alone is no price");
        let changed = changed.with_overrides(&[whole]);
        assert_eq!(costs(&changed, "openai", "brand-new"), Some(("0.50".into(), "1.00".into())));
    }

    #[test]
    fn an_override_with_a_misspelt_member_or_a_float_is_refused() {
        let read = |json: &str| serde_json::from_str::<Override>(json).map_err(|e| e.to_string());
        let misspelt = r#"{"provider":"openai","model":"x","prices":{"input":"1","ouput":"2"}}"#;
        assert!(read(misspelt).unwrap_err().contains("ouput"));
        let float = r#"{"provider":"openai","model":"x","prices":{"input":0.1}}"#;
        assert!(read(float).unwrap_err().contains("as a quoted decimal"));
    }

    #[test]
    fn data_of_another_format_is_an_error_with_its_cause() {
        use std::error::Error;
        let error = PriceBook::parse(r#"{"source":1}"#).unwrap_err();
        assert_eq!(error.to_string(), "price data is not readable");
        assert!(error.source().is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn an_override_wins_for_any_model(pick: prop::sample::Index, usd in 0..1_000_u32) {
            let models: Vec<_> =
                book().providers.keys().flat_map(|p| book().models(p).map(move |m| (p, m))).collect();
            let (provider, model) = models[pick.index(models.len())];
            let text = format!("{usd}.00");
            let changed = book().with_overrides(&[
                own(provider, model, r#"{"input":"1"}"#),
                own(provider, model, &format!(r#"{{"input":"{text}","output":"{text}"}}"#)),
            ]);
            prop_assert_eq!(costs(&changed, provider, model), Some((text.clone(), text)));
        }
    }
}
