//! Which call a request is.

use axum::http::{HeaderMap, Method};

/// Whose words an answer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    OpenAi,
    Anthropic,
}

impl Style {
    /// The provider that serves this path; unknown paths are OpenAI's.
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let messages = path == "/v1/messages" || path.starts_with("/v1/messages/");
        // Both providers list their models at the same path; only one wants a version.
        let models = path.starts_with("/v1/models") && headers.contains_key("anthropic-version");
        if messages || models { Self::Anthropic } else { Self::OpenAi }
    }

    /// Whether this provider serves a model of this name.
    pub(super) fn serves(self, model: &str) -> bool {
        (self == Self::Anthropic) == model.starts_with("claude")
    }
}

/// A call that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Responses,
    Embeddings,
    Messages,
    CountTokens,
    Models,
    Model(String),
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let known = match path {
            "/v1/chat/completions" => (Method::POST, Self::Chat),
            "/v1/responses" => (Method::POST, Self::Responses),
            "/v1/embeddings" => (Method::POST, Self::Embeddings),
            "/v1/messages" => (Method::POST, Self::Messages),
            "/v1/messages/count_tokens" => (Method::POST, Self::CountTokens),
            "/v1/models" => (Method::GET, Self::Models),
            other => (Method::GET, Self::Model(other.strip_prefix("/v1/models/")?.to_owned())),
        };
        (*method == known.0).then_some(known.1)
    }

    /// Whether the call is billed and waits at the barrier.
    pub(super) fn is_billed(&self) -> bool {
        matches!(self, Self::Chat | Self::Responses | Self::Embeddings | Self::Messages)
    }
}
