//! The client against a small vault that can be honest or not. The name of each test is what it
//! shows; where the client refuses something, its valid twin stands beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod browser;
mod code;
#[cfg(all(feature = "reqwest", target_os = "linux"))]
mod desktop;
mod direct;
mod discovery;
mod errors;
mod grant;
mod loopback;
mod polling;
#[cfg(feature = "reqwest")]
mod real;
mod revoke;
mod vault;

use okap_client::{Client, ClientInfo, Limits, ModelAccess, Money, Provider};

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
