//! rig against a vault: asks on another device, makes one chat call.
//!
//! ```text
//! cargo run -p okap-examples --features sdks --example rig_chat -- http://127.0.0.1:7777
//! ```
#![allow(clippy::print_stdout, reason = "this is its user interface")]

use anyhow::Context;
use okap_client::{Client, ClientInfo, ModelAccess, Provider};
use rig_core::{completion::CompletionRequest, providers::openai::OpenAIConfig};

const MODEL: &str = "gpt-4o-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // rig is built here without a TLS provider of its own
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = std::env::args().nth(1).context("give the vault's address")?;
    let okap = Client::new(vault.parse()?, ClientInfo::new("Haiku with rig")?)?;
    let ask = ModelAccess::new(Provider::OpenAi).models([MODEL]).reason("Write a haiku");
    let prompt = okap.start_on_device(ask).await?;
    println!("{prompt}");
    let access = prompt.wait(prompt.expires_in()).await?;

    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let openai =
        OpenAIConfig::new(access.token().expose()).with_base_url(base_url.as_str()).client();
    let question = CompletionRequest::new("A haiku about keys, please.").max_tokens(100);
    let answer = openai.chat(MODEL).call(question).await?;
    println!("{}", answer.text());
    okap.revoke(&access).await?;
    Ok(())
}
