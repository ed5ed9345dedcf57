//! A minimal AI app: asks a vault for `gpt-4o-mini`, waits for the user, streams a chat with
//! async-openai. It never sees the user's key.
//!
//! ```text
//! cargo run -p okap-examples --example notes_app -- http://127.0.0.1:7777
//! ```
#![allow(clippy::print_stdout, reason = "this is its user interface")]

use std::{env, io::Write, time::Duration};

use anyhow::Context;
use async_openai::{
    config::OpenAIConfig,
    types::chat::{ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs},
};
use futures_util::StreamExt;
use okap_client::{Access, Client, ClientInfo, Limits, ModelAccess, Money, Provider};

const MODEL: &str = "gpt-4o-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // async-openai is built here without a TLS provider of its own
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = env::args().nth(1).context("give the vault's address")?;
    let okap = Client::new(vault.parse()?, ClientInfo::new("Notes")?)?;
    let access = ask(&okap).await?;
    chat(&access).await?;
    okap.revoke(&access).await?;
    Ok(())
}

async fn ask(okap: &Client) -> anyhow::Result<Access> {
    let ask = ModelAccess::new(Provider::OpenAi)
        .models([MODEL])
        .limits(Limits::monthly(Money::usd(10)))
        .reason("Summarise your notes");
    let pending = okap.start(ask).await?;
    if let (Some(url), Some(code)) = (pending.consent_url(), pending.user_code()) {
        println!("allow it here: {url} (code {code})");
    }
    let access = pending.wait(Duration::from_secs(300)).await?;
    for difference in access.differences() {
        println!("note: {difference}");
    }
    Ok(access)
}

async fn chat(access: &Access) -> anyhow::Result<()> {
    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let config =
        OpenAIConfig::new().with_api_key(access.token().expose()).with_api_base(base_url.as_str());
    let openai = async_openai::Client::with_config(config);
    let notes = "Summarise my notes: milk, bread, call Ann on Monday.";
    let request = CreateChatCompletionRequestArgs::default()
        .model(MODEL)
        .max_completion_tokens(200_u32)
        .messages([ChatCompletionRequestUserMessage::from(notes).into()])
        .build()?;
    let mut stream = openai.chat().create_stream(request).await?;
    while let Some(chunk) = stream.next().await {
        for choice in chunk?.choices {
            print!("{}", choice.delta.content.unwrap_or_default());
        }
        std::io::stdout().flush()?;
    }
    println!();
    Ok(())
}
