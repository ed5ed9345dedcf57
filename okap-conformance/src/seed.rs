//! One number from which every nonce, order and delay of a run comes.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    str::FromStr,
};

/// What a run is repeated by. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// A seed that no run had before.
    #[must_use]
    pub fn fresh() -> Self {
        Self(RandomState::new().hash_one(std::process::id()))
    }

    /// The seed of a part, by its name.
    #[must_use]
    pub fn of(self, part: &str) -> Self {
        let mixed = part.bytes().fold(self.0, |state, byte| mix(state ^ u64::from(byte)));
        Self(mix(mixed))
    }

    /// Twelve letters and digits that stand nowhere else.
    #[must_use]
    pub fn word(self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letter = |at: u32| {
            let index = usize::try_from((self.0 >> (5 * at)) & 31).unwrap_or_default();
            LETTERS.get(index).copied().map_or('a', char::from)
        };
        (0..12).map(letter).collect()
    }

    /// A number below `end`; 0 where that is 0.
    #[must_use]
    pub fn below(self, end: u64) -> u64 {
        self.0.checked_rem(end).unwrap_or_default()
    }

    /// Puts items into another order.
    pub fn shuffle<T>(self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let draw = self.of(&at.to_string()).below(u64::try_from(at).unwrap_or(u64::MAX) + 1);
            items.swap(at, usize::try_from(draw).unwrap_or_default());
        }
    }
}

/// The step of SplitMix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = u64::from_str_radix(text, 16);
        read.map(Self).map_err(|_| format!("{text:?} is no seed: up to 16 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_again_and_each_part_something_else() {
        let seed: Seed = "00000000000000ff".parse().unwrap();
        assert_eq!(seed.to_string().parse(), Ok(seed));
        assert_eq!(seed.of("a").word(), seed.of("a").word());
        assert_ne!(seed.of("a").word(), seed.of("b").word());
        assert_ne!(seed.of("ab"), seed.of("ba"));
        assert!("".parse::<Seed>().is_err() && "xyz".parse::<Seed>().is_err());
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Seed(7).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
