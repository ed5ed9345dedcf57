//! `okap-vault demo`: the main job, offline, with nothing to configure.

mod app;
mod decide;
mod stage;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use okap_client::{Capability, Client, ClientInfo, Limits, ModelAccess, Money, Pending, Provider};

use self::{app::App, stage::Stage};
use crate::out;

/// What `okap-vault demo` can be told.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct Args {
    /// Opens the consent page in the browser
    #[arg(long)]
    open: bool,
    /// Decides by itself: allows what is asked
    #[arg(long, short = 'y')]
    yes: bool,
}

/// The model that the app asks for.
const MODEL: &str = "gpt-4o-mini";

/// Shows the whole story; fails where a step does not go as told.
///
/// # Errors
/// Any step that did not go as it must.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let stage = Stage::open().await?;
    step(
        "vault",
        &format!("runs at {}, its SQLite file in {}", stage.url, stage.folder().display()),
    );
    step(
        "provider",
        "a built-in one that answers like OpenAI and keeps its own books; its key is sealed in the vault",
    );

    let okap = Client::new(stage.url.clone(), ClientInfo::new("Notes")?)?;
    let ask = ModelAccess::new(Provider::OpenAi)
        .models([MODEL])
        .capabilities([Capability::Chat])
        .limits(Limits::monthly(Money::from_micros(4_000).unwrap_or_default()).per_minute(5))
        .reason("Summarise your notes");
    let pending = okap.start(ask).await.context("the app could not ask")?;
    step(
        "app asks",
        &format!(
            "POST /okap/authorize: openai, {MODEL}, chat, 0.004 USD a month, 5 a minute <- 202 pending"
        ),
    );
    let access = match decided(&stage, &pending, args).await? {
        Some(access) => access,
        None => {
            step(
                "denied",
                "POST /okap/continue <- 403 access_denied; the app got nothing, and that is the end",
            );
            return stage.close().await;
        }
    };
    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let shown = redacted(access.token().expose());
    step("granted", &format!("POST /okap/continue <- 200 {shown}, base_url {base_url}"));
    for difference in access.differences() {
        note(&format!("you changed it: {difference}"));
    }
    let limits = access.granted().first().map(|g| g.limits.clone()).unwrap_or_default();

    let app = App::new(base_url.clone(), access.token().clone())?;
    let words = app.stream_chat(MODEL, "Say hello to whoever holds the key.").await?;
    step(
        "app streams",
        &format!(
            "POST /v1/openai/chat/completions, Bearer {shown} <- 200, {} chunks",
            words.chunks
        ),
    );
    note(&format!("the model said: {}", words.text));
    note(&format!("what went up to the provider: {}", stage.went_up()));

    let refused = app.chat("gpt-4", "And the big one?", 16).await?;
    step("other model", &refused.line());
    expect(
        args,
        refused.status == 403 && refused.code == "model_not_allowed",
        "403 model_not_allowed",
    )?;

    let long = "All the notes of a long year. ".repeat(2_000);
    let refused = app.chat(MODEL, &long, 16).await?;
    step("the cap", &refused.line());
    expect(
        args,
        refused.status == 402 && refused.code == "spend_limit_exceeded",
        "402 spend_limit_exceeded",
    )?;

    let most = limits.requests_per_minute.map_or(5, |count| count.get());
    let mut last = refused;
    let mut passed = 0;
    for _ in 0..most {
        last = app.chat(MODEL, "A short one.", 16).await?;
        passed += u32::from(last.status == 200);
    }
    step("the rate", &format!("{passed} more pass; {}", last.line()));
    expect(args, last.status == 429 && last.retry_after.is_some(), "429 with Retry-After")?;

    stage.revoke(access.grant_id()).await?;
    step(
        "you revoke",
        &format!(
            "the grant {}, as on the page {}/grants",
            access.grant_id(),
            stage.url.as_str().trim_end_matches('/')
        ),
    );
    let refused = app.chat(MODEL, "One more?", 16).await?;
    step("next call", &refused.line());
    expect(args, refused.status == 401 && refused.code == "token_revoked", "401 token_revoked")?;

    let books = stage.books().await?;
    step(
        "the books",
        &format!(
            "the provider billed {} USD, the vault recorded {} USD; no okap token, cookie or app header went up",
            books.billed, books.recorded
        ),
    );
    if books.billed != books.recorded || books.violations > 0 {
        bail!("the books do not agree: {books:?}");
    }
    note("run your own: okap-vault serve, then okap-vault keys add openai");
    stage.close().await
}

/// Waits for a decision from wherever it comes; `None` is a denial.
async fn decided(
    stage: &Stage,
    pending: &Pending,
    args: Args,
) -> anyhow::Result<Option<okap_client::Access>> {
    let page = pending.consent_url().context("the vault decided without asking")?;
    step("you decide", &format!("{page} (password: {})", stage.password()));
    if args.open {
        decide::open_browser(page);
    }
    let by_hand = decide::here(stage, page, args.yes);
    let outcome = tokio::select! {
        access = pending.wait(Duration::from_secs(590)) => access,
        Err(error) = by_hand => return Err(error),
    };
    match outcome {
        Ok(access) => Ok(Some(access)),
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(error).context("no decision"),
    }
}

/// By itself the demo is a check; a person may have allowed less, and then other things happen.
fn expect(args: Args, held: bool, what: &str) -> anyhow::Result<()> {
    match (held, args.yes) {
        (true, _) => Ok(()),
        (false, true) => bail!("this step had to be {what}"),
        (false, false) => {
            note(&format!("without your change this would be {what}"));
            Ok(())
        }
    }
}

fn step(name: &str, text: &str) {
    out::line(&format!("{name:>12}  {text}"));
}

fn note(text: &str) {
    out::line(&format!("{:>12}  {text}", ""));
}

/// The kind of a token and nothing of its secret.
fn redacted(token: &str) -> String {
    let kind = token.get(..8).unwrap_or_default();
    format!("{kind}…")
}

#[cfg(test)]
mod tests {
    use super::{Args, run};

    #[tokio::test(flavor = "multi_thread")]
    async fn the_demo_runs_to_its_end_by_itself() {
        run(Args { open: false, yes: true }).await.unwrap();
    }
}
