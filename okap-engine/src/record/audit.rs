use okap_types::{GrantId, Provider, Timestamp};
use serde::{Deserialize, Serialize};

use super::Owner;

/// One line of the audit: a call that was let through, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When it was admitted.
    pub at: Timestamp,
    /// Under which grant.
    pub grant: GrantId,
    /// Whose key it used.
    pub owner: Owner,
    /// Who runs the model.
    pub provider: Provider,
    /// Which model.
    pub model: String,
    /// Which operation, such as `chat`.
    pub operation: String,
    /// The provider's HTTP status; 0 where none came.
    pub status: u16,
    /// What was used, as the provider counted it or as it was bounded.
    pub usage: crate::price::Usage,
    /// What it cost.
    pub cost: crate::pico::Pico,
    /// Whether `usage` is a bound and not the provider's own count.
    pub estimated: bool,
    /// Which prices it was charged by.
    pub prices: String,
    /// How it ended: `finished`, `app_left`, `upstream_broke`, `revoked`, `timed_out`.
    pub end: End,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The provider's answer went to the app whole.
    Finished,
    /// The app hung up; the provider's call was cancelled.
    AppLeft,
    /// The provider's answer broke off or made no sense.
    UpstreamBroke,
    /// The grant was revoked while the answer streamed.
    Revoked,
    /// The provider took too long.
    TimedOut,
}

impl End {
    /// The word as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::AppLeft => "app_left",
            Self::UpstreamBroke => "upstream_broke",
            Self::Revoked => "revoked",
            Self::TimedOut => "timed_out",
        }
    }
}
