//! Percentiles of samples, and medians of rounds.

use std::time::Duration;

/// Measured spans, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample(Vec<u64>);

impl Sample {
    pub(super) fn push(&mut self, nanos: u64) {
        self.0.push(nanos);
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The span that this part of all stays below, in microseconds; 0 of an empty sample.
    pub(super) fn percentile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list"
        )]
        let place = ((sorted.len() as f64 * part).ceil() as usize).saturating_sub(1);
        micros(sorted.get(place).copied().unwrap_or_default())
    }

    /// How many are longer than this.
    pub(super) fn longer_than(&self, span: Duration) -> usize {
        self.0.iter().filter(|nanos| u128::from(**nanos) > span.as_nanos()).count()
    }

    /// The longest, in microseconds.
    pub(super) fn longest(&self) -> f64 {
        micros(self.0.iter().copied().max().unwrap_or_default())
    }
}

#[allow(clippy::cast_precision_loss, reason = "spans far below 2^52 ns")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

/// The median; of an even number the lower one of the middle, `None` of none.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_places_in_the_sorted_list() {
        let mut sample = Sample::default();
        (1..=100).rev().for_each(|n| sample.push(n * 1000));
        assert_eq!([0.5, 0.99, 1.0].map(|part| sample.percentile(part)), [50.0, 99.0, 100.0]);
        assert_eq!((sample.longest(), Sample::default().percentile(0.5)), (100.0, 0.0));
    }

    #[test]
    fn what_is_late_is_counted_and_what_is_just_in_time_is_not() {
        let mut sample = Sample::default();
        [4_999_999, 5_000_000, 5_000_001, 44_000_000]
            .into_iter()
            .for_each(|nanos| sample.push(nanos));
        assert_eq!(sample.longer_than(Duration::from_millis(5)), 2);
        assert_eq!(Sample::default().longer_than(Duration::ZERO), 0);
    }

    #[test]
    fn of_two_rounds_the_lower_one_is_the_median() {
        assert_eq!(median(vec![9.0, 1.0]), Some(1.0));
        assert_eq!(median(vec![7.0]), Some(7.0));
    }

    #[test]
    fn one_odd_round_does_not_move_the_median() {
        assert_eq!(median(vec![3.0, 1.0, 900.0]), Some(3.0));
        assert_eq!(median(vec![]), None);
    }
}
