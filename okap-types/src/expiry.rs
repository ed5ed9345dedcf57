//! Moments in UTC.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, OffsetDateTime, Time, UtcOffset, format_description::well_known::Rfc3339};

use crate::name::shortened;

/// Says why a text is not a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "date {0:?} is neither RFC 3339 with an offset nor YYYY-MM-DD, between the years 1970 and 2999"
)]
pub struct InvalidTimestamp(String);

/// A moment in UTC, exact to the millisecond, years 1970 to 2999.
///
/// Parsed from RFC 3339 with an offset, or from `YYYY-MM-DD` as that day's 00:00:00Z.
///
/// ```
/// use okap_types::Timestamp;
/// let day: Timestamp = "2027-03-01".parse()?;
/// assert_eq!(day.to_string(), "2027-03-01T00:00:00Z");
/// assert!("2027-03-01T00:00:00".parse::<Timestamp>().is_err());
/// # Ok::<(), okap_types::expiry::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 3000-01-01T00:00:00Z in milliseconds.
const END: i64 = 32_503_680_000_000;

impl Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z, brought into range.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        if millis < 0 {
            Self(0)
        } else if millis >= END {
            Self(END - 1)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// The moment that many seconds later, brought into range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole seconds from here until `later`, rounded up; 0 when it is past.
    #[must_use]
    pub fn seconds_until(self, later: Self) -> u64 {
        u64::try_from(later.0.saturating_sub(self.0)).map_or(0, |ms| ms.div_ceil(1000))
    }

    /// The same moment as a calendar date and time in UTC.
    #[must_use]
    pub fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        Self::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp(shortened(text)))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let moment = match text.len() {
        10 => OffsetDateTime::new_in_offset(date(text)?, Time::MIDNIGHT, UtcOffset::UTC),
        20..=35 if has_plain_form(text) => OffsetDateTime::parse(text, &Rfc3339).ok()?,
        _ => return None,
    };
    let moment = moment.checked_to_offset(UtcOffset::UTC)?;
    (1970..3000).contains(&moment.year()).then(|| moment.into())
}

/// The parser takes any separator, and a leap second has no place on our clock.
fn has_plain_form(text: &str) -> bool {
    matches!(text.get(10..11), Some("T" | "t" | " ")) && text.get(17..19) != Some("60")
}

fn date(text: &str) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| {
        text.get(range).filter(|s| s.bytes().all(|b| b.is_ascii_digit()))
    };
    if text.get(4..5) != Some("-") || text.get(7..8) != Some("-") {
        return None;
    }
    let month: u8 = number(5..7)?.parse().ok()?;
    Date::from_calendar_date(
        number(0..4)?.parse().ok()?,
        month.try_into().ok()?,
        number(8..10)?.parse().ok()?,
    )
    .ok()
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.utc().format(&Rfc3339).map_err(|_| fmt::Error)?;
        f.write_str(&moment)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// All but the length of the month and the last hours before 1970 and after 2999.
#[cfg(feature = "schema")]
const PATTERN: &str = concat!(
    "^(1969|19[7-9][0-9]|2[0-9]{3}|3000)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    r"([Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?",
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$",
);

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "RFC 3339 with an offset, or YYYY-MM-DD for that day's 00:00:00Z.",
            "type": "string",
            "pattern": PATTERN,
            "maxLength": 35,
            "examples": ["2027-03-01", "2027-03-01T00:00:00Z"],
        })
    }
}
