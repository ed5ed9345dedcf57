//! Prices as exact decimals.

use std::fmt;

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// USD per million tokens: a base, and other prices that apply above some number of input tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Written")]
pub(super) struct Amount {
    base: Decimal,
    tiers: Vec<Tier>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Tier {
    start: u64,
    price: Decimal,
}

/// How the snapshot writes an amount.
#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    Flat(Decimal),
    Tiered { base: Decimal, tiers: Vec<Tier> },
}

/// A number of 10^-24 USD, which holds every digit that the source writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Decimal(u128);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTiered {
    base: Box<RawValue>,
    tiers: Vec<RawTier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    start: u64,
    price: Box<RawValue>,
}

impl Amount {
    pub(super) fn read(raw: &RawValue) -> Result<Self> {
        if !raw.get().starts_with('{') {
            return Ok(Self { base: Decimal::read(raw)?, tiers: Vec::new() });
        }
        let RawTiered { base, tiers } = serde_json::from_str(raw.get())?;
        ensure!(tiers.is_sorted_by(|a, b| a.start < b.start), "tiers are not in ascending order");
        let tiers = tiers
            .iter()
            .map(|tier| Ok(Tier { start: tier.start, price: Decimal::read(&tier.price)? }));
        Ok(Self { base: Decimal::read(&base)?, tiers: tiers.collect::<Result<_>>()? })
    }

    pub(super) fn highest(&self, other: &Self) -> Self {
        self.combine(other, Ord::max)
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        self.combine(other, |a, b| Decimal(a.0.saturating_add(b.0)))
    }

    /// Whether the price is lower than another for prompts of any length.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        let mut starts = self.tiers.iter().chain(&other.tiers).map(|tier| tier.start);
        self.base < other.base && starts.all(|start| self.above(start) < other.above(start))
    }

    fn combine(&self, other: &Self, f: fn(Decimal, Decimal) -> Decimal) -> Self {
        let mut starts: Vec<u64> =
            self.tiers.iter().chain(&other.tiers).map(|tier| tier.start).collect();
        starts.sort_unstable();
        starts.dedup();
        let tier = |start| Tier { start, price: f(self.above(start), other.above(start)) };
        Self { base: f(self.base, other.base), tiers: starts.into_iter().map(tier).collect() }
    }

    fn above(&self, start: u64) -> Decimal {
        self.tiers
            .iter()
            .rev()
            .find(|tier| tier.start <= start)
            .map_or(self.base, |tier| tier.price)
    }
}

impl From<Amount> for Written {
    fn from(amount: Amount) -> Self {
        let Amount { base, tiers } = amount;
        if tiers.is_empty() { Self::Flat(base) } else { Self::Tiered { base, tiers } }
    }
}

impl Decimal {
    const PLACES: usize = 24;

    /// Reads the text of a JSON number, which must not pass through a float.
    fn read(raw: &RawValue) -> Result<Self> {
        let text = raw.get();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        ensure!(
            decimals.len() <= Self::PLACES,
            "price {text} has more than {} decimals",
            Self::PLACES
        );
        let number = format!("{whole}{decimals:0<width$}", width = Self::PLACES).parse();
        number.map(Self).with_context(|| format!("price {text} is not a plain decimal"))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u128.pow(24);
        let decimals = format!("{:024}", self.0 % unit);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / unit),
            decimals => write!(f, "{}.{decimals}", self.0 / unit),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(json: &str) -> Result<Amount> {
        Amount::read(&RawValue::from_string(json.to_owned())?)
    }

    #[test]
    fn every_digit_is_kept() {
        for (json, text) in [
            ("0.08333333333333334", r#""0.08333333333333334""#),
            ("0.50", r#""0.5""#),
            ("270", r#""270""#),
            ("0", r#""0""#),
        ] {
            assert_eq!(serde_json::to_string(&amount(json).unwrap()).unwrap(), text);
        }
        for json in ["1e-3", "1.5e3", "-1", "\"1\"", "null", "0.0000000000000000000000001"] {
            assert!(amount(json).is_err(), "{json}");
        }
    }

    #[test]
    fn amounts_with_other_tiers_combine_tier_by_tier() {
        let a = amount(r#"{"base":1,"tiers":[{"start":100,"price":5}]}"#).unwrap();
        let b = amount(r#"{"base":2,"tiers":[{"start":200,"price":3}]}"#).unwrap();
        let highest =
            r#"{"base":"2","tiers":[{"start":100,"price":"5"},{"start":200,"price":"5"}]}"#;
        assert_eq!(serde_json::to_string(&a.highest(&b)).unwrap(), highest);
        let sum = r#"{"base":"3","tiers":[{"start":100,"price":"7"},{"start":200,"price":"8"}]}"#;
        assert_eq!(serde_json::to_string(&a.plus(&b)).unwrap(), sum);
        assert!(!a.is_below(&b) && !b.is_below(&a) && !a.is_below(&a));
        assert!(amount("1").unwrap().is_below(&b) && !amount("2").unwrap().is_below(&b));
    }
}
