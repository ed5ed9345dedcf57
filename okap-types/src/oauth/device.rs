use serde::{Deserialize, Serialize};
use url::Url;

use super::{assertion, text};
use crate::{
    ParseError, Secret,
    form::Form,
    secret::{onto_wire, onto_wire_if_some},
};

/// `POST /okap/device_authorization` (RFC 8628 section 3.1), the form's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("dependentRequired" = super::assertion_pair())))]
pub struct DeviceRequest {
    /// Who asks: the address of the app's document, or `http://localhost` for an app without one.
    pub client_id: String,
    /// What an app without a document calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// What is asked: the text of a JSON array of 1 to 16 details objects.
    #[cfg_attr(feature = "schema", schemars(extend("contentMediaType" = "application/json")))]
    pub authorization_details: String,
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

impl DeviceRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// [`ParseError::InvalidRequest`] for a member that is missing.
    pub fn from_form(form: &Form) -> Result<Self, ParseError> {
        Ok(Self {
            client_id: form.want("client_id")?.to_owned(),
            client_name: text(form, "client_name"),
            authorization_details: form.want("authorization_details")?.to_owned(),
            client_assertion: assertion(form)?,
            client_assertion_type: text(form, "client_assertion_type"),
        })
    }
}

/// `200` to a device request (RFC 8628 section 3.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeviceAnswer {
    /// What the app polls with.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub device_code: Secret<String>,
    /// What the user types: 8 letters that make no words, a hyphen in the middle.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = "^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$"))
    )]
    pub user_code: String,
    /// Where the user types it.
    pub verification_uri: Url,
    /// The same with the code in it, for a link or a QR code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_uri_complete: Option<Url>,
    /// Seconds until the codes end; at most 600.
    pub expires_in: u64,
    /// Seconds to leave between two polls; 5 where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
}
