use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Capability, Provider};

/// `/.well-known/oauth-authorization-server` (RFC 8414).
///
/// Members that belong to a profile are absent where the vault does not claim it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Metadata {
    /// The vault's identity; compared byte by byte.
    pub issuer: String,
    /// Where the browser goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<Url>,
    /// Where a code becomes a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<Url>,
    /// Where a request is pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_authorization_request_endpoint: Option<Url>,
    /// Always true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_pushed_authorization_requests: bool,
    /// Where a token is given back.
    pub revocation_endpoint: Url,
    /// Where a resource server asks what a token is worth.
    pub introspection_endpoint: Url,
    /// `["client_secret_basic"]`
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// Where an app asks that has no browser, where the vault has a page for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<Url>,
    /// `["code"]`, and none without the `oauth` profile.
    pub response_types_supported: Vec<String>,
    /// `["query"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_modes_supported: Vec<String>,
    /// `["authorization_code"]` and what else the vault offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant_types_supported: Vec<String>,
    /// `["S256"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_challenge_methods_supported: Vec<String>,
    /// RFC 9207.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authorization_response_iss_parameter_supported: bool,
    /// `["ai_model_access"]`
    pub authorization_details_types_supported: Vec<String>,
    /// Whether a `client_id` may be the address of a document about the client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_id_metadata_document_supported: bool,
    /// `["none"]` and what else the vault offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// `["ES256"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// `["ES256"]` (RFC 9449 section 5.1)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// The `base_url` of every provider (RFC 9728 section 4).
    pub protected_resources: Vec<Url>,
    /// `["1.0"]`
    pub okap_versions_supported: Vec<String>,
    /// Where a direct request goes.
    pub okap_direct_endpoint: Url,
    /// Where an app learns what is left of its limits.
    pub okap_limits_endpoint: Url,
    /// Where an app looks at its grant, or gives it back: `{endpoint}/{grant_id}`.
    pub okap_grants_endpoint: Url,
    /// Providers that can be asked for; the key of one may be missing.
    pub okap_providers_supported: Vec<Provider>,
    /// Capabilities that can be asked for.
    pub okap_capabilities_supported: Vec<Capability>,
    /// Members that a details object may have.
    pub okap_detail_fields_supported: Vec<String>,
    /// Parts of the protocol that this vault claims.
    pub okap_profiles_supported: Vec<String>,
}

/// `/.well-known/oauth-protected-resource/v1/{provider}` (RFC 9728).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProtectedResource {
    /// The `base_url` of the provider; compared byte by byte.
    pub resource: Url,
    /// The vault's identity.
    pub authorization_servers: Vec<String>,
    /// `["header"]`
    pub bearer_methods_supported: Vec<String>,
    /// `["ES256"]`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop_signing_alg_values_supported: Vec<String>,
    /// `["ai_model_access"]`
    pub authorization_details_types_supported: Vec<String>,
    /// What a person may call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
}
