//! The addresses below a vault's issuer.

use okap_types::Provider;
use url::Url;

/// An address below the issuer.
#[must_use]
pub fn endpoint(issuer: &Url, path: &str) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{}/{path}", issuer.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Where calls to a provider go: `{issuer}/v1/{provider}`, no trailing slash.
#[must_use]
pub fn base_url(issuer: &Url, provider: &Provider) -> Url {
    endpoint(issuer, &format!("v1/{provider}"))
}
