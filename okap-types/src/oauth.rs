//! The OAuth messages: pushed request, token answer, metadata.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Capability, GrantId, GrantedAccess, Provider, Secret,
    response::TokenType,
    secret::{onto_wire, onto_wire_if_some},
};

/// `POST /okap/par` (RFC 9126), the form's members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushedRequest {
    /// Who asks; `http://localhost` for an app without a home page.
    pub client_id: String,
    /// What such an app calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// `code`
    #[cfg_attr(feature = "schema", schemars(extend("const" = "code")))]
    pub response_type: String,
    /// Where the browser goes back to.
    pub redirect_uri: String,
    /// PKCE challenge (RFC 7636), 43 to 128 characters.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9._~-]{43,128}$")))]
    pub code_challenge: String,
    /// `S256`
    #[cfg_attr(feature = "schema", schemars(extend("const" = "S256")))]
    pub code_challenge_method: String,
    /// What is asked, as JSON text.
    #[cfg_attr(feature = "schema", schemars(extend("contentMediaType" = "application/json")))]
    pub authorization_details: String,
    /// Given back unchanged, at most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(max = 512)))]
    pub state: Option<String>,
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

/// `200` of the token endpoint (RFC 6749 section 5.1, RFC 9396 section 7).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenAnswer {
    /// The access token.
    #[serde(serialize_with = "onto_wire")]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub access_token: Secret<String>,
    /// `Bearer`
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("const" = "Bearer")))]
    pub token_type: TokenType,
    /// Seconds that the token lives.
    pub expires_in: u64,
    /// A refresh token, where the vault issues them.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "onto_wire_if_some"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1)))]
    pub refresh_token: Option<Secret<String>>,
    /// What was granted.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub authorization_details: Vec<GrantedAccess>,
    /// Names the grant.
    pub grant_id: GrantId,
}

/// `/.well-known/oauth-authorization-server` (RFC 8414).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Metadata {
    /// The vault's identity; compared byte by byte.
    pub issuer: String,
    /// Where the browser goes.
    pub authorization_endpoint: Url,
    /// Where a code becomes a token.
    pub token_endpoint: Url,
    /// Where a request is pushed.
    pub pushed_authorization_request_endpoint: Url,
    /// Always true.
    pub require_pushed_authorization_requests: bool,
    /// Where a token is given back.
    pub revocation_endpoint: Url,
    /// `["code"]`
    pub response_types_supported: Vec<String>,
    /// `["query"]`
    pub response_modes_supported: Vec<String>,
    /// `["authorization_code"]` and what else the vault offers.
    pub grant_types_supported: Vec<String>,
    /// `["S256"]`
    pub code_challenge_methods_supported: Vec<String>,
    /// RFC 9207.
    pub authorization_response_iss_parameter_supported: bool,
    /// `["ai_model_access"]`
    pub authorization_details_types_supported: Vec<String>,
    /// Whether a `client_id` may be the address of a document about the client.
    pub client_id_metadata_document_supported: bool,
    /// `["none"]` and what else the vault offers.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `["1.0"]`
    pub okap_versions_supported: Vec<String>,
    /// Where a direct request goes.
    pub okap_direct_endpoint: Url,
    /// Providers that can be asked for.
    pub okap_providers_supported: Vec<Provider>,
    /// Capabilities that can be asked for.
    pub okap_capabilities_supported: Vec<Capability>,
    /// Members that a details object may have.
    pub okap_detail_fields_supported: Vec<String>,
    /// Parts of the protocol that this vault claims.
    pub okap_profiles_supported: Vec<String>,
}
