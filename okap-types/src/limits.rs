//! How much a grant may use.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};

use crate::{Money, object::ObjectOnly};

/// A positive whole number up to 2^31 - 1: requests, or tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count(
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 2_147_483_647)))] u32,
);

impl Count {
    /// The largest count, 2^31 - 1.
    pub const MAX: u32 = i32::MAX as u32;

    /// A count of 1 to 2^31 - 1; `None` outside.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        if value == 0 || value > Self::MAX { None } else { Some(Self(value)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_u64(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 1 to {}", Count::MAX)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
        let count = u32::try_from(value).ok().and_then(Count::new);
        count.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(value), &self))
    }
}

/// Caps on one details object. An absent cap is no cap; a cap of 0 money is no paid use.
///
/// Windows: a day is a UTC day, a month a UTC calendar month, a minute any 60 seconds.
///
/// ```
/// use okap_types::{Limits, Money};
/// let limits = Limits::monthly(Money::usd(10)).per_minute(60);
/// assert_eq!(serde_json::to_string(&limits)?, r#"{"monthly_spend":"10.00","requests_per_minute":60}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// USD in a UTC calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    pub monthly_spend: Option<Money>,
    /// USD in a UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    pub daily_spend: Option<Money>,
    /// Requests in any 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    pub requests_per_minute: Option<Count>,
    /// Requests in a UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    pub requests_per_day: Option<Count>,
    /// Prompt bound plus output bound of one call, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    pub tokens_per_request: Option<Count>,
}

impl Limits {
    /// A cap on money in a calendar month.
    #[must_use]
    pub fn monthly(money: Money) -> Self {
        Self { monthly_spend: Some(money), ..Self::default() }
    }

    /// A cap on money in a day.
    #[must_use]
    pub fn daily(money: Money) -> Self {
        Self { daily_spend: Some(money), ..Self::default() }
    }

    /// Adds a cap on requests in any 60 seconds; 0 and values over 2^31 - 1 become the nearest cap.
    #[must_use]
    pub fn per_minute(self, requests: u32) -> Self {
        Self { requests_per_minute: Some(nearest(requests)), ..self }
    }

    /// Adds a cap on requests in a UTC day; 0 and values over 2^31 - 1 become the nearest cap.
    #[must_use]
    pub fn per_day(self, requests: u32) -> Self {
        Self { requests_per_day: Some(nearest(requests)), ..self }
    }

    /// Whether any cap is on money.
    #[must_use]
    pub fn has_money(&self) -> bool {
        self.monthly_spend.is_some() || self.daily_spend.is_some()
    }

    /// Whether no cap here is above, or missing beside, one of `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        fn low<T: Ord>(ours: Option<T>, theirs: Option<T>) -> bool {
            match (ours, theirs) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(ours), Some(theirs)) => ours <= theirs,
            }
        }
        low(self.monthly_spend, other.monthly_spend)
            && low(self.daily_spend, other.daily_spend)
            && low(self.requests_per_minute, other.requests_per_minute)
            && low(self.requests_per_day, other.requests_per_day)
            && low(self.tokens_per_request, other.tokens_per_request)
    }
}

const fn nearest(requests: u32) -> Count {
    match Count::new(requests) {
        Some(count) => count,
        None if requests == 0 => Count(1),
        None => Count(Count::MAX),
    }
}

/// Reads a member that may be absent but not null: a null cap would read as "no cap".
pub(crate) fn present<'de, D, T>(d: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(d).map(Some)
}

/// Caps as they stand in a request: unknown members are refused.
#[derive(Deserialize)]
#[serde(remote = "Limits", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "AskedLimits"))]
#[allow(dead_code, reason = "serde and schemars read the fields")]
pub(crate) struct StrictLimits {
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    monthly_spend: Option<Money>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Money"))]
    daily_spend: Option<Money>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    requests_per_minute: Option<Count>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    requests_per_day: Option<Count>,
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "schema", schemars(with = "Count"))]
    tokens_per_request: Option<Count>,
}

impl StrictLimits {
    /// Reads caps from an object (`deserialize_with`).
    pub(crate) fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Limits, D::Error> {
        Self::deserialize(ObjectOnly(d))
    }
}
