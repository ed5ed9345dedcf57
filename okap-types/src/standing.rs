//! What an app may learn of its own grant: what is left of it, and whether it stands.

use serde::{Deserialize, Serialize};

use crate::{
    AccessType, AppName, Capability, Count, GrantId, GrantedAccess, Models, Money, Provider,
    Timestamp, Version,
};

/// `GET /okap/limits`: what is left, for each details object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitsAnswer {
    /// Protocol version.
    pub okap: Version,
    /// Names the grant.
    pub grant_id: GrantId,
    /// One entry for each object that the token allows.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub limits: Vec<AccessLimits>,
}

/// What is left of one details object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccessLimits {
    /// Exactly `ai_model_access`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "ai_model_access")))]
    pub access_type: AccessType,
    /// Who runs the models.
    pub provider: Provider,
    /// The models that calls may name.
    pub models: Models,
    /// What may be done.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub capabilities: Vec<Capability>,
    /// When the access ends.
    pub expires: Timestamp,
    /// The caps; one that is absent is none.
    pub limits: LimitsLeft,
}

/// What is left of each cap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitsLeft {
    /// USD in a UTC calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_spend: Option<MoneyLeft>,
    /// USD in a UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_spend: Option<MoneyLeft>,
    /// Requests in any 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<CountLeft>,
    /// Requests in a UTC day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<CountLeft>,
    /// Prompt bound plus output bound of one call, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_request: Option<PerRequest>,
}

/// What is left of a cap on money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MoneyLeft {
    /// The cap.
    pub limit: Money,
    /// Spent and held, rounded up.
    pub used: Money,
    /// What calls may still cost, rounded down.
    pub remaining: Money,
    /// When the window ends.
    pub resets_at: Timestamp,
}

/// What is left of a cap on requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CountLeft {
    /// The cap.
    pub limit: Count,
    /// Requests in the window.
    pub used: u32,
    /// Requests that still fit.
    pub remaining: u32,
    /// When the window ends, or when the next request leaves a sliding one; absent where nothing
    /// is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Timestamp>,
}

/// A cap on one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PerRequest {
    /// The cap.
    pub limit: Count,
}

/// Whether a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GrantStatus {
    /// Calls go through.
    Active,
    /// It was taken or given back.
    Revoked,
    /// It has ended.
    Expired,
}

/// `GET /okap/grants/{grant_id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantAnswer {
    /// Protocol version.
    pub okap: Version,
    /// Names the grant.
    pub grant_id: GrantId,
    /// Whether it stands.
    pub status: GrantStatus,
    /// When it was granted.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The grant that it was delegated from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_grant_id: Option<GrantId>,
    /// Who holds it, where the vault knows a client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the app calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<AppName>,
    /// What was granted.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub authorization_details: Vec<GrantedAccess>,
}
