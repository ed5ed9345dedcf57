//! async-openai against a vault: asks in this computer's browser, makes one chat call.
//!
//! ```text
//! cargo run -p okap-examples --example async_openai -- http://127.0.0.1:7777
//! ```
#![allow(clippy::print_stdout, reason = "this is its user interface")]

use anyhow::Context;
use async_openai::{
    config::OpenAIConfig,
    types::chat::{ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs},
};
use okap_client::{Client, ClientInfo, ModelAccess, Provider};

const MODEL: &str = "gpt-4o-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // async-openai is built here without a TLS provider of its own
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = std::env::args().nth(1).context("give the vault's address")?;
    let okap = Client::new(vault.parse()?, ClientInfo::new("Haiku with async-openai")?)?;
    let ask = ModelAccess::new(Provider::OpenAi).models([MODEL]).reason("Write a haiku");
    let access = okap.authorize_in_browser(ask).await?;

    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let config =
        OpenAIConfig::new().with_api_key(access.token().expose()).with_api_base(base_url.as_str());
    let question = ChatCompletionRequestUserMessage::from("A haiku about keys, please.");
    let request = CreateChatCompletionRequestArgs::default()
        .model(MODEL)
        .max_completion_tokens(100_u32)
        .messages([question.into()])
        .build()?;
    let answer = async_openai::Client::with_config(config).chat().create(request).await?;
    let choice = answer.choices.into_iter().next().context("no answer")?;
    println!("{}", choice.message.content.unwrap_or_default());
    okap.revoke(&access).await?;
    Ok(())
}
