//! The client against a small vault that can be honest or not. The name of each test is what it
//! shows; where the client refuses something, its valid twin stands beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "browser")]
mod code;
#[cfg(all(feature = "browser", feature = "reqwest", target_os = "linux"))]
mod desktop;
mod devices;
mod direct;
mod discovery;
mod errors;
mod grant;
#[cfg(feature = "dpop")]
mod keys;
#[cfg(feature = "browser")]
mod loopback;
mod more;
mod own;
mod polling;
#[cfg(all(feature = "browser", feature = "reqwest"))]
mod real;
mod refusals;
mod revoke;
mod sessions;
mod stores;
mod vault;
#[cfg(feature = "browser")]
mod web;

use std::time::Duration;

use okap_client::{
    Access, Client, ClientBuilder, ClientInfo, Limits, ModelAccess, Money, Provider,
};

pub(crate) use vault::{Canned, Vault};

pub(crate) const VAULT: &str = "https://vault.test";

/// What most tests ask for.
pub(crate) fn ask() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4o-mini"])
        .limits(Limits::monthly(Money::usd(10)))
        .reason("Summarise your notes")
}

/// A vault and a client that reaches it without a network.
pub(crate) fn pair() -> (Vault, Client) {
    pair_at(VAULT)
}

pub(crate) fn pair_at(issuer: &str) -> (Vault, Client) {
    let vault = Vault::new(issuer);
    let client = client_of(&vault, issuer);
    (vault, client)
}

pub(crate) fn client_of(vault: &Vault, url: &str) -> Client {
    let info = ClientInfo::new("Notes").unwrap();
    Client::with_transport(url.parse().unwrap(), info, vault.transport()).unwrap()
}

/// A client of a vault that differs from the ordinary one.
pub(crate) fn built(vault: &Vault, build: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let info = ClientInfo::new("Notes").unwrap();
    let builder = Client::builder(VAULT.parse().unwrap(), info).transport(vault.transport());
    build(builder).build().unwrap()
}

/// Access that can be renewed.
pub(crate) async fn renewable(client: &Client) -> Access {
    let prompt = client.start_on_device(ask()).await.unwrap();
    prompt.wait(Duration::from_secs(60)).await.unwrap()
}
