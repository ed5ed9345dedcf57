//! A whole vault in memory: keys of this process, a page on which their owner decides, and a file to
//! which all else is written when the vault is told to stop.
//!
//! `OKAP_PASSWORD=… OPENAI_API_KEY=sk-… cargo run --example memory_vault`
//!
//! `okap-target.toml` beside it is how `okap-conformance` tests it, by the hook that `desk` completes.

#![allow(clippy::print_stdout, reason = "it says where it is")]

mod desk;
mod pages;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::{self, Next},
    response::Response,
};
use okap_server::{
    Config, ConsentPage, MemoryVault, OkapService, Owner, Peer,
    hook::{self, Hook},
};
use okap_types::{Provider, Secret};
use tokio::net::TcpListener;

/// How long calls under way may go on once the vault is told to stop, and how long they may take to
/// be settled then.
const GRACE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let password = set("OKAP_PASSWORD").context("set OKAP_PASSWORD: its owner signs in with it")?;
    let file = PathBuf::from(set("OKAP_STATE").unwrap_or("memory-vault.json".to_owned()));
    let vault = Arc::new(match std::fs::read(&file) {
        Ok(written) => MemoryVault::read_back(&written)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => MemoryVault::new(),
        Err(error) => return Err(error).context(file.display().to_string()),
    });
    for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Google] {
        if let Some(key) = set(&format!("{}_API_KEY", provider.as_str().to_uppercase())) {
            vault.keep_key(&owner(), provider, Secret::new(key));
        }
    }
    let listener =
        TcpListener::bind(set("OKAP_LISTEN").unwrap_or("127.0.0.1:8787".to_owned())).await?;
    anyhow::ensure!(listener.local_addr()?.ip().is_loopback(), "it has no TLS: use 127.0.0.1");
    let issuer = format!("http://{}", listener.local_addr()?).parse()?;
    let consent = ConsentPage::at(&issuer, "consent");
    let mut config = Config::at(issuer);
    if let Some(seconds) = set("OKAP_PATIENCE") {
        config.answer_within = Duration::from_secs(seconds.parse()?);
    }

    let (sessions, app) = (Arc::<pages::Sessions>::default(), Router::new());
    let (okap, app) = match std::env::args().any(|word| word == "--conformance-hook") {
        true => {
            let desk = desk::Desk::of(vault.clone(), sessions.clone(), &file);
            let (okap, hook) = Hook::danger_around(config, vault.clone(), consent, desk)?;
            (okap, app.route_service(hook::PATH, hook))
        }
        false => (OkapService::new(config, vault.clone(), consent)?, app),
    };
    let control = okap.control();
    let app = app
        .merge(pages::router(control.clone(), sessions, password))
        .fallback_service(okap)
        .layer(middleware::from_fn(with_peer))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("the vault is ready at {}", control.issuer());
    let serving = axum::serve(listener, app).with_graceful_shutdown(told_to_stop());
    tokio::select! {
        ended = async { serving.await } => ended?,
        () = async { told_to_stop().await; tokio::time::sleep(GRACE).await } => {}
    }
    control.settled(GRACE).await;
    std::fs::write(&file, vault.written_out()?).context(file.display().to_string())
}

/// Whose keys these are.
fn owner() -> Owner {
    Owner::new("owner")
}

/// Tells the vault where a request comes from.
async fn with_peer(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(Peer(from.ip()));
    next.run(request).await
}

async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! { _ = term.recv() => {}, _ = interrupt => {} }
        return;
    }
    let _ = interrupt.await;
}
