use std::{io::IsTerminal, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use serde_json::json;
use tokio::signal;
use tracing_subscriber::{EnvFilter, filter::Directive};
use url::Url;

use super::{Common, unlock::Unlock};
use crate::{
    keys, out,
    serve::{self, Options, TlsFiles},
    user,
};

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The vault's address as apps and browsers see it [default: http://ADDRESS]
    #[arg(long, value_name = "URL")]
    issuer: Option<Url>,
    /// The certificate chain to speak TLS with, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy in front speaks TLS, passes Host on and names the client last in X-Forwarded-For
    #[arg(long)]
    behind_tls_proxy: bool,
    /// Lets a conformance suite decide, seed keys and turn the clock at /__okap_test, without a
    /// password: for tests alone, on this computer alone, never with keys that open something
    #[arg(long, conflicts_with = "behind_tls_proxy")]
    conformance_hook: bool,
    #[command(flatten)]
    unlock: Unlock,
}

const AFTER_HELP: &str = "\
Examples:
  okap-vault serve                                    on this computer alone
  OKAP_PASSPHRASE=… okap-vault serve                  without asking
  okap-vault serve --key-file /etc/okap/key           asks at the first start alone
  okap-vault serve --listen 0.0.0.0:443 --issuer https://vault.example.com \\
      --tls-cert chain.pem --tls-key key.pem          for other computers too

  okap-vault serve --database postgres://okap@db.example.com/vault
                                                      a node, one of any number

The first start asks for a passphrase, which seals the keys and signs you in, and makes the
database. Once it takes calls it says so in one line on standard output.";

pub(super) async fn run(common: &Common, args: Args) -> anyhow::Result<()> {
    log_to_stderr()?;
    // said before a passphrase is asked for
    serve::check(
        args.listen,
        args.issuer.as_ref(),
        args.tls_cert.is_some(),
        args.behind_tls_proxy,
    )?;
    let home = common.home()?;
    let settings = common.settings(&home)?;
    let unlocked = args.unlock.open(&home).await?;
    let _serving = home.serving()?;
    let database = unlocked.vault.database().clone();
    let tls = args.tls_cert.zip(args.tls_key).map(|(cert, key)| TlsFiles { cert, key });
    let options = Options {
        vault: unlocked.vault,
        listen: args.listen,
        issuer: args.issuer,
        settings,
        tls,
        behind_tls_proxy: args.behind_tls_proxy,
        danger_conformance_hook: args.conformance_hook,
    };
    let stop = Stop::listen()?;
    let mut running = serve::start(options).await?;
    let url = running.url.as_str().trim_end_matches('/').to_owned();
    match common.json {
        true => out::line(&json!({ "ready": true, "url": url }).to_string()),
        false => out::line(&format!("okap-vault is ready at {url}")),
    }
    if unlocked.is_new {
        out::hint(&format!(
            "A new vault in {}. Sign in at {url}/grants with the passphrase.",
            database.place()
        ));
    }
    if args.conformance_hook {
        out::hint("The conformance hook is on: any program on this computer can act as the owner.");
    }
    if keys::kept(&database, &user::owner()).await?.is_empty() {
        out::hint("It has no keys yet. In another terminal: okap-vault keys add openai");
    }
    tokio::select! {
        ended = running.join() => ended,
        () = stop.told() => {
            tracing::info!("stopping");
            running.stop().await
        }
    }
}

/// The signals that end a server.
struct Stop {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let on = |kind| signal::unix::signal(kind).context("signals cannot be heard");
        let (terminate, interrupt) =
            (signal::unix::SignalKind::terminate(), signal::unix::SignalKind::interrupt());
        Ok(Self { terminate: on(terminate)?, interrupt: on(interrupt)? })
    }

    async fn told(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    async fn told(self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Logs to standard error as `OKAP_LOG` says.
///
/// Libraries stay at `info` unless named one by one: below it some write what goes by.
fn log_to_stderr() -> anyhow::Result<()> {
    let wanted = std::env::var("OKAP_LOG").unwrap_or_default();
    let mut filter = match wanted.is_empty() {
        true => EnvFilter::new("info"),
        false => {
            EnvFilter::try_new(&wanted).context("OKAP_LOG does not hold; try OKAP_LOG=debug")?
        }
    };
    for library in
        ["hyper", "hyper_util", "h2", "rustls", "reqwest", "axum", "tower", "tokio_postgres"]
    {
        if !wanted.contains(library) {
            filter = filter.add_directive(format!("{library}=info").parse::<Directive>()?);
        }
    }
    // already set where another part of the process was first
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}
