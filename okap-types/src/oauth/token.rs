use serde::{Deserialize, Serialize};

use super::{
    ACCESS_TOKEN_TYPE, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE, assertion, text, thumbprint,
};
use crate::{
    GrantId, GrantedAccess, ParseError, Secret,
    form::Form,
    name::shortened,
    response::TokenType,
    secret::{onto_wire, onto_wire_if_some},
};

/// `POST /okap/token` (RFC 6749 section 3.2), the form's members by grant type.
///
/// Each may ask for less than was granted, in `authorization_details` (RFC 9396 section 6).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "grant_type")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("type" = "object")))]
#[cfg_attr(feature = "schema", schemars(extend("dependentRequired" = super::assertion_pair())))]
pub enum TokenRequest {
    /// Redeems a code (RFC 6749 section 4.1.3).
    #[serde(rename = "authorization_code")]
    AuthorizationCode {
        /// The code, once.
        #[serde(serialize_with = "onto_wire")]
        #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
        code: Secret<String>,
        /// As in the pushed request.
        redirect_uri: String,
        /// PKCE verifier (RFC 7636), 43 to 128 characters.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "onto_wire_if_some"
        )]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        code_verifier: Option<Secret<String>>,
        /// Who redeems.
        client_id: String,
        /// Less than was granted: the text of a JSON array of details objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization_details: Option<String>,
        /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(extend("const" = JWT_BEARER)))]
        client_assertion_type: Option<String>,
        /// Proves who redeems (RFC 7523 section 2.2).
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "onto_wire_if_some"
        )]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        client_assertion: Option<Secret<String>>,
    },
    /// Renews an access token (RFC 6749 section 6).
    #[serde(rename = "refresh_token")]
    RefreshToken {
        /// The refresh token; the answer holds its successor.
        #[serde(serialize_with = "onto_wire")]
        #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
        refresh_token: Secret<String>,
        /// Who renews.
        client_id: String,
        /// Less than was granted, for this access token alone: the text of a JSON array of details
        /// objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization_details: Option<String>,
        /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(extend("const" = JWT_BEARER)))]
        client_assertion_type: Option<String>,
        /// Proves who renews (RFC 7523 section 2.2).
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "onto_wire_if_some"
        )]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        client_assertion: Option<Secret<String>>,
    },
    /// Asks for the outcome on another device (RFC 8628 section 3.4).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode {
        /// The device code.
        #[serde(serialize_with = "onto_wire")]
        #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
        device_code: Secret<String>,
        /// Who asks.
        client_id: String,
        /// Less than was granted: the text of a JSON array of details objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization_details: Option<String>,
        /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(extend("const" = JWT_BEARER)))]
        client_assertion_type: Option<String>,
        /// Proves who asks (RFC 7523 section 2.2).
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "onto_wire_if_some"
        )]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        client_assertion: Option<Secret<String>>,
    },
    /// Delegates: a token of its own for another program, with less (RFC 8693).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange {
        /// The access token that is delegated.
        #[serde(serialize_with = "onto_wire")]
        #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
        subject_token: Secret<String>,
        /// `urn:ietf:params:oauth:token-type:access_token`
        #[cfg_attr(feature = "schema", schemars(extend("const" = ACCESS_TOKEN_TYPE)))]
        subject_token_type: String,
        /// `urn:ietf:params:oauth:token-type:access_token`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(extend("const" = ACCESS_TOKEN_TYPE)))]
        requested_token_type: Option<String>,
        /// Who delegates; required where the grant has a client id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// What the user reads for the program that gets the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_name: Option<String>,
        /// Less than the token allows: the text of a JSON array of details objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization_details: Option<String>,
        /// The issuer, or a `base_url` of the vault (RFC 8707).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource: Option<String>,
        /// The thumbprint of the other program's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$")))]
        dpop_jkt: Option<String>,
        /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(extend("const" = JWT_BEARER)))]
        client_assertion_type: Option<String>,
        /// Proves who delegates (RFC 7523 section 2.2).
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "onto_wire_if_some"
        )]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        client_assertion: Option<Secret<String>>,
    },
}

