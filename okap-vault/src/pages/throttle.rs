//! How often a password may be wrong.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use okap_types::Timestamp;

/// Wrong passwords that one source may send in a minute.
const WRONG: usize = 5;
/// Seconds after which a wrong password is forgotten.
const WINDOW: i64 = 60;
/// Sources that are remembered; above, strangers wait.
const REMEMBERED: usize = 4_096;

/// Remembers who got the password wrong, in memory.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_source: Mutex<HashMap<Source, Vec<Timestamp>>>,
}

/// Where an attempt came from: an address, or an IPv6 network of 64 bits, which one host has to
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(Option<IpAddr>);

impl From<Option<IpAddr>> for Source {
    fn from(peer: Option<IpAddr>) -> Self {
        Self(peer.map(|peer| match peer.to_canonical() {
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 => v4,
        }))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ip) => ip.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

impl Source {
    /// Whether it is the computer that the vault is on; its IPv6 address is kept as its network.
    fn is_here(self) -> bool {
        self.0.is_some_and(|ip| ip.is_loopback() || ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }
}

impl Attempts {
    /// Lets an attempt begin, or says how many seconds to wait.
    ///
    /// It counts as wrong until [`right`](Self::right) is called, so that attempts side by side
    /// are counted too.
    pub(super) fn begin(&self, source: Source, now: Timestamp) -> Result<(), u64> {
        let mut by_source = self.by_source.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Timestamp| at.plus_seconds(WINDOW) > now;
        // the owner at the vault's own computer is never shut out by others
        let here = source.is_here();
        if by_source.len() >= REMEMBERED && !by_source.contains_key(&source) && !here {
            by_source.retain(|_, wrong| wrong.iter().any(recent));
            if by_source.len() >= REMEMBERED {
                return Err(WINDOW.unsigned_abs());
            }
        }
        let wrong = by_source.entry(source).or_default();
        wrong.retain(recent);
        match wrong.first() {
            Some(first) if wrong.len() >= WRONG => {
                Err(now.seconds_until(first.plus_seconds(WINDOW)).max(1))
            }
            _ => {
                wrong.push(now);
                Ok(())
            }
        }
    }

    /// The password was right: the source starts afresh.
    pub(super) fn right(&self, source: Source) {
        self.by_source.lock().unwrap_or_else(PoisonError::into_inner).remove(&source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    fn source(text: &str) -> Source {
        Some(text.parse().unwrap()).into()
    }

    #[test]
    fn five_wrong_passwords_in_a_minute_are_borne() {
        let attempts = Attempts::default();
        let here = source("192.0.2.1");
        for second in 0..5 {
            assert_eq!(attempts.begin(here, at(second)), Ok(()));
        }
        assert_eq!(attempts.begin(here, at(5)), Err(55));
        assert_eq!(attempts.begin(source("192.0.2.2"), at(5)), Ok(()));
        assert_eq!(attempts.begin(here, at(60)), Ok(()));
        assert_eq!(attempts.begin(here, at(60)), Err(1));
    }

    #[test]
    fn the_right_password_clears_the_source() {
        let attempts = Attempts::default();
        let here = source("192.0.2.1");
        for _ in 0..20 {
            assert_eq!(attempts.begin(here, at(0)), Ok(()));
            attempts.right(here);
        }
    }

    #[test]
    fn hosts_of_one_ipv6_network_count_together() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..REMEMBERED {
            let ip = Ipv6Addr::from(u128::try_from(n).unwrap() << 64);
            assert_eq!(attempts.begin(Some(IpAddr::V6(ip)).into(), at(0)), Ok(()));
        }
        assert_eq!(attempts.begin(source("192.0.2.1"), at(59)), Err(60));
        for here in ["127.0.0.1", "::1"] {
            assert_eq!(attempts.begin(source(here), at(59)), Ok(()), "{here}");
        }
        assert_eq!(attempts.begin(source("192.0.2.1"), at(60)), Ok(()));
    }
}
