//! What the endpoints share. Each room adds its own part to [`Core`].

use std::sync::{Arc, OnceLock};

use okap_engine::price::PriceBook;
use okap_types::Secret;
use tokio::sync::Notify;

use crate::{
    Config,
    allowance::Allowance,
    clients::Clients,
    ports::{Forward, Upstream},
    proxy::Addresses,
    remembered::Remembered,
    throttle::Throttle,
};

/// All that the endpoints share.
pub(crate) struct Core<V, C> {
    pub(crate) config: Config,
    pub(crate) prices: Arc<PriceBook>,
    pub(crate) vault: V,
    pub(crate) consent: C,
    pub(crate) upstream: Box<dyn Upstream>,
    pub(crate) clock: Forward,
    /// The documents of published apps; `None` where they cannot be fetched.
    pub(crate) clients: Option<Clients>,
    /// What nonces are made of, once that is known.
    pub(crate) nonces: OnceLock<Secret<[u8; 32]>>,
    pub(crate) allowance: Allowance,
    pub(crate) remembered: Remembered,
    pub(crate) addresses: Addresses,
    pub(crate) throttle: Throttle,
    /// Rings when a request has been decided in this process.
    pub(crate) decided: Notify,
}

impl<V, C> std::fmt::Debug for Core<V, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("issuer", &self.config.profile.issuer.as_str())
            .finish_non_exhaustive()
    }
}
