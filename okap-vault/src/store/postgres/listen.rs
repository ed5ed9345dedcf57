//! Hears of changes that other nodes made.

use std::{sync::OnceLock, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::{sync::watch, task::JoinHandle};
use tokio_postgres::{AsyncMessage, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where changes are told.
pub(super) const CHANNEL: &str = "okap_vault";
/// How long to wait before a lost connection is tried again: longer each time, up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// How long a connection may take to stand and to listen.
const STANDING: Duration = Duration::from_secs(10);

/// One connection that listens, from the first time that somebody wants to know.
pub(super) struct Listener {
    config: Config,
    tls: MakeRustlsConnect,
    heard: watch::Sender<()>,
    task: OnceLock<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn new(config: Config, tls: MakeRustlsConnect) -> Self {
        Self { config, tls, heard: watch::Sender::new(()), task: OnceLock::new() }
    }

    /// Resolves at the next notice, and once the connection stands again after it was lost.
    pub(super) async fn heard(&self) {
        let mut heard = self.heard.subscribe();
        self.task.get_or_init(|| {
            let (config, tls, heard) = (self.config.clone(), self.tls.clone(), self.heard.clone());
            tokio::spawn(listen(config, tls, heard))
        });
        // the sender lives as long as `self`
        let _ = heard.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

async fn listen(config: Config, tls: MakeRustlsConnect, heard: watch::Sender<()>) {
    let mut wait = AGAIN.0;
    loop {
        let mut has_listened = false;
        let lost = listen_once(&config, tls.clone(), &heard, &mut has_listened).await;
        if has_listened || wait == AGAIN.0 {
            // once, however often it is tried
            let error = lost.err();
            let error = error.as_ref().map(|error| error as &dyn std::error::Error);
            tracing::warn!(
                error,
                "changes by other nodes cannot be heard; they are looked for until they can"
            );
            wait = AGAIN.0;
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(AGAIN.1);
    }
}

/// Listens until the connection is lost.
async fn listen_once(
    config: &Config,
    tls: MakeRustlsConnect,
    heard: &watch::Sender<()>,
    has_listened: &mut bool,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls).await?;
    let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
    let begin = async {
        // the connection works only while it is polled
        let listening = client.batch_execute("LISTEN okap_vault");
        tokio::pin!(listening);
        loop {
            tokio::select! {
                begun = &mut listening => return begun,
                message = messages.next() => match message {
                    Some(Err(error)) => return Err(error),
                    None => return listening.await,
                    Some(Ok(_)) => {}
                },
            }
        }
    };
    match tokio::time::timeout(STANDING, begin).await {
        Ok(begun) => begun?,
        Err(_) => return Ok(()),
    }
    // something may have been told while nobody listened
    heard.send_replace(());
    *has_listened = true;
    while let Some(message) = messages.next().await {
        if let AsyncMessage::Notification(_) = message? {
            heard.send_replace(());
        }
    }
    drop(client);
    Ok(())
}
