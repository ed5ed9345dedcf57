//! The two clocks: one that only runs forward, and the calendar.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use okap_types::Timestamp;

/// The moment after a time that an answer states, at most ten years.
pub(crate) fn after(time: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    now.checked_add(time.min(TEN_YEARS)).unwrap_or(now)
}

/// What this computer's calendar says.
pub(crate) fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// How long it is from `now` to `end`; zero when it is past.
pub(crate) fn between(now: Timestamp, end: Timestamp) -> Duration {
    let millis = end.unix_millis().saturating_sub(now.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
