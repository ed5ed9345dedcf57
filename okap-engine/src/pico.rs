//! Money as whole pico-USD.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Money in pico-USD (10^-12 USD), from 0 to about 18.4 million USD.
///
/// `Display` writes USD, exact, with at least two decimals; serde writes the whole number of pico-USD.
///
/// ```
/// use okap_engine::pico::Pico;
///
/// assert_eq!(Pico::new(123_000_000).to_string(), "0.000123");
/// assert_eq!(Pico::from_micros(10_000_000).unwrap_or_default().to_string(), "10.00");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Pico(u64);

impl Pico {
    /// No money.
    pub const ZERO: Self = Self(0);

    const PER_MICRO: u64 = 1_000_000;
    const PER_USD: u64 = 1_000_000_000_000;

    /// Takes a number of pico-USD.
    #[must_use]
    pub const fn new(pico: u64) -> Self {
        Self(pico)
    }

    /// Converts micro-USD (10^-6 USD, the finest step on the wire), `None` above 18.4 million USD.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Option<Self> {
        match micros.checked_mul(Self::PER_MICRO) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// Returns the number of pico-USD.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Adds two amounts, `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(pico) => Some(Self(pico)),
            None => None,
        }
    }

    /// Adds two amounts, and stops at the highest: a sum of charges then stays above every limit.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Subtracts, and stops at zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Pico {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:012}", self.0 % Self::PER_USD);
        let trimmed = decimals.trim_end_matches('0');
        write!(f, "{}.{trimmed:0<2}", self.0 / Self::PER_USD)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_in_usd_with_at_least_two_decimals() {
        for (pico, text) in [
            (0, "0.00"),
            (1, "0.000000000001"),
            (123_000_000, "0.000123"),
            (100_000_000_000, "0.10"),
            (120_000_000_000, "0.12"),
            (1_000_000_000_000, "1.00"),
            (10_500_000_000_000, "10.50"),
            (1_000_000_000_001, "1.000000000001"),
            (u64::MAX, "18446744.073709551615"),
        ] {
            assert_eq!(Pico::new(pico).to_string(), text);
        }
    }

    #[test]
    fn amounts_that_do_not_fit_are_refused() {
        assert_eq!(Pico::from_micros(u64::MAX), None);
        assert_eq!(Pico::new(u64::MAX).checked_add(Pico::new(1)), None);
        assert_eq!(Pico::new(u64::MAX).saturating_add(Pico::new(1)), Pico::new(u64::MAX));
        assert_eq!(Pico::new(1).saturating_sub(Pico::new(2)), Pico::ZERO);
        assert_eq!(Pico::from_micros(10_000_000), Some(Pico::new(10_000_000_000_000)));
    }

    proptest! {
        #[test]
        fn display_loses_nothing(pico: u64) {
            let text = Pico::new(pico).to_string();
            let (usd, decimals) = text.split_once('.').unwrap();
            prop_assert!((2..=12).contains(&decimals.len()));
            prop_assert!(decimals.len() == 2 || !decimals.ends_with('0'));
            let back: u128 = format!("{usd}{decimals:0<12}").parse().unwrap();
            prop_assert_eq!(back, u128::from(pico));
        }
    }
}
