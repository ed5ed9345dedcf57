//! Who decides on a request.

use std::{future::Future, net::IpAddr};

use okap_engine::{
    address::endpoint,
    flow::Decision,
    narrow::as_asked,
    record::{Interaction, Owner},
};
use okap_types::{Limits, ModelId, Timestamp, model::InvalidModel};
use url::Url;

/// What becomes of a request.
#[derive(Debug)]
pub enum Asked {
    /// The user decides on this page; it calls [`Control::decide`](crate::Control::decide).
    Visit(Url),
    /// A policy has decided for this owner.
    Decided(Owner, Decision),
}

/// Says where a request is decided, or decides it.
pub trait Consent: Send + Sync + 'static {
    /// Takes a request that has just been opened.
    ///
    /// # Behavior
    /// - What it decides is narrowed to what was asked; it cannot widen anything.
    fn ask(&self, request: &Interaction, now: Timestamp) -> impl Future<Output = Asked> + Send;

    /// Whether it serves this computer alone: then the vault does not start at another address.
    fn is_for_loopback_alone(&self) -> bool {
        false
    }
}

/// Sends the user to a page of the vault: `{issuer}/{path}/{interaction}`.
#[derive(Clone, Debug)]
pub struct ConsentPage {
    base: Url,
}

impl ConsentPage {
    /// The page at a path below the issuer.
    #[must_use]
    pub fn at(issuer: &Url, path: &str) -> Self {
        Self { base: endpoint(issuer, path.trim_matches('/')) }
    }
}

impl Consent for ConsentPage {
    async fn ask(&self, request: &Interaction, _: Timestamp) -> Asked {
        Asked::Visit(endpoint(&self.base, &request.id))
    }
}

/// Decides without a person, within a stated policy: for headless machines, on a loopback
/// listener only.
///
/// What is asked is allowed as far as it stays within the policy's models and limits; a request
/// beyond them is denied, and so is one that comes from another computer.
#[derive(Clone, Debug)]
pub struct AutoApprove {
    owner: Owner,
    models: Vec<ModelId>,
    limits: Limits,
    from_anywhere: bool,
}

impl AutoApprove {
    /// Allows nothing yet, on behalf of an owner.
    #[must_use]
    pub fn for_owner(owner: Owner) -> Self {
        Self { owner, models: Vec::new(), limits: Limits::default(), from_anywhere: false }
    }

    /// The models that may be asked for.
    ///
    /// # Errors
    /// [`InvalidModel`] for a text that is no model id.
    pub fn models<'a>(
        mut self,
        models: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidModel> {
        self.models = models.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Caps that every grant gets, beside those that the app itself asks for.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Approves requests of other computers, too: whoever reaches the vault gets what the policy
    /// allows.
    #[must_use]
    pub fn danger_from_anywhere(self) -> Self {
        Self { from_anywhere: true, ..self }
    }

    /// Whether a request came from where the policy counts. A host that names no
    /// [`Peer`](crate::Peer) is believed: its issuer is this computer.
    fn counts_for(&self, request: &Interaction) -> bool {
        let from = request.source.as_deref().and_then(|source| source.parse::<IpAddr>().ok());
        self.from_anywhere || from.is_none_or(|ip| ip.to_canonical().is_loopback())
    }
}

impl Consent for AutoApprove {
    fn is_for_loopback_alone(&self) -> bool {
        !self.from_anywhere
    }

    async fn ask(&self, request: &Interaction, now: Timestamp) -> Asked {
        if !self.counts_for(request) {
            return Asked::Decided(self.owner.clone(), Decision::Deny);
        }
        let latest = now.plus_seconds(30 * 24 * 3600);
        let approved = request.access.iter().map(|asked| {
            let mut approved = as_asked(asked, &self.models, latest);
            let beyond = approved.models.listed().iter().any(|m| !self.models.contains(m));
            approved.limits = lower_of(&approved.limits, &self.limits);
            (!beyond && !approved.models.listed().is_empty()).then_some(approved)
        });
        let approved: Vec<_> = approved.collect();
        let decision = match approved.iter().all(Option::is_some) {
            true => Decision::ByPolicy(approved),
            false => Decision::Deny,
        };
        Asked::Decided(self.owner.clone(), decision)
    }
}

fn lower_of(asked: &Limits, policy: &Limits) -> Limits {
    fn low<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
        match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
    Limits {
        monthly_spend: low(asked.monthly_spend, policy.monthly_spend),
        daily_spend: low(asked.daily_spend, policy.daily_spend),
        requests_per_minute: low(asked.requests_per_minute, policy.requests_per_minute),
        requests_per_day: low(asked.requests_per_day, policy.requests_per_day),
        tokens_per_request: low(asked.tokens_per_request, policy.tokens_per_request),
    }
}
