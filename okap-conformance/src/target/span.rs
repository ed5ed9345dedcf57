use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// A time such as `20ms` or `1.5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Reads `20ms` or `1.5s`.
///
/// # Errors
/// What a time looks like.
pub fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').ok_or("a time ends with ms or s")?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("{number} is not a number"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        span(&String::deserialize(d)?).map(Self).map_err(D::Error::custom)
    }
}
