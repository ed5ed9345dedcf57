//! Asked ∩ approved = granted; never wider than either. What is granted is narrowed again at the
//! token endpoint, by the same law.

mod attenuate;

pub use attenuate::{TooWide, attenuate};

use okap_types::{Capability, Limits, ModelAccess, ModelId, Models, Timestamp};

/// What the user leaves of one details object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The models; explicit unless the user ticked all.
    pub models: Models,
    /// The capabilities; never empty.
    pub capabilities: Vec<Capability>,
    /// The caps; a cap that was asked may be lowered, a missing one added.
    pub limits: Limits,
    /// The end; not after the one asked.
    pub expires: Timestamp,
}

/// Says in what an approval goes beyond what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wider {
    /// A model that was not asked for.
    #[error("model {0} was not asked for")]
    Model(String),
    /// A capability that was not asked for.
    #[error("capability {0} was not asked for")]
    Capability(Capability),
    /// A cap above the one asked, or none where one was asked.
    #[error("a limit is above the one asked for")]
    Limit,
    /// An end after the one asked or allowed.
    #[error("access would end at {granted}, later than {latest}")]
    Expiry {
        /// The end approved.
        granted: Timestamp,
        /// The latest possible.
        latest: Timestamp,
    },
    /// Nothing is left.
    #[error("nothing is left of what was asked: choose at least one {0}")]
    Nothing(&'static str),
}

/// Checks an approval against what was asked and returns the models that were refused.
///
/// # Errors
/// [`Wider`]; then nothing may be granted.
pub fn narrow(
    asked: &ModelAccess,
    approved: &Approved,
    latest: Timestamp,
) -> Result<Vec<ModelId>, Wider> {
    if approved.models == Models::Listed(Vec::new()) {
        return Err(Wider::Nothing("model"));
    }
    if !asked.models.is_empty() {
        let asked_models = Models::Listed(asked.models.clone());
        if !approved.models.is_subset(&asked_models) {
            let extra = approved.models.listed().iter().find(|m| !asked.models.contains(m));
            return Err(Wider::Model(extra.map_or("*", |m| m.as_str()).to_owned()));
        }
    }
    if approved.capabilities.is_empty() {
        return Err(Wider::Nothing("capability"));
    }
    let extra = approved.capabilities.iter().find(|c| !asked.capabilities.contains(c));
    if let (false, Some(extra)) = (asked.capabilities.is_empty(), extra) {
        return Err(Wider::Capability(extra.clone()));
    }
    if !approved.limits.within(&asked.limits) {
        return Err(Wider::Limit);
    }
    let latest = asked.expires.map_or(latest, |e| e.min(latest));
    if approved.expires > latest {
        return Err(Wider::Expiry { granted: approved.expires, latest });
    }
    let refused = asked.models.iter().filter(|m| !approved.models.contains(m.as_str()));
    Ok(refused.cloned().collect())
}

/// The widest approval of what was asked: all of it, models chosen where they were left open.
#[must_use]
pub fn as_asked(asked: &ModelAccess, choice: &[ModelId], latest: Timestamp) -> Approved {
    let models = if asked.models.is_empty() { choice.to_vec() } else { asked.models.clone() };
    let capabilities = match asked.capabilities.is_empty() {
        true => vec![Capability::Chat],
        false => asked.capabilities.clone(),
    };
    Approved {
        models: Models::Listed(models),
        capabilities,
        limits: asked.limits.clone(),
        expires: asked.expires.map_or(latest, |e| e.min(latest)),
    }
}
