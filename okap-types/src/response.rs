//! Answers to the direct requests.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use url::Url;

use crate::{
    Capability, GrantId, GrantedAccess, Limits, Models, Provider, Secret, Timestamp, Version,
    name::shortened, secret::onto_wire,
};

/// `status` of an answer that waits for the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The user has not decided.
    #[default]
    Pending,
    /// The user allowed; a token is inside.
    Granted,
    /// The user said no.
    Denied,
}

/// `202`: the user has to decide at `interaction_uri`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pending {
    /// Protocol version.
    pub okap: Version,
    /// `pending`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "pending")))]
    pub status: Status,
    /// Where the user decides.
    pub interaction_uri: Url,
    /// Shown by the app and by the page, for the user to compare: 8 letters that make no words,
    /// a hyphen in the middle.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = "^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$"))
    )]
    pub user_code: String,
    /// Seconds that are left until the request ends.
    pub expires_in: u64,
    /// Seconds to leave between two polls.
    pub interval: u64,
    /// How the app fetches the outcome.
    #[serde(rename = "continue")]
    pub continuation: Continue,
}

/// Where and with what an app asks for the outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Continue {
    /// The endpoint, for a POST.
    pub uri: Url,
    /// A bearer token for that endpoint alone.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub access_token: Secret<String>,
}

/// How a token is sent; read in any case (RFC 6749 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum TokenType {
    /// Sent as `Authorization: Bearer …` (RFC 6750).
    #[default]
    Bearer,
    /// Sent as `Authorization: DPoP …` beside a proof of its key (RFC 9449).
    #[serde(rename = "DPoP")]
    Dpop,
}

impl TokenType {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

impl<'de> Deserialize<'de> for TokenType {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match String::deserialize(d)? {
            text if text.eq_ignore_ascii_case("bearer") => Ok(Self::Bearer),
            text if text.eq_ignore_ascii_case("dpop") => Ok(Self::Dpop),
            other => {
                let text = shortened(&other);
                Err(D::Error::custom(format!(
                    "token_type {text:?} is not known here, known: Bearer, DPoP"
                )))
            }
        }
    }
}

/// `200` to a details request: what was granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DetailsGranted {
    /// Protocol version.
    pub okap: Version,
    /// `granted`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "granted")))]
    pub status: Status,
    /// The access token, under the draft's name.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub token: Secret<String>,
    /// The access token, under OAuth's name.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub access_token: Secret<String>,
    /// `Bearer`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "Bearer")))]
    pub token_type: TokenType,
    /// Seconds that the token lives.
    pub expires_in: u64,
    /// Names the grant.
    pub grant_id: GrantId,
    /// What was granted, each object with its own `base_url`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub authorization_details: Vec<GrantedAccess>,
}

/// `200` to a request in the proposal's shape: the one granted object, flat.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RequestGranted {
    /// Protocol version.
    pub okap: Version,
    /// `granted`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "granted")))]
    pub status: Status,
    /// The access token, under the proposal's name.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub token: Secret<String>,
    /// The access token, under OAuth's name.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub access_token: Secret<String>,
    /// `Bearer`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "Bearer")))]
    pub token_type: TokenType,
    /// Seconds that the token lives.
    pub expires_in: u64,
    /// Names the grant.
    pub grant_id: GrantId,
    /// Who runs the models.
    pub provider: Provider,
    /// What to give the provider's SDK.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://.*[^/]$")))]
    pub base_url: Url,
    /// When the access ends.
    pub expires: Timestamp,
    /// The caps in force.
    pub limits: Limits,
    /// The models granted.
    pub models: Models,
    /// The capabilities granted.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub capabilities: Vec<Capability>,
}

/// `403`: the user said no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Denied {
    /// Protocol version.
    pub okap: Version,
    /// `denied`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "denied")))]
    pub status: Status,
    /// A sentence for the app's user.
    pub reason: String,
    /// `access_denied`
    #[cfg_attr(feature = "schema", schemars(extend("const" = "access_denied")))]
    pub error: String,
}

/// The answer of `/okap/request`, HTTP 200 whatever the outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        extend("if" = {"properties": {"approved": {"const": true}}}),
        extend("then" = {"required": ["token"]}),
        extend("else" = {"required": ["error", "error_code"]}),
    )
)]
pub struct FlatAnswer {
    /// Protocol version.
    pub okap: Version,
    /// Whether a token is inside.
    pub approved: bool,
    /// The token and what it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<FlatToken>,
    /// A sentence; with `pending` it holds the link where the user decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `user_denied`, `pending`, or an error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// What a flat answer grants.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlatToken {
    /// The access token.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub token: Secret<String>,
    /// What to give the provider's SDK.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https?://.*[^/]$")))]
    pub base_url: Url,
    /// Who runs the models.
    pub provider: Provider,
    /// The models granted.
    pub models: Models,
    /// The capabilities granted.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub capabilities: Vec<Capability>,
    /// The caps in force.
    pub limits: Limits,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// When the user allowed it.
    pub created_at: Timestamp,
}
