//! Who decides in the demo: the page, the person at the terminal, or the demo itself.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use tokio::sync::oneshot;
use url::Url;

use super::stage::Stage;
use crate::out;

/// Decides without the page where it may; else waits for ever, so that the page decides.
pub(super) async fn here(stage: &Stage, page: &Url, yes: bool) -> anyhow::Result<()> {
    let allow = match yes {
        true => Some(true),
        false if std::io::stdin().is_terminal() => {
            out::line("              decide on the page, or here: y allows, n denies, then Enter");
            asked().await
        }
        false => {
            out::line(
                "              waiting for your decision on that page; --yes decides by itself",
            );
            None
        }
    };
    let Some(allow) = allow else { return std::future::pending().await };
    let id = page.path_segments().and_then(Iterator::last).context("the page has no id")?;
    stage.decide(id, allow).await?;
    // the app hears of it by itself
    std::future::pending().await
}

/// The first y or n that is typed.
async fn asked() -> Option<bool> {
    let (tell, told) = oneshot::channel();
    // a thread of its own: nobody waits for it when the page was quicker
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let allow = match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" | "allow" => true,
                "n" | "no" | "deny" => false,
                _ => continue,
            };
            let _ = tell.send(allow);
            return;
        }
    });
    told.await.ok()
}

/// Opens the page in the user's browser, where there is one.
pub(super) fn open_browser(page: &Url) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened = match cfg!(windows) {
        true => std::process::Command::new("rundll32")
            .args(["url.dll,FileProtocolHandler", page.as_str()])
            .spawn(),
        false => std::process::Command::new(opener).arg(page.as_str()).spawn(),
    };
    if opened.is_err() {
        out::line("              no browser could be opened; use the link");
    }
}
