use serde::{Deserialize, Serialize};

use super::{assertion, text};
use crate::{
    ParseError, Secret,
    form::Form,
    secret::{onto_wire, onto_wire_if_some},
};

/// `POST /okap/revoke` (RFC 7009 section 2.1), the form's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("dependentRequired" = super::assertion_pair())))]
pub struct RevocationRequest {
    /// An access or a refresh token; its whole grant is given back.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub token: Secret<String>,
    /// What the token is thought to be; a wrong hint changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
    /// Who gives it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("const" = super::JWT_BEARER)))]
    pub client_assertion_type: Option<String>,
    /// Proves who gives it back (RFC 7523 section 2.2).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "onto_wire_if_some"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub client_assertion: Option<Secret<String>>,
}

impl RevocationRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`] where no token is there.
    pub fn from_form(form: &Form) -> Result<Self, ParseError> {
        Ok(Self {
            token: Secret::from(form.want("token")?),
            token_type_hint: text(form, "token_type_hint"),
            client_id: text(form, "client_id"),
            client_assertion: assertion(form)?,
            client_assertion_type: text(form, "client_assertion_type"),
        })
    }
}
