use std::{sync::Arc, time::Duration};

use okap_engine::{
    flow::Profile,
    price::PriceBook,
    provider::{Upstream as UpstreamProvider, Upstreams},
};
use okap_types::Provider;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

/// How a vault is set up; every value has a sensible default.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the vault says of itself.
    pub profile: Profile,
    /// The providers it forwards to.
    pub upstreams: Upstreams,
    /// What models cost; `None` takes the embedded book.
    pub prices: Option<Arc<PriceBook>>,
    /// Longest body of a proxied call, in bytes.
    pub longest_call: usize,
    /// Most calls of one account under way at once, streams among them.
    pub calls_at_once: usize,
    /// How long a call waits for money that is held for others and may come back, before it is
    /// refused.
    pub wait_for_money: Duration,
    /// Whether each hold is in the store before its call leaves. Else a node takes a little ahead,
    /// and a crash leaves that counted as spent until its window ends.
    pub strict_holds: bool,
    /// How long a provider may take until its answer begins.
    pub answer_within: Duration,
    /// How long a stream may be silent.
    pub silence: Duration,
    /// How long an app may take to send a request.
    pub request_within: Duration,
    /// The page on which the user types the code of another device; `None` where the host has
    /// none, and then there is no device flow.
    pub device_page: Option<Url>,
    /// Who may ask what a token is worth (RFC 7662).
    pub resource_servers: Vec<ResourceServer>,
    /// Whether DPoP proofs have to carry a nonce of the vault (RFC 9449 section 8).
    pub dpop_nonce: bool,
}

/// A resource server that may introspect tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    /// What it calls itself in HTTP Basic.
    pub id: String,
    /// The SHA-256 of its secret; the secret is not kept.
    pub secret_sha256: [u8; 32],
}

impl ResourceServer {
    pub(crate) fn is(&self, id: &str, secret: &str) -> bool {
        let sent: [u8; 32] = Sha256::digest(secret).into();
        let same = sent.ct_eq(&self.secret_sha256);
        self.id == id && bool::from(same)
    }
}

impl Config {
    /// A vault at an address, forwarding to the public providers.
    #[must_use]
    pub fn at(issuer: Url) -> Self {
        let upstreams = Upstreams::presets();
        let mut profile = Profile::new(issuer);
        profile.providers = upstreams.providers().cloned().collect();
        Self {
            profile,
            upstreams,
            prices: None,
            longest_call: 32 * 1024 * 1024,
            calls_at_once: 256,
            wait_for_money: Duration::from_secs(10),
            strict_holds: false,
            answer_within: Duration::from_secs(600),
            silence: Duration::from_secs(300),
            request_within: Duration::from_secs(30),
            device_page: None,
            resource_servers: Vec::new(),
            dpop_nonce: false,
        }
    }

    /// Adds or replaces the way to a provider.
    #[must_use]
    pub fn upstream(mut self, provider: Provider, upstream: UpstreamProvider) -> Self {
        self.upstreams = self.upstreams.with(provider, upstream);
        self.profile.providers = self.upstreams.providers().cloned().collect();
        self
    }
}
