//! What one kind of token costs: exact rates, read from decimal text and never from a float.

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// USD per million tokens, in steps of 10^-12 USD.
///
/// It is read from a decimal such as `"0.075"`, in serde a string or a whole number: a float cannot hold most
/// prices. More than twelve decimals are rounded up. The highest rate is 18,446,744 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    const DECIMALS: usize = 12;

    /// Prices `tokens`, in millionths of a pico-USD.
    pub(super) fn times(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }

    /// The rate in pico-USD per million tokens.
    pub(super) fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || text.len() > 64 {
            return Err(RateError::NotDecimal(text.chars().take(64).collect()));
        }
        let kept: String = decimals.chars().take(Self::DECIMALS).collect();
        let rounds_up = decimals.bytes().skip(Self::DECIMALS).any(|digit| digit != b'0');
        format!("{whole}{kept:0<width$}", width = Self::DECIMALS)
            .parse::<u64>()
            .ok()
            .and_then(|rate| rate.checked_add(u64::from(rounds_up)))
            .map(Self)
            .ok_or_else(|| RateError::TooHigh(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A rate counts in the steps that money counts in, so it is written like money.
        crate::pico::Pico::new(self.0).fmt(f)
    }
}

/// Text that is not a price in USD per million tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// Not digits with at most one point between them.
    #[error("price \"{0}\" is not a plain decimal like \"0.15\"")]
    NotDecimal(String),
    /// Above the highest rate.
    #[error("price \"{0}\" is above 18446744 USD per million tokens")]
    TooHigh(String),
}

/// The price of one kind of token: a base rate, and other rates that apply to long prompts.
///
/// In serde it is a [`Rate`], or `{"base": "2.5", "tiers": [{"start": 272000, "price": "5"}]}` with ascending
/// starts. A prompt of more than `start` tokens is priced at that tier from its first token on.
///
/// ```
/// use okap_engine::price::Price;
///
/// let price: Price = "0.15".parse()?;
/// assert_eq!(price.to_string(), "0.15");
/// # Ok::<(), okap_engine::price::RateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    base: Rate,
    tiers: Vec<Tier>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    start: u64,
    price: Rate,
}

impl Price {
    /// The rate for a call with `input` prompt tokens.
    pub(super) fn at(&self, input: u64) -> Rate {
        let reached = self.tiers.iter().rev().find(|tier| input > tier.start);
        reached.map_or(self.base, |tier| tier.price)
    }

    /// The highest rate for any call with at most `input` prompt tokens.
    pub(super) fn highest(&self, input: u64) -> Rate {
        let reachable = self.tiers.iter().filter(|tier| input > tier.start);
        reachable.fold(self.base, |rate, tier| rate.max(tier.price))
    }
}

impl From<Rate> for Price {
    fn from(base: Rate) -> Self {
        Self { base, tiers: Vec::new() }
    }
}

impl FromStr for Price {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        text.parse::<Rate>().map(Self::from)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        let mut tiers = self.tiers.iter();
        tiers.try_for_each(|tier| write!(f, ", {} above {} tokens", tier.price, tier.start))
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.tiers.is_empty() {
            return self.base.serialize(serializer);
        }
        TieredRef { base: self.base, tiers: &self.tiers }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

#[derive(Serialize)]
struct TieredRef<'a> {
    base: Rate,
    tiers: &'a [Tier],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tiered {
    base: Rate,
    tiers: Vec<Tier>,
}

struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price in USD per million tokens as a quoted decimal, like \"0.15\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, usd: u64) -> Result<Rate, E> {
        self.visit_str(&usd.to_string())
    }

    fn visit_i64<E: de::Error>(self, usd: i64) -> Result<Rate, E> {
        self.visit_str(&usd.to_string())
    }
}

struct PriceVisitor;

impl<'de> Visitor<'de> for PriceVisitor {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RateVisitor.expecting(f)?;
        f.write_str(", or a base price with tiers")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Price, E> {
        RateVisitor.visit_str(text).map(Price::from)
    }

    fn visit_u64<E: de::Error>(self, usd: u64) -> Result<Price, E> {
        RateVisitor.visit_u64(usd).map(Price::from)
    }

    fn visit_i64<E: de::Error>(self, usd: i64) -> Result<Price, E> {
        RateVisitor.visit_i64(usd).map(Price::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
        let Tiered { base, tiers } = Tiered::deserialize(MapAccessDeserializer::new(map))?;
        if !tiers.is_sorted_by(|one, next| one.start < next.start) {
            return Err(de::Error::custom("price tiers are not in ascending order of start"));
        }
        Ok(Price { base, tiers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_rounded_up_past_twelve_places() {
        for (text, rate) in [
            ("0", 0),
            ("8", 8_000_000_000_000),
            ("0.075", 75_000_000_000),
            ("0.000000000001", 1),
            ("0.0000000000010", 1),
            ("0.0000000000011", 2),
            ("0.08333333333333334", 83_333_333_334),
            ("18446744.073709551615", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Rate(rate)), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_price_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.2.3", " 1", "١", "NaN"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::NotDecimal(text.to_owned())));
        }
        for text in ["18446744.073709551616", "18446744.0737095516151", "99999999"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError::TooHigh(text.to_owned())));
        }
        assert!("0".repeat(65).parse::<Rate>().is_err());
    }

    #[test]
    fn serde_takes_strings_and_whole_numbers_but_no_floats() {
        let read = |json: &str| serde_json::from_str::<Price>(json).map_err(|e| e.to_string());
        assert_eq!(read(r#""0.15""#), Ok("0.15".parse().unwrap()));
        assert_eq!(read("8"), Ok("8".parse().unwrap()));
        assert!(read("0.15").unwrap_err().contains("as a quoted decimal"));
        assert!(read("-1").unwrap_err().contains("not a plain decimal"));
        let tiered = r#"{"base":"2.50","tiers":[{"start":272000,"price":"5.00"}]}"#;
        let price = read(tiered).unwrap();
        assert_eq!(price.to_string(), "2.50, 5.00 above 272000 tokens");
        assert_eq!(serde_json::to_string(&price).unwrap(), tiered);
        let unsorted = r#"{"base":"1","tiers":[{"start":2,"price":"5"},{"start":2,"price":"6"}]}"#;
        assert!(read(unsorted).unwrap_err().contains("ascending"));
    }

    #[test]
    fn a_tier_applies_above_its_start() {
        let json = r#"{"base":"2","tiers":[{"start":10,"price":"1"},{"start":20,"price":"3"}]}"#;
        let price: Price = serde_json::from_str(json).unwrap();
        let rate = |text: &str| text.parse::<Rate>().unwrap();
        for (input, at, highest) in [(10, "2", "2"), (11, "1", "2"), (20, "1", "2"), (21, "3", "3")]
        {
            assert_eq!((price.at(input), price.highest(input)), (rate(at), rate(highest)));
        }
    }
}
