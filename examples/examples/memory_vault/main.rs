//! A whole vault in memory: keys of this process, a page on which their owner decides, and a file to
//! which all else is written when the vault is told to stop. The file is gone while it runs: one that
//! was killed begins anew, and nothing that was revoked meanwhile stands again.
//!
//! `OKAP_PASSWORD=… OPENAI_API_KEY=sk-… cargo run --example memory_vault`
//!
//! `okap-target.toml` beside it is how `okap-conformance` tests it, by the hook that `desk` completes.

#![allow(clippy::print_stdout, reason = "it says where it is")]

mod desk;
mod pages;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use okap_server::{
    Config, ConsentPage, MemoryVault, OkapService, Owner, Peer,
    hook::{self, Hook},
};
use okap_types::{Provider, Secret};
use tokio::net::TcpListener;
use url::{Position, Url};

/// How long calls under way may go on once the vault is told to stop, and how long they may take to
/// be settled then.
const GRACE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let password = set("OKAP_PASSWORD").context("set OKAP_PASSWORD: its owner signs in with it")?;
    let file = PathBuf::from(set("OKAP_STATE").unwrap_or("memory-vault.json".to_owned()));
    let vault = Arc::new(match fs::read(&file) {
        Ok(written) => MemoryVault::read_back(&written)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => MemoryVault::new(),
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
    let issuer: Url = format!("http://{}", listener.local_addr()?).parse()?;
    let name = Arc::from(&issuer[Position::BeforeHost..Position::AfterPort]);
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
        .layer(middleware::from_fn_with_state(name, enter))
        .into_make_service_with_connect_info::<SocketAddr>();
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    println!("the vault is ready at {}", control.issuer());
    let serving = axum::serve(listener, app).with_graceful_shutdown(told_to_stop());
    tokio::select! {
        ended = async { serving.await } => ended?,
        () = async { told_to_stop().await; tokio::time::sleep(GRACE).await } => {}
    }
    control.settled(GRACE).await;
    write(&file, &vault.written_out()?).context(file.display().to_string())
}

/// Writes a file that nobody else reads.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(file)?, bytes)
}

/// Whose keys these are.
fn owner() -> Owner {
    Owner::new("owner")
}

/// Lets in a request that names this vault, and tells where it comes from. A page of another site whose
/// name was bent to this computer can send no name but its own.
async fn enter(
    State(name): State<Arc<str>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.headers().get(header::HOST).is_none_or(|host| host.as_bytes() != name.as_bytes()) {
        let said = format!("this vault answers at http://{name} alone");
        return (StatusCode::MISDIRECTED_REQUEST, said).into_response();
    }
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