impl TokenRequest {
    /// Reads the form.
    ///
    /// # Errors
    /// [`ParseError::UnsupportedGrantType`]; [`ParseError::InvalidRequest`] for a member that is
    /// missing or has no place here.
    pub fn from_form(form: &Form) -> Result<Self, ParseError> {
        let secret = |name: &str| form.want(name).map(Secret::from);
        let authorization_details = text(form, "authorization_details");
        let client_assertion = assertion(form)?;
        let client_assertion_type = client_assertion.as_ref().map(|_| JWT_BEARER.to_owned());
        match form.want("grant_type")? {
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: secret("code")?,
                redirect_uri: form.want("redirect_uri")?.to_owned(),
                code_verifier: form.opt("code_verifier").map(Secret::from),
                client_id: form.want("client_id")?.to_owned(),
                authorization_details,
                client_assertion_type,
                client_assertion,
            }),
            "refresh_token" => Ok(Self::RefreshToken {
                refresh_token: secret("refresh_token")?,
                client_id: form.want("client_id")?.to_owned(),
                authorization_details,
                client_assertion_type,
                client_assertion,
            }),
            DEVICE_CODE => Ok(Self::DeviceCode {
                device_code: secret("device_code")?,
                client_id: form.want("client_id")?.to_owned(),
                authorization_details,
                client_assertion_type,
                client_assertion,
            }),
            TOKEN_EXCHANGE => {
                for name in ["actor_token", "actor_token_type", "audience"] {
                    if form.opt(name).is_some() {
                        let text = format!("{name} is not supported in a token exchange");
                        return Err(ParseError::InvalidRequest(text));
                    }
                }
                let kind = |name: &str, kind: &str| match kind {
                    ACCESS_TOKEN_TYPE => Ok(kind.to_owned()),
                    _ => Err(ParseError::InvalidRequest(format!(
                        "{name} is not supported, supported: {ACCESS_TOKEN_TYPE}"
                    ))),
                };
                let requested = form.opt("requested_token_type");
                Ok(Self::TokenExchange {
                    subject_token: secret("subject_token")?,
                    subject_token_type: kind(
                        "subject_token_type",
                        form.want("subject_token_type")?,
                    )?,
                    requested_token_type: requested
                        .map(|r| kind("requested_token_type", r))
                        .transpose()?,
                    client_id: text(form, "client_id"),
                    client_name: text(form, "client_name"),
                    authorization_details,
                    resource: text(form, "resource"),
                    dpop_jkt: thumbprint(form)?,
                    client_assertion_type,
                    client_assertion,
                })
            }
            other => Err(ParseError::UnsupportedGrantType(shortened(other))),
        }
    }

    /// Who says to call; `None` where a token exchange names nobody.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::AuthorizationCode { client_id, .. }
            | Self::RefreshToken { client_id, .. }
            | Self::DeviceCode { client_id, .. } => Some(client_id),
            Self::TokenExchange { client_id, .. } => client_id.as_deref(),
        }
    }

    /// The signed assertion, where there is one.
    #[must_use]
    pub fn client_assertion(&self) -> Option<&Secret<String>> {
        match self {
            Self::AuthorizationCode { client_assertion, .. }
            | Self::RefreshToken { client_assertion, .. }
            | Self::DeviceCode { client_assertion, .. }
            | Self::TokenExchange { client_assertion, .. } => client_assertion.as_ref(),
        }
    }

    /// What is asked in place of all that was granted.
    #[must_use]
    pub fn authorization_details(&self) -> Option<&str> {
        match self {
            Self::AuthorizationCode { authorization_details, .. }
            | Self::RefreshToken { authorization_details, .. }
            | Self::DeviceCode { authorization_details, .. }
            | Self::TokenExchange { authorization_details, .. } => authorization_details.as_deref(),
        }
    }
}

/// `200` of the token endpoint (RFC 6749 section 5.1, RFC 9396 section 7).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenAnswer {
    /// The access token.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub access_token: Secret<String>,
    /// `Bearer`, or `DPoP` where the token is bound to a key.
    pub token_type: TokenType,
    /// Seconds that the token lives.
    pub expires_in: u64,
    /// The refresh token that comes next, where the flow has one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "onto_wire_if_some"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub refresh_token: Option<Secret<String>>,
    /// `urn:ietf:params:oauth:token-type:access_token`, after a token exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
    /// What the access token allows.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub authorization_details: Vec<GrantedAccess>,
    /// Names the grant.
    pub grant_id: GrantId,
}
