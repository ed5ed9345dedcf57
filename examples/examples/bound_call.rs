//! A call with a token that is bound to a key (DPoP), by reqwest: whoever steals the token alone has
//! nothing.
//!
//! ```text
//! cargo run -p okap-examples --example bound_call -- http://127.0.0.1:8787
//! ```
#![allow(clippy::print_stdout, reason = "this is its user interface")]

use anyhow::{Context, bail};
use okap_client::{Client, ClientInfo, ModelAccess, Provider};
use reqwest::{Method, Url};
use serde_json::{Value, json};

const MODEL: &str = "gpt-4o-mini";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // reqwest is built here without a TLS provider of its own
    let _ = rustls::crypto::ring::default_provider().install_default();
    let vault = std::env::args().nth(1).context("give the vault's address")?;
    let info = ClientInfo::new("Haiku with a key")?;
    let okap = Client::builder(vault.parse()?, info).bind_tokens().build()?;
    let ask = ModelAccess::new(Provider::OpenAi).models([MODEL]).reason("Write a haiku");
    let access = okap.authorize_in_browser(ask).await?;

    let base_url = access.base_url(Provider::OpenAi).context("openai was not granted")?;
    let url: Url = format!("{base_url}/chat/completions").parse()?;
    let question = json!({"model": MODEL, "max_tokens": 100,
        "messages": [{"role": "user", "content": "A haiku about keys, please."}]});
    // each call has a proof of its own; a vault that asks for its nonce is answered once more
    for _ in 0..2 {
        let call = reqwest::Client::new().post(url.clone()).json(&question);
        let answer = call.headers(access.headers(&Method::POST, &url)?).send().await?;
        if answer.status() == 401 && access.hear(answer.headers()) {
            continue;
        }
        let said: Value = answer.error_for_status()?.json().await?;
        let haiku = said.pointer("/choices/0/message/content").and_then(Value::as_str);
        println!("{}", haiku.unwrap_or_default());
        return Ok(okap.revoke(&access).await?);
    }
    bail!("the vault asks for one nonce after another")
}
