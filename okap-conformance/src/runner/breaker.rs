/// Tests in a row without an answer after which the vault counts as gone.
const IN_A_ROW: usize = 3;

/// Ends a run whose vault does not answer any more.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    in_a_row: usize,
    open: bool,
}

impl Breaker {
    /// Takes note of a test: whether all its calls were answered in time.
    pub(super) fn saw(&mut self, answered: bool) {
        self.in_a_row = if answered { 0 } else { self.in_a_row.saturating_add(1) };
        self.open |= self.in_a_row >= IN_A_ROW;
    }

    /// Why no more tests run; `None` where they do.
    pub(super) fn why(&self) -> Option<String> {
        self.open.then(|| format!("{IN_A_ROW} tests in a row got no answer from the vault"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tests_in_a_row_without_an_answer_end_a_run() {
        let mut breaker = Breaker::default();
        for answered in [false, false, true, false, false] {
            breaker.saw(answered);
            assert_eq!(breaker.why(), None);
        }
        breaker.saw(false);
        assert!(breaker.why().is_some());
        breaker.saw(true);
        assert!(breaker.why().is_some(), "and it stays ended");
    }
}
