//! The vault behind one address: protocol, pages and health, over TLS or on this computer alone.

mod address;
mod door;
mod front;
mod hook;
mod listener;
mod tls;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::Context;
use axum::{Router, extract::State, http::StatusCode, middleware, routing::get};
use okap_server::{ConsentPage, Control, OkapService, hook::Hook};
use tokio::{sync::watch, task::JoinHandle};
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use crate::{
    config::Settings,
    pages::{self, Pages},
    store::{Database, StoredVault},
};
use door::Door;
use front::Front;
use hook::Desk;

pub use address::AddressError;
pub(crate) use address::check;
pub use tls::{TlsError, TlsFiles};

/// How long settlements of calls that were cut may take after that.
const SETTLE: Duration = Duration::from_secs(5);
/// How often what may be forgotten is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// How a vault is served.
#[derive(Debug)]
pub struct Options {
    /// What is served.
    pub vault: StoredVault,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its address as apps and browsers see it; `None` takes the address it listens on.
    pub issuer: Option<Url>,
    /// Providers, prices, patience.
    pub settings: Settings,
    /// The certificate to speak TLS with.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front speaks TLS and names each client in `X-Forwarded-For`.
    pub behind_tls_proxy: bool,
    /// Whether a conformance suite may decide, seed and turn the clock over HTTP. Whoever reaches
    /// the vault is then its owner: for tests alone, with keys that open nothing.
    pub danger_conformance_hook: bool,
}

impl Options {
    /// On this computer alone, at a free port.
    #[must_use]
    pub fn local(vault: StoredVault) -> Self {
        Self {
            vault,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            issuer: None,
            settings: Settings::default(),
            tls: None,
            behind_tls_proxy: false,
            danger_conformance_hook: false,
        }
    }
}

/// A vault that is being served.
#[derive(Debug)]
pub struct Running {
    /// Its address as apps and browsers see it.
    pub url: Url,
    /// What its pages act through.
    pub control: Control<StoredVault, ConsentPage>,
    /// Its database.
    pub database: Database,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    sweeping: JoinHandle<()>,
}

impl Running {
    /// Takes no more calls, and ends within 10 s; calls under way may end by themselves.
    pub fn shutdown(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has ended, by [`Running::shutdown`] or a failure.
    ///
    /// # Errors
    /// What ended it.
    pub async fn join(&mut self) -> anyhow::Result<()> {
        let ended = (&mut self.serving).await;
        self.sweeping.abort();
        if !self.control.settled(SETTLE).await {
            tracing::warn!("stopped with calls under way; what was held for them stays charged");
        }
        ended.context("the server failed")
    }

    /// Shuts down and waits for the end.
    ///
    /// # Errors
    /// As [`Running::join`].
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown();
        self.join().await
    }
}

/// Serves a vault in this process until it is told to stop; it takes calls once this returns.
///
/// # Errors
/// What stands in the way, in words for the user.
pub async fn start(options: Options) -> anyhow::Result<Running> {
    let Options { vault, listen, issuer, settings, tls, behind_tls_proxy, .. } = options;
    check(listen, issuer.as_ref(), tls.is_some(), behind_tls_proxy)?;
    let hooked = options.danger_conformance_hook;
    if hooked {
        address::check_hook(listen, issuer.as_ref(), behind_tls_proxy)?;
    }
    let tls = tls.as_ref().map(TlsFiles::config).transpose()?;
    let (listener, listen) = bind(listen)?;
    let url = match issuer {
        Some(issuer) => issuer,
        None => address::of_listener(listen, tls.is_some())?,
    };

    let consent = ConsentPage::at(&url, "consent");
    let mut config = settings.config(url.clone())?;
    config.device_page = Some(pages::device_page(&url));
    let (okap, hook) = match hooked {
        true => {
            let desk = Desk::of(vault.clone(), url.scheme() == "https")?;
            let (okap, hook) = Hook::danger_around(config, vault.clone(), consent, desk)?;
            (okap, Router::new().route_service(okap_server::hook::PATH, hook))
        }
        false => (OkapService::new(config, vault.clone(), consent)?, Router::new()),
    };
    let (control, database) = (okap.control(), vault.database().clone());
    anyhow::ensure!(control.look_around().await, "the database does not answer");
    let pages = Pages { control: control.clone(), database: database.clone(), issuer: url.clone() };
    let door = Door::new(&url, listen, tls.is_some(), behind_tls_proxy);
    let router = Router::new()
        .merge(pages::router(pages))
        .merge(hook)
        .fallback_service(okap.clone())
        .layer(middleware::from_fn_with_state(door.clone(), door::enter))
        .layer(CatchPanicLayer::new());
    // outside of the door: whoever watches over the vault may name it by any address
    let router = Router::new()
        .route("/healthz", get(health))
        .with_state(database.clone())
        .fallback_service(router);

    let (stop, stopped) = watch::channel(false);
    let front = Front::new(door, url.path(), okap, router);
    let listener = listener::adopt(listener)?;
    let serving = tokio::spawn(listener::listen(listener, tls, front, stopped));
    let sweeping = tokio::spawn(sweep(control.clone()));
    Ok(Running { url, control, database, stop, serving, sweeping })
}

fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), AddressError> {
    let bound = TcpListener::bind(listen).and_then(|bound| Ok((bound.local_addr()?, bound)));
    match bound {
        Ok((at, bound)) => Ok((bound, at)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(AddressError::Taken(listen)),
        Err(error) => Err(AddressError::NotBound(listen, error)),
    }
}

async fn health(State(database): State<Database>) -> (StatusCode, &'static str) {
    match database.look().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read"),
    }
}

async fn sweep(control: Control<StoredVault, ConsentPage>) {
    let mut minutes = tokio::time::interval(SWEEP);
    minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        minutes.tick().await;
        // in small steps, so that calls get in between
        loop {
            match control.vault().database().sweep(control.now()).await {
                Ok(0) => break,
                Ok(removed) => tracing::debug!(removed, "swept"),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not sweep");
                    break;
                }
            }
        }
    }
}
