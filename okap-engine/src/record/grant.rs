use okap_types::{
    AppName, Capability, GrantId, GrantedAccess, Limits, ModelId, Models, Provider, Timestamp,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{App, Change, Key, Owner, Record, insert};
use crate::{address::base_url, token::hash};

/// What a user has allowed an app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Names it.
    pub id: GrantId,
    /// Whose keys it uses.
    pub owner: Owner,
    /// Who may use it.
    pub app: App,
    /// What is allowed, each object with its own counters.
    pub access: Vec<Allowed>,
    /// Hash of what the page showed when it was allowed.
    pub shown: String,
    /// When it was allowed.
    pub created: Timestamp,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
    /// The grants that it was delegated from, the nearest first; it dies with any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<GrantId>,
    /// What the app calls the program that it delegated this to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<AppName>,
}

/// How long a delegated grant is kept behind its end: an app makes them by itself.
const DELEGATED_KEPT: i64 = 3600;

impl Record for Grant {
    const KIND: &'static str = "grant";
    fn forget_after(&self) -> Option<Timestamp> {
        let delegated = !self.ancestors.is_empty();
        delegated.then(|| self.expires().plus_seconds(DELEGATED_KEPT))
    }
}

impl Grant {
    /// When the last of it ends.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        let ends = self.access.iter().map(|a| a.expires);
        ends.max().unwrap_or_else(|| Timestamp::from_unix_millis(0))
    }

    /// What was granted, as the app sees it.
    #[must_use]
    pub fn details(&self, issuer: &Url) -> Vec<GrantedAccess> {
        details(&self.access, issuer)
    }

    /// The grant that the user allowed: this one, or the first of those above it.
    #[must_use]
    pub fn first(&self) -> &GrantId {
        self.ancestors.last().unwrap_or(&self.id)
    }

    /// The change that counts it among what its first grant came to.
    #[must_use]
    pub fn counted(&self) -> Change {
        let until = self.expires().plus_seconds(DELEGATED_KEPT);
        insert(&format!("{}/{}", self.first(), self.id), &Below { until })
    }

    /// The change that lists it under its owner.
    #[must_use]
    pub fn owned(&self) -> Change {
        let name = format!("{}/{}", hash(self.owner.as_str()), self.id);
        insert(&name, &Owned { grant: self.id.clone(), until: self.forget_after() })
    }
}

/// Counts what was handed on from a grant that a user allowed: one entry each, under the id of that
/// first grant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Below {
    /// Until when it is kept, as the grant itself.
    pub until: Timestamp,
}

impl Below {
    /// The key under which all that came of a grant is listed.
    #[must_use]
    pub fn all(first: &GrantId) -> Key {
        Key::of::<Self>(&format!("{first}/"))
    }
}

impl Record for Below {
    const KIND: &'static str = "below";
    fn forget_after(&self) -> Option<Timestamp> {
        Some(self.until)
    }
}

/// Details objects as the app sees them.
#[must_use]
pub fn details(access: &[Allowed], issuer: &Url) -> Vec<GrantedAccess> {
    access.iter().map(|a| a.details(issuer)).collect()
}

/// One granted details object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Who runs the models.
    pub provider: Provider,
    /// The models that calls may name.
    pub models: Models,
    /// What may be done.
    pub capabilities: Vec<Capability>,
    /// The caps.
    pub limits: Limits,
    /// When it ends.
    pub expires: Timestamp,
    /// Asked for and not granted.
    pub models_refused: Vec<ModelId>,
    /// The key of its counters.
    pub account: String,
    /// What it was delegated from, the nearest first: each call counts there as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under: Vec<Share>,
}

/// An account that calls are counted in, and the caps that hold there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The key of the counters.
    pub account: String,
    /// The caps.
    pub limits: Limits,
    /// Until when the counters are kept. `None` keeps those of an app: asking again resets nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Allowed {
    /// Every account that a call counts in: its own, then those it was delegated from.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        let delegated = !self.under.is_empty();
        let own = Share {
            account: self.account.clone(),
            limits: self.limits.clone(),
            until: delegated.then(|| self.expires.plus_seconds(DELEGATED_KEPT)),
        };
        std::iter::once(own).chain(self.under.iter().cloned()).collect()
    }

    /// The object as the app sees it.
    #[must_use]
    pub fn details(&self, issuer: &Url) -> GrantedAccess {
        GrantedAccess {
            access_type: okap_types::AccessType::AiModelAccess,
            provider: self.provider.clone(),
            models: self.models.clone(),
            capabilities: self.capabilities.clone(),
            limits: self.limits.clone(),
            expires: self.expires,
            base_url: base_url(issuer, &self.provider),
            currency: GrantedAccess::CURRENCY.to_owned(),
            window: GrantedAccess::WINDOW.to_owned(),
            models_refused: self.models_refused.clone(),
        }
    }
}

/// Finds an owner's grants: one entry a grant, under the owner's name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Owned {
    /// The grant.
    pub grant: GrantId,
    /// Until when it is kept; `None` keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Record for Owned {
    const KIND: &'static str = "owned";
    fn forget_after(&self) -> Option<Timestamp> {
        self.until
    }
}
