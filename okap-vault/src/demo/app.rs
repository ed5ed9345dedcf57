//! The demo's app behind its grant: plain HTTP, as any SDK would send it.

use anyhow::Context;
use okap_client::Secret;
use serde_json::{Value, json};
use url::Url;

/// An app that was granted access.
pub(super) struct App {
    http: reqwest::Client,
    base_url: Url,
    token: Secret<String>,
}

/// A streamed answer.
pub(super) struct Streamed {
    pub(super) text: String,
    pub(super) chunks: usize,
}

/// An answer as far as the demo tells of it.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after: Option<String>,
}

impl Answer {
    /// The answer in one line.
    pub(super) fn line(&self) -> String {
        let wait =
            self.retry_after.as_ref().map(|s| format!(", Retry-After: {s}")).unwrap_or_default();
        match self.code.as_str() {
            "" => format!("<- {}", self.status),
            code => format!("<- {} {code}{wait}: {}", self.status, self.message),
        }
    }
}

impl App {
    pub(super) fn new(base_url: Url, token: Secret<String>) -> anyhow::Result<Self> {
        // only this computer is spoken to, so no certificate authority is trusted
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?;
        Ok(Self { http, base_url, token })
    }

    async fn post(&self, body: &Value) -> anyhow::Result<reqwest::Response> {
        let url = format!("{}/chat/completions", self.base_url);
        let request = self.http.post(url).bearer_auth(self.token.expose()).json(body);
        request.send().await.context("the vault did not answer")
    }

    /// A chat that streams.
    pub(super) async fn stream_chat(&self, model: &str, prompt: &str) -> anyhow::Result<Streamed> {
        let body = json!({
            "model": model, "stream": true, "max_completion_tokens": 60,
            "messages": [{"role": "user", "content": prompt}],
        });
        let mut answer = self.post(&body).await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.context("the stream broke")? {
            bytes.extend_from_slice(&chunk);
        }
        let stream = String::from_utf8(bytes).context("the stream is no text")?;
        let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        let chunks: Vec<Value> =
            events.filter_map(|data| serde_json::from_str(data).ok()).collect();
        let text = chunks.iter().filter_map(|c| c.pointer("/choices/0/delta/content")?.as_str());
        Ok(Streamed { text: text.collect(), chunks: chunks.len() })
    }

    /// A chat that does not.
    pub(super) async fn chat(
        &self,
        model: &str,
        prompt: &str,
        ceiling: u32,
    ) -> anyhow::Result<Answer> {
        let body = json!({
            "model": model, "max_completion_tokens": ceiling,
            "messages": [{"role": "user", "content": prompt}],
        });
        let answer = self.post(&body).await?;
        let status = answer.status().as_u16();
        let retry_after =
            answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body: Value = answer.json().await.context("the answer is no JSON")?;
        let text =
            |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Answer {
            status,
            code: text("/error/code"),
            message: text("/error/message"),
            retry_after,
        })
    }
}
