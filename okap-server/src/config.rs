use std::{sync::Arc, time::Duration};

use okap_engine::{
    flow::Profile,
    price::PriceBook,
    provider::{Upstream as UpstreamProvider, Upstreams},
};
use okap_types::Provider;
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
    /// How long a provider may take until its answer begins.
    pub answer_within: Duration,
    /// How long a stream may be silent.
    pub silence: Duration,
    /// How long an app may take to send a request.
    pub request_within: Duration,
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
            answer_within: Duration::from_secs(600),
            silence: Duration::from_secs(300),
            request_within: Duration::from_secs(30),
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
