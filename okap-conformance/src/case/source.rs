//! Where a test calls from. A vault bounds what waits for one source, so each test has one of its own.

use std::net::Ipv4Addr;

use super::Case;
use crate::seed::Seed;

impl Case {
    /// Another source than that of the test; on a system with one loopback address the same.
    #[must_use]
    pub fn elsewhere(&self) -> Ipv4Addr {
        of(self.seed.of(&self.nonce()))
    }
}

/// One of 16 million addresses of this computer: 127.0.0.0/8 without its ends.
pub(super) fn of(seed: Seed) -> Ipv4Addr {
    let byte = |part: &str| u8::try_from(seed.of(part).below(254)).unwrap_or_default() + 1;
    Ipv4Addr::new(127, byte("b"), byte("c"), byte("d"))
}
