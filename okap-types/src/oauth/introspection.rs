use serde::{Deserialize, Serialize};

use super::text;
use crate::{GrantId, GrantedAccess, ParseError, Secret, form::Form, secret::onto_wire};

/// `POST /okap/introspect` (RFC 7662 section 2.1), the form's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IntrospectionRequest {
    /// An access or a refresh token.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub token: Secret<String>,
    /// What the token is thought to be; a wrong hint changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
}

impl IntrospectionRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`] where no token is there.
    pub fn from_form(form: &Form) -> Result<Self, ParseError> {
        let token = Secret::from(form.want("token")?);
        Ok(Self { token, token_type_hint: text(form, "token_type_hint") })
    }
}

/// `200` to an introspection (RFC 7662 section 2.2). A token that is not alive has `active: false`
/// and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IntrospectionAnswer {
    /// Whether the token is alive.
    pub active: bool,
    /// `Bearer`, `DPoP` or `refresh_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// Who holds it, where the vault knows a client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The vault that issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// When it was issued, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When it ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// The key that it is bound to (RFC 9449 section 6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// What it allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details: Vec<GrantedAccess>,
    /// Names the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
}

/// The key that a token is bound to (RFC 7800).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirmation {
    /// The key's SHA-256 thumbprint (RFC 7638).
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$")))]
    pub jkt: String,
}
