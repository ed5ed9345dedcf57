use http::header;
use okap_engine::address::{base_url, endpoint};
use okap_types::{
    Capability, Provider, Version,
    oauth::{DEVICE_CODE, Metadata, ProtectedResource, TOKEN_EXCHANGE},
};
use url::Url;

use crate::{
    Consent, Vault,
    core::Core,
    reply::{self, Reply},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `GET /.well-known/oauth-authorization-server` (RFC 8414)
    pub(crate) fn metadata(&self) -> Reply {
        let profile = &self.config.profile;
        let at = |path: &str| endpoint(&profile.issuer, path);
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        // only a client with a document has a key to sign with
        let methods = match self.clients {
            Some(_) => words(&["none", "private_key_jwt"]),
            None => words(&["none"]),
        };
        let device = self.config.device_page.is_some();
        let mut grant_types = words(&["authorization_code", "refresh_token", TOKEN_EXCHANGE]);
        let mut profiles = words(&["core", "oauth", "proxy", "limits", "dpop", "delegation"]);
        if device {
            grant_types.push(DEVICE_CODE.to_owned());
            profiles.push("device".to_owned());
        }
        let resources = profile.providers.iter().map(|p| base_url(&profile.issuer, p));
        let metadata = Metadata {
            issuer: profile.issuer_text(),
            authorization_endpoint: Some(at("okap/authorize")),
            token_endpoint: Some(at("okap/token")),
            pushed_authorization_request_endpoint: Some(at("okap/par")),
            require_pushed_authorization_requests: true,
            revocation_endpoint: at("okap/revoke"),
            introspection_endpoint: at("okap/introspect"),
            introspection_endpoint_auth_methods_supported: words(&["client_secret_basic"]),
            device_authorization_endpoint: device.then(|| at("okap/device_authorization")),
            response_types_supported: words(&["code"]),
            response_modes_supported: words(&["query"]),
            grant_types_supported: grant_types,
            code_challenge_methods_supported: words(&["S256"]),
            authorization_response_iss_parameter_supported: true,
            authorization_details_types_supported: words(&["ai_model_access"]),
            client_id_metadata_document_supported: self.clients.is_some(),
            token_endpoint_auth_methods_supported: methods,
            token_endpoint_auth_signing_alg_values_supported: words(&["ES256"]),
            dpop_signing_alg_values_supported: words(&["ES256"]),
            protected_resources: resources.collect(),
            okap_versions_supported: words(Version::SUPPORTED),
            okap_direct_endpoint: at("okap/authorize"),
            okap_limits_endpoint: at("okap/limits"),
            okap_grants_endpoint: at("okap/grants"),
            okap_providers_supported: profile.providers.clone(),
            okap_capabilities_supported: vec![
                Capability::Chat,
                Capability::Completions,
                Capability::Embeddings,
                Capability::Images,
                Capability::Audio,
                Capability::Moderation,
                Capability::Vision,
            ],
            okap_detail_fields_supported: words(&[
                "provider",
                "models",
                "capabilities",
                "limits",
                "expires",
                "reason",
            ]),
            okap_profiles_supported: profiles,
        };
        let mut answer = reply::json(200, &metadata);
        reply::set(&mut answer, header::CACHE_CONTROL, "max-age=300");
        answer
    }

    /// `GET /.well-known/oauth-protected-resource/v1/{provider}` (RFC 9728)
    pub(crate) fn protected_resource(&self, provider: &Provider) -> Reply {
        let profile = &self.config.profile;
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let metadata = ProtectedResource {
            resource: base_url(&profile.issuer, provider),
            authorization_servers: vec![profile.issuer_text()],
            bearer_methods_supported: words(&["header"]),
            dpop_signing_alg_values_supported: words(&["ES256"]),
            authorization_details_types_supported: words(&["ai_model_access"]),
            resource_name: Some(format!("{provider} through this vault")),
        };
        let mut answer = reply::json(200, &metadata);
        reply::set(&mut answer, header::CACHE_CONTROL, "max-age=300");
        answer
    }

    /// Where a provider's `base_url` is described: the well-known part stands before the path
    /// (RFC 9728 section 3.1).
    pub(crate) fn protected_resource_url(&self, provider: &Provider) -> Url {
        let mut url = base_url(&self.config.profile.issuer, provider);
        let path = format!("/.well-known/oauth-protected-resource{}", url.path());
        url.set_path(&path);
        url
    }
}
