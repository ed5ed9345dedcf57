//! Amounts of money on the wire.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::name::shortened;

/// Says why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("money {0} is not an amount of 0 to 1000000 USD with at most 6 decimals, such as 10.50")]
pub struct InvalidMoney(String);

/// An amount in USD, 0 to 1,000,000, exact to 6 decimals.
///
/// On the wire a JSON number or a decimal string; parsed digit by digit, never through a float.
/// Written as a decimal string with at least 2 decimals.
///
/// ```
/// use okap_types::Money;
/// let cap: Money = serde_json::from_str("10.1")?;
/// assert_eq!(cap.micros(), 10_100_000);
/// assert_eq!(cap.to_string(), "10.10");
/// assert!("1e3".parse::<Money>().is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

impl Money {
    /// No paid use at all; never "unlimited".
    pub const ZERO: Self = Self(0);
    /// 1,000,000 USD.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// Whole dollars, at most [`Money::MAX`].
    #[must_use]
    pub const fn usd(dollars: u32) -> Self {
        let micros = dollars as u64 * 1_000_000;
        if micros > Self::MAX.0 { Self::MAX } else { Self(micros) }
    }

    /// Millionths of a dollar; `None` above [`Money::MAX`].
    #[must_use]
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// The amount in millionths of a dollar.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }
}

impl FromStr for Money {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, InvalidMoney> {
        parse(text).ok_or_else(|| InvalidMoney(shortened(text)))
    }
}

fn parse(text: &str) -> Option<Money> {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || !digits(fraction) || leading_zero || whole.len() > 7 || fraction.len() > 6
    {
        return None;
    }
    let scale = 10u64.checked_pow(6u32.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    let micros = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    Money::from_micros(micros.checked_add(fraction.parse::<u64>().ok()?.checked_mul(scale)?)?)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let (cents, rest) = fraction.split_at(2);
        write!(f, "{}.{cents}{}", self.0 / 1_000_000, rest.trim_end_matches('0'))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = Box::<RawValue>::deserialize(d)?;
        let text = match raw.get().strip_prefix('"') {
            Some(_) => serde_json::from_str::<String>(raw.get()).map_err(D::Error::custom)?,
            None => raw.get().to_owned(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "USD, 0 to 1000000, at most 6 decimals, written without exponent or sign \
                (a validator sees the number only); answers carry the string form. \
                0 is no paid use, never unlimited.",
            "oneOf": [
                {"type": "number", "minimum": 0, "maximum": 1_000_000},
                {
                    "type": "string",
                    "pattern": r"^((0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?|1000000(\.0{1,6})?)$",
                },
            ],
            "examples": ["10.00", 10.5],
        })
    }
}
