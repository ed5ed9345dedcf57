use okap_types::{Capability, Provider};

use super::Style;
use crate::refusal::Refusal;

/// What a route does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// OpenAI `POST /chat/completions`
    Chat,
    /// OpenAI `POST /responses`, never stored
    Responses,
    /// OpenAI `POST /embeddings`
    Embeddings,
    /// Anthropic `POST /messages`
    Messages,
    /// Anthropic `POST /messages/count_tokens`
    CountTokens,
    /// `GET /models`, answered from the grant
    Models,
    /// `GET /models/{id}`, answered from the grant
    Model(String),
}

impl Operation {
    /// The word that the audit uses.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Models | Self::Model(_) => "models",
        }
    }

    /// The path below the provider's base address; constant, so that nothing of the app's path
    /// goes up.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
            Self::Models | Self::Model(_) => "/models",
        }
    }

    /// What a call here needs, beside what its body asks for.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        match self {
            Self::Embeddings => Capability::Embeddings,
            _ => Capability::Chat,
        }
    }

    /// Whether it is answered by the vault alone.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Models | Self::Model(_))
    }
}

const OPENAI_ROUTES: &str =
    "POST /chat/completions, POST /responses, POST /embeddings, GET /models";
const ANTHROPIC_ROUTES: &str = "POST /messages, POST /messages/count_tokens, GET /models";

/// Finds the route for what stands behind `/v1/{provider}`.
///
/// `//` counts as `/`, and a version prefix (`v1`, also repeated; `openai/v1` as Groq's SDK
/// sends it) is accepted before the table is asked: what goes up is the route's own path.
///
/// # Errors
/// [`Refusal::RouteNotSupported`], [`Refusal::MethodNotAllowed`].
///
/// ```
/// use okap_engine::provider::{Operation, Style, route};
/// assert_eq!(route(Style::OpenAi, "POST", "/v1//chat/completions"), Ok(Operation::Chat));
/// assert!(route(Style::OpenAi, "POST", "/v1/files").is_err());
/// ```
pub fn route(style: Style, method: &str, path: &str) -> Result<Operation, Refusal> {
    let mut segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    loop {
        match segments.as_slice() {
            ["v1", ..] => segments.remove(0),
            ["openai", "v1", ..] => segments.remove(0),
            _ => break,
        };
    }
    let operation = match (style, segments.as_slice()) {
        (Style::OpenAi, ["chat", "completions"]) => Operation::Chat,
        (Style::OpenAi, ["responses"]) => Operation::Responses,
        (Style::OpenAi, ["embeddings"]) => Operation::Embeddings,
        (Style::Anthropic, ["messages"]) => Operation::Messages,
        (Style::Anthropic, ["messages", "count_tokens"]) => Operation::CountTokens,
        (_, ["models"]) => Operation::Models,
        // deleting a model and Google's `models/{model}:{verb}` are routes of their own
        (_, ["models", .., last])
            if method == "DELETE" || (method == "POST" && last.contains(':')) =>
        {
            return Err(unknown(style, method, path));
        }
        (_, ["models", id @ ..]) => Operation::Model(decoded(&id.join("/"))),
        _ => return Err(unknown(style, method, path)),
    };
    let wanted = if operation.is_local() { "GET" } else { "POST" };
    match (method, &operation) {
        (m, _) if m == wanted => Ok(operation),
        // stored completions are listed here: an object of the master key's owner
        ("GET" | "DELETE", _) if wanted == "POST" => Err(unknown(style, method, path)),
        _ => Err(Refusal::MethodNotAllowed(method.to_owned(), wanted)),
    }
}

/// As [`route`], for a provider whose addresses have versions of their own: Cohere's `v2`, Google's
/// `v1beta` and `v1alpha` with `openai` behind them.
///
/// # Errors
/// As [`route`].
///
/// ```
/// use okap_engine::provider::{Operation, Style, route_of};
/// use okap_types::Provider;
/// let path = "/v1beta/openai/embeddings";
/// let found = route_of(&Provider::Google, Style::OpenAi, "POST", path);
/// assert_eq!(found, Ok(Operation::Embeddings));
/// assert!(route_of(&Provider::OpenAi, Style::OpenAi, "POST", path).is_err());
/// ```
pub fn route_of(
    provider: &Provider,
    style: Style,
    method: &str,
    path: &str,
) -> Result<Operation, Refusal> {
    let own: &[&str] = match provider {
        Provider::Google => &["v1", "v1beta", "v1alpha", "openai"],
        Provider::Cohere => &["v1", "v2"],
        _ => return route(style, method, path),
    };
    let segments = path.split('/').filter(|s| !s.is_empty());
    let rest: Vec<_> = segments.skip_while(|segment| own.contains(segment)).collect();
    route(style, method, &rest.join("/"))
}

/// A model's id as SDKs escape it in a path; what is no UTF-8 names no model.
fn decoded(id: &str) -> String {
    let mut bytes = Vec::with_capacity(id.len());
    let mut rest = id.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.split_at_checked(2).filter(|_| *first == b'%');
        let byte = escaped.and_then(|(hex, behind)| {
            let hex = std::str::from_utf8(hex).ok().filter(|h| !h.starts_with('+'))?;
            Some((u8::from_str_radix(hex, 16).ok()?, behind))
        });
        let (byte, behind) = byte.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unknown(style: Style, method: &str, path: &str) -> Refusal {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(80).collect();
    let routes = match style {
        Style::OpenAi => OPENAI_ROUTES,
        Style::Anthropic => ANTHROPIC_ROUTES,
    };
    Refusal::RouteNotSupported(format!("{method} {shown}"), routes)
}
