//! Chance that can be had again: `OKAP_SEED` gives the same run once more.

use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A small generator (splitmix64); its seed is printed.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Seeded by `OKAP_SEED`, else by the time.
    pub(crate) fn named(test: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        let seed = number("OKAP_SEED", now.into());
        println!("{test}: OKAP_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % end
    }

    pub(crate) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }
}

/// A number of the environment, for runs that are longer than usual.
pub(crate) fn number(name: &str, usual: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => usual,
    }
}
