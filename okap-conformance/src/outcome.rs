//! How a test ends: with a witness, or with what stood in its way.

use serde::{Deserialize, Serialize};

use crate::{http::Reply, provider::Ledger, requirement::Requirement};

/// How a test ends.
pub type Outcome = Result<Witness, Stop>;

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The vault does something else than the specification says.
    Failed(Finding),
    /// What the test builds on did not work.
    Untestable(String),
    /// The target says of itself that it does not have what is tested.
    NotApplicable(String),
    /// The suite, the driver or the fake provider failed.
    Broken(String),
}

/// What the vault did, beside what it should have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The requirement that is not met; `None` where no answer came at all.
    pub requirement: Option<String>,
    /// What the specification wants.
    pub expected: String,
    /// What came.
    pub observed: String,
    /// The exchange that shows it, by its number in the transcript.
    pub exchange: Option<usize>,
}

impl Finding {
    /// The sentence of the requirement; empty where there is none.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        let found = self.requirement.as_deref().and_then(Requirement::find);
        found.map_or("", |requirement| requirement.text.as_str())
    }
}

impl Stop {
    /// The vault does something else than a requirement says.
    pub fn failed(
        requirement: &str,
        expected: impl Into<String>,
        observed: impl Into<String>,
    ) -> Self {
        Self::Failed(Finding {
            requirement: Some(requirement.to_owned()),
            expected: expected.into(),
            observed: observed.into(),
            exchange: None,
        })
    }

    /// A failure that is shown by this exchange of the transcript.
    #[must_use]
    pub fn shown_by(mut self, exchange: usize) -> Self {
        if let Self::Failed(found) = &mut self {
            found.exchange = Some(exchange);
        }
        self
    }

    /// As [`failed`](Self::failed), shown by an answer.
    pub fn failed_in(requirement: &str, expected: impl Into<String>, reply: &Reply) -> Self {
        Self::Failed(Finding {
            requirement: Some(requirement.to_owned()),
            expected: expected.into(),
            observed: reply.summary(),
            exchange: Some(reply.exchange),
        })
    }

    /// What was said, in one line.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::Failed(found) => format!("expected {}, got {}", found.expected, found.observed),
            Self::Untestable(why) | Self::NotApplicable(why) | Self::Broken(why) => why.clone(),
        }
    }
}

/// Makes of a failure in what a test builds on what it is: nothing was learned about the test's own
/// requirement, and the test of what failed says so.
///
/// # Errors
/// [`Stop::Untestable`] in place of [`Stop::Failed`]; others as they are.
pub fn prerequisite<T>(what: &str, came: Result<T, Stop>) -> Result<T, Stop> {
    came.map_err(|stop| match stop {
        Stop::Failed(_) => Stop::Untestable(format!("{what}: {}", stop.said())),
        other => other,
    })
}

/// The twin of a refusal: the same in all but one thing, and it has to work, or the refusal shows
/// nothing.
///
/// # Errors
/// As [`prerequisite`].
pub fn twin<T>(came: Result<T, Stop>) -> Result<T, Stop> {
    prerequisite("the twin, which differs in one thing and has to work, did not", came)
}

/// Fails where something is not as a requirement says.
///
/// # Errors
/// [`Stop::Failed`].
pub fn ensure(
    requirement: &str,
    holds: bool,
    expected: impl Into<String>,
    observed: impl Into<String>,
) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::failed(requirement, expected, observed)) }
}

/// Shows that a pass is the work of a vault: something that a server which always answers the same
/// cannot bring about. A test cannot pass without one, and there is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness(String);

impl Witness {
    /// Our nonce in the provider's books.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the books do not have it.
    pub fn of_upstream(requirement: &str, nonce: &str, books: &Ledger) -> Result<Self, Stop> {
        match books.calls.first() {
            Some(call) => Ok(Self(format!("{nonce} reached the provider as call {}", call.seq))),
            None => Err(Stop::failed(
                requirement,
                "the call in the provider's books",
                "the provider was not called",
            )),
        }
    }

    /// The same request was answered differently before and after an act of ours.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it was answered alike.
    pub fn of_change(requirement: &str, before: &Reply, after: &Reply) -> Result<Self, Stop> {
        let same = before.status == after.status && before.body == after.body;
        match before.asked == after.asked && !same {
            true => Ok(Self(format!(
                "{} answered {} before, and {} after",
                after.asked, before.status, after.status
            ))),
            false => Err(Stop::failed_in(requirement, "another answer than before", after)),
        }
    }

    /// Two questions were answered with two secrets.
    ///
    /// # Errors
    /// [`Stop::Failed`] where both got the same.
    pub fn of_fresh(requirement: &str, one: &str, other: &str) -> Result<Self, Stop> {
        match one.is_empty() || other.is_empty() || one == other {
            true => Err(Stop::failed(
                requirement,
                "a secret of its own for each request",
                "the same for two requests",
            )),
            false => Ok(Self("two requests were given secrets of their own".to_owned())),
        }
    }

    /// As [`of_fresh`](Self::of_fresh), of the first two of several.
    ///
    /// # Errors
    /// [`Stop::Failed`] where both are the same, [`Stop::Broken`] where there are fewer.
    pub fn of_several(requirement: &str, secrets: &[String]) -> Result<Self, Stop> {
        match secrets {
            [one, other, ..] => Self::of_fresh(requirement, one, other),
            _ => Err(Stop::Broken(format!("{} answers to compare, two are needed", secrets.len()))),
        }
    }

    /// A value that only the driver was told, in an answer of the vault.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is another value.
    pub fn of_told(requirement: &str, told: &str, reply: &Reply, said: &str) -> Result<Self, Stop> {
        match told == said {
            true => Ok(Self(format!("the answer says {told}, which only the driver was told"))),
            false if said.is_empty() => {
                Err(Stop::failed_in(requirement, format!("{told} in the answer"), reply))
            }
            false => Err(Stop::failed(requirement, told, said).shown_by(reply.exchange)),
        }
    }

    /// What was seen, for the report.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.0
    }
}
