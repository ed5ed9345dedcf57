use http::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::{
    Error, Transport,
    client::Keys,
    error::{Kind, foreign},
    key::Key,
    vault::Vault,
    wire::{self, PROMPT},
};

/// The members of the vault's metadata (RFC 8414) that this client needs, checked.
///
/// Not `okap_types::oauth::Metadata`, which is what a vault must publish: a client gets along
/// with less, such as a vault that offers direct requests only.
#[derive(Deserialize)]
pub(crate) struct Discovery {
    issuer: String,
    authorization_endpoint: Option<Url>,
    token_endpoint: Option<Url>,
    pushed_authorization_request_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
    okap_direct_endpoint: Option<Url>,
    okap_limits_endpoint: Option<Url>,
    okap_grants_endpoint: Option<Url>,
    #[cfg(feature = "browser")]
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[cfg(feature = "browser")]
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    dpop_signing_alg_values_supported: Vec<String>,
}

/// What the code flow needs.
#[cfg(feature = "browser")]
pub(crate) struct CodeEndpoints<'a> {
    pub(crate) push: &'a Url,
    pub(crate) authorize: &'a Url,
    pub(crate) token: &'a Url,
}

impl Discovery {
    /// Fetches the metadata and checks that it is the chosen vault's and stays at the vault.
    pub(crate) async fn fetch(vault: &Vault, transport: &dyn Transport) -> Result<Self, Error> {
        let request = wire::get(&vault.metadata_url())?;
        let found: Self =
            wire::exchange(transport, request, PROMPT).await?.expect(StatusCode::OK)?;
        if found.issuer != vault.issuer() {
            let text = format!(
                "metadata is of issuer {:?}, not of {:?}",
                foreign(&found.issuer),
                vault.issuer()
            );
            return Err(Error::untrusted(text));
        }
        let endpoints = [
            ("authorization_endpoint", &found.authorization_endpoint),
            ("token_endpoint", &found.token_endpoint),
            ("pushed_authorization_request_endpoint", &found.pushed_authorization_request_endpoint),
            ("device_authorization_endpoint", &found.device_authorization_endpoint),
            ("revocation_endpoint", &found.revocation_endpoint),
            ("okap_direct_endpoint", &found.okap_direct_endpoint),
            ("okap_limits_endpoint", &found.okap_limits_endpoint),
            ("okap_grants_endpoint", &found.okap_grants_endpoint),
        ];
        for (name, endpoint) in endpoints {
            if let Some(url) = endpoint {
                vault.owns(name, url)?;
            }
        }
        Ok(found)
    }

    pub(crate) fn direct(&self) -> Result<&Url, Error> {
        offered("okap_direct_endpoint", &self.okap_direct_endpoint)
    }

    pub(crate) fn revocation(&self) -> Result<&Url, Error> {
        offered("revocation_endpoint", &self.revocation_endpoint)
    }

    pub(crate) fn token(&self) -> Result<&Url, Error> {
        offered("token_endpoint", &self.token_endpoint)
    }

    pub(crate) fn device(&self) -> Result<&Url, Error> {
        offered("device_authorization_endpoint", &self.device_authorization_endpoint)
    }

    pub(crate) fn limits(&self) -> Result<&Url, Error> {
        offered("okap_limits_endpoint", &self.okap_limits_endpoint)
    }

    pub(crate) fn grants(&self) -> Result<&Url, Error> {
        offered("okap_grants_endpoint", &self.okap_grants_endpoint)
    }

    /// A new key for a token to be bound to, where that is wanted of the vault and can be had.
    pub(crate) fn key(&self, keys: Keys) -> Result<Option<Key>, Error> {
        let can = self.dpop_signing_alg_values_supported.iter().any(|alg| alg == "ES256");
        match (keys.wanted, can) {
            (true, true) => Key::generate().map(Some),
            (true, false) if !keys.unbound_will_do => {
                let text = "metadata does not offer tokens bound to a key of ES256";
                Err(Error::new(Kind::Unbound, text))
            }
            _ => Ok(None),
        }
    }

    /// The endpoints of the code flow, of a vault that protects it: PKCE with S256 (RFC 7636)
    /// and `iss` in the answer (RFC 9207).
    #[cfg(feature = "browser")]
    pub(crate) fn code(&self) -> Result<CodeEndpoints<'_>, Error> {
        if !self.code_challenge_methods_supported.iter().any(|m| m == "S256") {
            return Err(Error::untrusted("metadata does not offer the S256 code challenge"));
        }
        if !self.authorization_response_iss_parameter_supported {
            return Err(Error::untrusted("metadata does not promise iss in authorization answers"));
        }
        Ok(CodeEndpoints {
            push: offered(
                "pushed_authorization_request_endpoint",
                &self.pushed_authorization_request_endpoint,
            )?,
            authorize: offered("authorization_endpoint", &self.authorization_endpoint)?,
            token: offered("token_endpoint", &self.token_endpoint)?,
        })
    }
}

fn offered<'a>(name: &str, endpoint: &'a Option<Url>) -> Result<&'a Url, Error> {
    endpoint.as_ref().ok_or_else(|| Error::new(Kind::Vault, format!("the vault has no {name}")))
}
