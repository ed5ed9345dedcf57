//! genai against a vault: asks by a link, makes one chat call.
//!
//! ```text
//! cargo run -p okap-examples --features sdks --example genai_chat -- http://127.0.0.1:7777
//! ```
#![allow(clippy::print_stdout, reason = "this is its user interface")]

use std::time::Duration;

use anyhow::Context;
use genai::{
    ModelIden, ServiceTarget,
    adapter::AdapterKind,
    chat::{ChatMessage, ChatOptions, ChatRequest},
    resolver::{AuthData, Endpoint},
};
use okap_client::{Client, ClientInfo, ModelAccess, Provider};

const MODEL: &str = "gpt-4o-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // genai is built here without a TLS provider of its own
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = std::env::args().nth(1).context("give the vault's address")?;
    let okap = Client::new(vault.parse()?, ClientInfo::new("Haiku with genai")?)?;
    let ask = ModelAccess::new(Provider::OpenAi).models([MODEL]).reason("Write a haiku");
    let pending = okap.start(ask).await?;
    if let (Some(url), Some(code)) = (pending.consent_url(), pending.user_code()) {
        println!("allow it here: {url} (code {code})");
    }
    let access = pending.wait(Duration::from_secs(300)).await?;

    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let target = ServiceTarget {
        // genai replaces what stands behind the last slash
        endpoint: Endpoint::from_owned(format!("{base_url}/")),
        auth: AuthData::from_single(access.token().expose()),
        model: ModelIden::new(AdapterKind::OpenAI, MODEL),
    };
    let question = ChatRequest::new(vec![ChatMessage::user("A haiku about keys, please.")]);
    let options = ChatOptions::default().with_max_tokens(100);
    let answer = genai::Client::new()?.exec_chat(target, question, Some(&options)).await?;
    println!("{}", answer.first_text().context("no answer")?);
    okap.revoke(&access).await?;
    Ok(())
}
