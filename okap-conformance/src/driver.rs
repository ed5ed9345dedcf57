//! The only part that knows a vault: whoever plays the user, and has a hand on the vault's clock,
//! keys and books.
//!
//! A driver carries out [`Order`]s. Only [`Verb::Decide`] is needed; a test that needs another verb
//! than those a driver has is `untestable`.

mod browser;
mod hook;
mod human;
mod none;
mod split;
mod template;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use browser::WebDriver;
pub use hook::Hook;
pub use human::Human;
pub use none::Nobody;
pub use split::Split;
pub use template::Template;

use crate::target::Choice;

/// What a driver may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Say which verbs there are.
    Capabilities,
    /// Decide a request as the user.
    Decide,
    /// Keep the suite's key for a provider, and lead calls for it to the fake one.
    Seed,
    /// Begin with a clean state; names are new in every test, so that the suite does not order it.
    Reset,
    /// Revoke a grant as the user.
    Revoke,
    /// Turn the vault's clock forward.
    Advance,
    /// Read the audit of a grant.
    Audit,
    /// Say where everything is kept.
    Dump,
    /// Find a document at an https address of the test's choice.
    Publish,
    /// Give a browser in which the user is signed in.
    SignIn,
    /// Stop the vault and start it again; done by the suite where it has started the vault.
    Restart,
}

/// What the user says to a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// All of it.
    Approve,
    /// None of it.
    Deny,
    /// Less of it: for each object what is left, `null` for none. Members that are missing are as
    /// they were asked for.
    Narrow {
        /// One for each object that was asked for, in order.
        details: Vec<Value>,
    },
    /// Nothing at all; answered with `{"page": …}`, where the user would decide.
    Ignore,
}

/// One thing that a driver is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Order {
    /// See [`Verb::Capabilities`]; answered with `{"verbs": […]}`.
    Capabilities,
    /// See [`Verb::Decide`].
    Decide {
        /// Stands in the app's name and in the reason of the request.
        correlation: String,
        /// Whose decision it is.
        user: String,
        /// What is said.
        #[serde(flatten)]
        decision: Decision,
        /// Where the user would decide, if the request has been answered.
        interaction_url: Option<String>,
        /// The code that the user would compare or type: as a person types it, wrong ones counted.
        user_code: Option<String>,
    },
    /// See [`Verb::Seed`].
    Seed {
        /// Whose key.
        user: String,
        /// For which provider.
        provider: String,
        /// The key.
        key: String,
        /// Address of the fake provider, without a version.
        upstream: String,
    },
    /// See [`Verb::Revoke`].
    Revoke {
        /// Its id.
        grant: String,
    },
    /// See [`Verb::Advance`].
    Advance {
        /// How far.
        seconds: u32,
    },
    /// See [`Verb::Audit`]; answered with `{"rows": […]}`.
    Audit {
        /// Its id.
        grant: String,
    },
    /// See [`Verb::Dump`]; answered with `{"path": …}`.
    Dump,
    /// See [`Verb::Publish`]. Where the vault would fetch a client's document over the network, it
    /// is given this one.
    Publish {
        /// The address.
        url: String,
        /// What stands there; `None` for a site that does not answer.
        document: Option<String>,
        /// What the site says in `Cache-Control`; `None` for nothing.
        cache_control: Option<String>,
    },
    /// See [`Verb::SignIn`]; answered with `{"cookie": …}`, as a browser sends it.
    SignIn {
        /// Who.
        user: String,
    },
    /// See [`Verb::Restart`]; for drivers in the process of the vault alone, which keep the clock
    /// where it was turned to.
    Restart,
}

impl Order {
    /// The verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Capabilities => Verb::Capabilities,
            Self::Decide { .. } => Verb::Decide,
            Self::Seed { .. } => Verb::Seed,
            Self::Revoke { .. } => Verb::Revoke,
            Self::Advance { .. } => Verb::Advance,
            Self::Audit { .. } => Verb::Audit,
            Self::Dump => Verb::Dump,
            Self::Publish { .. } => Verb::Publish,
            Self::SignIn { .. } => Verb::SignIn,
            Self::Restart => Verb::Restart,
        }
    }
}

impl Order {
    /// What is chosen, for a driver that can approve and deny and nothing else; `None` where it has
    /// to leave the request alone.
    ///
    /// # Errors
    /// [`DriverError::Unsupported`] for all that is neither.
    pub(crate) const fn choice(&self) -> Result<Option<Choice>, DriverError> {
        match self {
            Self::Decide { decision: Decision::Approve, .. } => Ok(Some(Choice::Approve)),
            Self::Decide { decision: Decision::Deny, .. } => Ok(Some(Choice::Deny)),
            Self::Decide { decision: Decision::Ignore, .. } => Ok(None),
            other => Err(DriverError::Unsupported(other.verb())),
        }
    }
}

/// Why an order was not carried out. Neither is the vault's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// This driver does not have the verb.
    #[error("the driver cannot {}", word(*.0))]
    Unsupported(Verb),
    /// It has, and it went wrong.
    #[error("the driver failed: {0}")]
    Failed(String),
}

/// Plays the user and has a hand on the vault.
pub trait Driver: Send + Sync {
    /// Carries out one order for a test.
    ///
    /// # Behavior
    /// - What was ordered has taken effect when it returns.
    ///
    /// # Errors
    /// [`DriverError`].
    fn carry_out<'a>(
        &'a self,
        test: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>>;
}

fn word(verb: Verb) -> String {
    serde_json::to_value(verb)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_is_flat_on_the_wire() {
        let order = Order::Decide {
            correlation: "okapconf-1".to_owned(),
            user: "owner".to_owned(),
            decision: Decision::Narrow { details: vec![json!({ "models": ["a"] }), Value::Null] },
            interaction_url: None,
            user_code: None,
        };
        assert_eq!(
            serde_json::to_value(&order).unwrap(),
            json!({
                "verb": "decide", "correlation": "okapconf-1", "user": "owner",
                "decision": "narrow", "details": [{ "models": ["a"] }, null],
                "interaction_url": null, "user_code": null,
            })
        );
        assert_eq!(serde_json::to_value(Order::Dump).unwrap(), json!({ "verb": "dump" }));
    }

    #[test]
    fn what_a_driver_cannot_do_is_said_in_words() {
        let error = DriverError::Unsupported(Verb::Advance);
        assert_eq!(error.to_string(), "the driver cannot advance");
    }
}
