use serde::{Deserialize, Serialize};

use super::{assertion, text, thumbprint};
use crate::{
    ParseError, Secret,
    form::Form,
    secret::{onto_wire, onto_wire_if_some},
};

/// `POST /okap/par` (RFC 9126), the form's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("dependentRequired" = super::assertion_pair())))]
pub struct PushedRequest {
    /// Who asks: the address of the app's document, or `http://localhost` for an app without one.
    pub client_id: String,
    /// What an app without a document calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// `code`
    #[cfg_attr(feature = "schema", schemars(extend("const" = "code")))]
    pub response_type: String,
    /// Where the browser goes back to.
    pub redirect_uri: String,
    /// The base64url SHA-256 of the PKCE verifier (RFC 7636), 43 characters.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$")))]
    pub code_challenge: String,
    /// `S256`
    #[cfg_attr(feature = "schema", schemars(extend("const" = "S256")))]
    pub code_challenge_method: String,
    /// What is asked: the text of a JSON array of 1 to 16 details objects.
    #[cfg_attr(feature = "schema", schemars(extend("contentMediaType" = "application/json")))]
    pub authorization_details: String,
    /// Given back unchanged, at most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 512)))]
    pub state: Option<String>,
    /// The issuer, or a `base_url` of the vault (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The thumbprint of the key that the code shall be bound to (RFC 9449 section 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$")))]
    pub dpop_jkt: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("const" = super::JWT_BEARER)))]
    pub client_assertion_type: Option<String>,
    /// Proves who asks (RFC 7523 section 2.2).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "onto_wire_if_some"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub client_assertion: Option<Secret<String>>,
}

impl PushedRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`] for a member that is missing or has no place here.
    pub fn from_form(form: &Form) -> Result<Self, ParseError> {
        if form.opt("request_uri").is_some() || form.opt("request").is_some() {
            let text = "request and request_uri have no place in a pushed request";
            return Err(ParseError::InvalidRequest(text.to_owned()));
        }
        Ok(Self {
            client_id: form.want("client_id")?.to_owned(),
            client_name: text(form, "client_name"),
            response_type: form.want("response_type")?.to_owned(),
            redirect_uri: form.want("redirect_uri")?.to_owned(),
            code_challenge: form.want("code_challenge")?.to_owned(),
            code_challenge_method: form.want("code_challenge_method")?.to_owned(),
            authorization_details: form.want("authorization_details")?.to_owned(),
            state: text(form, "state"),
            resource: text(form, "resource"),
            dpop_jkt: thumbprint(form)?,
            client_assertion: assertion(form)?,
            client_assertion_type: text(form, "client_assertion_type"),
        })
    }
}

/// `201` to a pushed request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushedAnswer {
    /// Stands for the request at the authorization endpoint, once.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub request_uri: Secret<String>,
    /// Seconds that it lives.
    pub expires_in: u64,
}
