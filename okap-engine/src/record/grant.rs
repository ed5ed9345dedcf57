use okap_types::{
    Capability, GrantId, GrantedAccess, Limits, ModelId, Models, Provider, Timestamp,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{App, Owner, Record};
use crate::address::base_url;

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
}

impl Record for Grant {
    const KIND: &'static str = "grant";
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
        self.access.iter().map(|a| a.details(issuer)).collect()
    }
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
}

impl Allowed {
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
}

impl Record for Owned {
    const KIND: &'static str = "owned";
}
