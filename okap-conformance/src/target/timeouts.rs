use std::time::Duration;

use serde::Deserialize;

use super::Span;

/// For the way to a provider that is silent and back, beside what the vault waits for it.
pub const WAY: Duration = Duration::from_secs(4);

/// How long the suite waits: `10s`, `500ms`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For an answer.
    pub request: Span,
    /// For a decision to be seen.
    pub consent: Span,
    /// For a revocation to take effect.
    pub revoke_effect: Span,
    /// For a provider's answer to begin: how long the vault is set up to wait for it. Nothing is
    /// usual here; see [`waits_for_provider`](Self::waits_for_provider).
    pub provider: Option<Span>,
    /// For the vault to be ready.
    pub launch: Span,
    /// For one test.
    pub test: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = |n| Span(Duration::from_secs(n));
        Self {
            request: seconds(15),
            consent: seconds(10),
            revoke_effect: seconds(1),
            provider: None,
            launch: seconds(20),
            test: seconds(60),
        }
    }
}

impl Timeouts {
    /// How long the vault waits for a provider's answer to begin.
    ///
    /// # Errors
    /// Why that cannot be tested: it is not said, or the suite itself would not wait so long.
    pub fn waits_for_provider(&self) -> Result<Duration, String> {
        let Some(Span(provider)) = self.provider else {
            return Err(
                "[timeouts] provider does not say how long the vault waits for a provider, \
                        such as 8s"
                    .to_owned(),
            );
        };
        match provider.saturating_add(WAY) >= self.request.0 {
            true => Err(format!(
                "[timeouts] request is {} s, and has to be over {} s more than provider, which is {} s",
                self.request.0.as_secs_f32(),
                WAY.as_secs(),
                provider.as_secs_f32()
            )),
            false => Ok(provider),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_provider_is_waited_for_where_the_suite_would_hear_of_it() {
        let with = |provider: Option<u64>| {
            let provider = provider.map(|seconds| Span(Duration::from_secs(seconds)));
            Timeouts { provider, ..Timeouts::default() }.waits_for_provider()
        };
        assert_eq!(with(Some(8)), Ok(Duration::from_secs(8)));
        assert_eq!(with(Some(10)), Ok(Duration::from_secs(10)));
        assert!(with(Some(11)).unwrap_err().contains("request is 15 s"));
        assert!(with(None).unwrap_err().contains("[timeouts] provider does not say"));
    }
}
