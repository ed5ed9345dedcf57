//! How long an answer of a site is fresh.

use std::time::Duration;

use http::{HeaderMap, header};

/// How long without a word of the server's.
const DEFAULT: u64 = 300;
/// Longest that a server's word counts.
const LONGEST: u64 = 86_400;

/// How long a client's document may be kept by the headers that it came with (RFC 9111): `max-age`
/// less `Age`, at most a day (OKAP-R-083), and 300 s where there is none (OKAP-R-084); nothing where
/// the server says `no-store` or `no-cache`, or says it in a way that cannot be read.
#[must_use]
pub fn fresh_for(headers: &HeaderMap) -> Duration {
    let mut lifetime = None::<u64>;
    for value in headers.get_all(header::CACHE_CONTROL) {
        let Ok(text) = value.to_str() else { return Duration::ZERO };
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => return Duration::ZERO,
                "max-age" => {
                    let seconds = seconds(value.trim().trim_matches('"')).unwrap_or(0);
                    lifetime = Some(lifetime.map_or(seconds, |other| other.min(seconds)));
                }
                _ => {}
            }
        }
    }
    let age = headers.get(header::AGE).and_then(|age| seconds(age.to_str().ok()?)).unwrap_or(0);
    let lifetime = lifetime.unwrap_or(DEFAULT).min(LONGEST);
    Duration::from_secs(lifetime.saturating_sub(age))
}

/// Digits; a number beyond all numbers is a very large one (RFC 9111 section 1.2.2).
fn seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_of(cache_control: &[&str], age: Option<&str>) -> u64 {
        let mut headers = HeaderMap::new();
        for value in cache_control {
            headers.append(header::CACHE_CONTROL, value.parse().unwrap());
        }
        if let Some(age) = age {
            headers.insert(header::AGE, age.parse().unwrap());
        }
        fresh_for(&headers).as_secs()
    }

    #[test]
    fn a_document_is_kept_as_long_as_its_server_says() {
        for (cache_control, expected) in [
            (&[][..], 300),
            (&["public"], 300),
            (&["max-age=60"], 60),
            (&["public, MAX-AGE=60, immutable"], 60),
            (&["max-age=\"60\""], 60),
            (&["max-age=0"], 0),
            (&["max-age=86400"], 86_400),
            (&["max-age=86401"], 86_400),
            (&["max-age=99999999999999999999999"], 86_400),
            (&["max-age=60", "max-age=30"], 30),
            (&["max-age=60, no-store"], 0),
            (&["no-cache"], 0),
            (&["max-age=60", "No-Cache=\"x\""], 0),
            (&["max-age=-1"], 0),
            (&["max-age=1h"], 0),
            (&["max-age"], 0),
            (&["xmax-age=7"], 300),
        ] {
            assert_eq!(seconds_of(cache_control, None), expected, "{cache_control:?}");
        }
    }

    #[test]
    fn what_was_kept_on_the_way_is_not_kept_again() {
        assert_eq!(seconds_of(&["max-age=60"], Some("20")), 40);
        assert_eq!(seconds_of(&["max-age=60"], Some("61")), 0);
        assert_eq!(seconds_of(&[], Some("299")), 1);
        assert_eq!(seconds_of(&["max-age=60"], Some("soon")), 60);
    }
}
