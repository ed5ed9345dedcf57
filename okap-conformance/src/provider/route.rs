//! Which call a request is.

use axum::http::{HeaderMap, Method};

/// Whose words an answer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    OpenAi,
    Anthropic,
    Google,
}

impl Style {
    /// The provider that serves this path; unknown paths are OpenAI's.
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let messages = path == "/v1/messages" || path.starts_with("/v1/messages/");
        // Both providers list their models at the same path; only one wants a version.
        let models = path.starts_with("/v1/models") && headers.contains_key("anthropic-version");
        let google = path.strip_prefix("/v1beta/").is_some_and(|rest| !rest.starts_with("openai/"));
        match (google, messages || models) {
            (true, _) => Self::Google,
            (false, true) => Self::Anthropic,
            (false, false) => Self::OpenAi,
        }
    }

    /// Whether this provider serves a model of this name. Google's answer in OpenAI's words too.
    pub(super) fn serves(self, model: &str) -> bool {
        match self {
            Self::OpenAi => !model.starts_with("claude"),
            Self::Anthropic => model.starts_with("claude"),
            Self::Google => model.starts_with("gemini"),
        }
    }
}

/// A call that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Chat,
    Completions,
    Responses,
    Embeddings,
    Images,
    ImageEdits,
    Speech,
    Transcriptions,
    Translations,
    Moderations,
    Messages,
    CountTokens,
    /// Google's, with the model of the path.
    Google(Verb, String),
    Models,
    Model(String),
}

/// What a model of Google's is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Generate,
    /// A stream of events.
    Events,
    /// A stream that is one list.
    List,
    Embed,
    BatchEmbed,
    Count,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str, query: Option<&str>) -> Option<Self> {
        if let Some(named) = path.strip_prefix("/v1beta/models/") {
            let (model, verb) = named.rsplit_once(':')?;
            let events = query.unwrap_or_default().split('&').any(|pair| pair == "alt=sse");
            let verb = match verb {
                "generateContent" => Verb::Generate,
                "streamGenerateContent" if events => Verb::Events,
                "streamGenerateContent" => Verb::List,
                "embedContent" => Verb::Embed,
                "batchEmbedContents" => Verb::BatchEmbed,
                "countTokens" => Verb::Count,
                _ => return None,
            };
            return (*method == Method::POST).then(|| Self::Google(verb, model.to_owned()));
        }
        let path = match path.strip_prefix("/v1beta/openai/") {
            Some(rest) => rest,
            None => path.strip_prefix("/v1/")?,
        };
        let known = match path {
            "chat/completions" => (Method::POST, Self::Chat),
            "completions" => (Method::POST, Self::Completions),
            "responses" => (Method::POST, Self::Responses),
            "embeddings" => (Method::POST, Self::Embeddings),
            "images/generations" => (Method::POST, Self::Images),
            "images/edits" => (Method::POST, Self::ImageEdits),
            "audio/speech" => (Method::POST, Self::Speech),
            "audio/transcriptions" => (Method::POST, Self::Transcriptions),
            "audio/translations" => (Method::POST, Self::Translations),
            "moderations" => (Method::POST, Self::Moderations),
            "messages" => (Method::POST, Self::Messages),
            "messages/count_tokens" => (Method::POST, Self::CountTokens),
            "models" => (Method::GET, Self::Models),
            other => (Method::GET, Self::Model(other.strip_prefix("models/")?.to_owned())),
        };
        (*method == known.0).then_some(known.1)
    }

    /// Whether the call is billed and waits at the barrier.
    pub(super) fn is_billed(&self) -> bool {
        !matches!(
            self,
            Self::Moderations
                | Self::CountTokens
                | Self::Google(Verb::Count, _)
                | Self::Models
                | Self::Model(_)
        )
    }

    /// Whether the answer is words.
    pub(super) fn speaks(&self) -> bool {
        matches!(
            self,
            Self::Chat
                | Self::Completions
                | Self::Responses
                | Self::Messages
                | Self::Google(Verb::Generate | Verb::Events | Verb::List, _)
        )
    }
}
