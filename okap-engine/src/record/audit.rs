use std::fmt;

use okap_types::{GrantId, Provider, Timestamp};
use serde::{Deserialize, Serialize};

use super::Owner;

/// Names a call: the node that let it through, and the how manieth of that node it was.
///
/// A node draws its number at each start, so that no two calls share a name.
///
/// ```
/// use okap_engine::record::CallId;
/// let call = CallId { node: 0x2a, number: 7 };
/// assert_eq!(call.to_string(), "000000000000002a-7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The node, one start of one process; below 2^63.
    pub node: u64,
    /// Counts the calls of that node; below 2^63.
    pub number: u64,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.node, self.number)
    }
}

/// One line of the audit: a call that was let through, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Names the call: a store keeps one row a name, however often it is handed over.
    pub id: CallId,
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
    /// The grant was revoked while the answer streamed, or the store could not say for too long that
    /// it was not.
    Revoked,
    /// The provider took too long, or the call would have left too late for its rate.
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

    /// Reads the word as stored.
    #[must_use]
    pub fn read(word: &str) -> Option<Self> {
        let all =
            [Self::Finished, Self::AppLeft, Self::UpstreamBroke, Self::Revoked, Self::TimedOut];
        all.into_iter().find(|end| end.as_str() == word)
    }
}
