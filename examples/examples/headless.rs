//! Approval without a person, within a stated policy: for a machine that nobody watches.
//!
//! `OPENAI_API_KEY=sk-… cargo run --example headless`, then point apps at the address it prints.
//! It listens on this computer alone; every app there gets what the policy allows and no more.

#![allow(clippy::print_stdout, reason = "it says where it is")]

use okap_server::{AutoApprove, Config, MemoryVault, OkapService, Owner};
use okap_types::{Limits, Money, Provider, Secret};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let key = std::env::var("OPENAI_API_KEY")?;
    let owner = Owner::new("me");
    let vault = MemoryVault::new().with_key(&owner, Provider::OpenAi, Secret::new(key));
    let policy = AutoApprove::for_owner(owner)
        .models(["gpt-4o-mini", "text-embedding-3-small"])?
        .limits(Limits::daily(Money::usd(1)).per_minute(10));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://{}", listener.local_addr()?);
    let okap = OkapService::new(Config::at(issuer.parse()?), vault, policy)?;
    println!("{issuer}");
    axum::serve(listener, axum::Router::new().fallback_service(okap)).await?;
    Ok(())
}
