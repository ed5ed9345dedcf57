use std::borrow::Cow;

use okap_types::{Capability, Provider};

use super::{Style, Upstream};
use crate::refusal::Refusal;

/// What a route does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// OpenAI `POST /chat/completions`
    Chat,
    /// OpenAI `POST /completions`
    Completions,
    /// OpenAI `POST /responses`, never stored
    Responses,
    /// OpenAI `POST /embeddings`
    Embeddings,
    /// OpenAI `POST /images/generations`
    Images,
    /// OpenAI `POST /images/edits`, a form
    ImageEdits,
    /// OpenAI `POST /audio/speech`
    Speech,
    /// OpenAI `POST /audio/transcriptions`, a form
    Transcriptions,
    /// OpenAI `POST /audio/translations`, a form
    Translations,
    /// OpenAI `POST /moderations`
    Moderations,
    /// Anthropic `POST /messages`
    Messages,
    /// Anthropic `POST /messages/count_tokens`
    CountTokens,
    /// Google `POST /models/{model}:{verb}`
    Google {
        /// What the model is to do.
        verb: Verb,
        /// The model, which stands in the path.
        model: String,
    },
    /// `GET /models`, answered from the grant
    Models,
    /// `GET /models/{id}`, answered from the grant
    Model(String),
}

/// What a model of Google's is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `generateContent`
    Generate,
    /// `streamGenerateContent?alt=sse`
    Stream,
    /// `streamGenerateContent`, a list that comes item by item
    StreamList,
    /// `embedContent`
    Embed,
    /// `batchEmbedContents`
    BatchEmbed,
    /// `countTokens`
    CountTokens,
}

impl Verb {
    fn of(word: &str, as_events: bool) -> Option<Self> {
        Some(match word {
            "generateContent" => Self::Generate,
            "streamGenerateContent" if as_events => Self::Stream,
            "streamGenerateContent" => Self::StreamList,
            "embedContent" => Self::Embed,
            "batchEmbedContents" => Self::BatchEmbed,
            "countTokens" => Self::CountTokens,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generateContent",
            Self::Stream | Self::StreamList => "streamGenerateContent",
            Self::Embed => "embedContent",
            Self::BatchEmbed => "batchEmbedContents",
            Self::CountTokens => "countTokens",
        }
    }
}

impl Operation {
    /// The word that the audit uses.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::ImageEdits => "image_edits",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Moderations => "moderations",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Google { verb, .. } => match verb {
                Verb::Generate | Verb::Stream | Verb::StreamList => "generate",
                Verb::Embed | Verb::BatchEmbed => "embeddings",
                Verb::CountTokens => "count_tokens",
            },
            Self::Models | Self::Model(_) => "models",
        }
    }

    /// The path below the provider's base address; constant but for a checked model, so that
    /// nothing else of the app's path goes up.
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Images => "/images/generations",
            Self::ImageEdits => "/images/edits",
            Self::Speech => "/audio/speech",
            Self::Transcriptions => "/audio/transcriptions",
            Self::Translations => "/audio/translations",
            Self::Moderations => "/moderations",
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
            Self::Google { verb, model } => {
                return format!("/models/{model}:{}", verb.as_str()).into();
            }
            Self::Models | Self::Model(_) => "/models",
        })
    }

    /// What a call here needs, beside what its body asks for.
    #[must_use]
    pub const fn capability(&self) -> Capability {
        match self {
            Self::Embeddings | Self::Google { verb: Verb::Embed | Verb::BatchEmbed, .. } => {
                Capability::Embeddings
            }
            Self::Completions => Capability::Completions,
            Self::Images | Self::ImageEdits => Capability::Images,
            Self::Speech | Self::Transcriptions | Self::Translations => Capability::Audio,
            Self::Moderations => Capability::Moderation,
            _ => Capability::Chat,
        }
    }

    /// Whether it is answered by the vault alone.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Models | Self::Model(_))
    }

    /// Whether its body is a form with files.
    #[must_use]
    pub const fn is_form(&self) -> bool {
        matches!(self, Self::ImageEdits | Self::Transcriptions | Self::Translations)
    }

    /// The model that stands in the path.
    pub(super) fn model(&self) -> Option<&str> {
        match self {
            Self::Google { model, .. } => Some(model),
            _ => None,
        }
    }

    /// Whether the path says that the answer streams.
    pub(super) const fn streams(&self) -> bool {
        matches!(self, Self::Google { verb: Verb::Stream | Verb::StreamList, .. })
    }
}

const OPENAI_ROUTES: &str = "POST /chat/completions, POST /completions, POST /responses, \
     POST /embeddings, POST /images/generations, POST /images/edits, POST /audio/speech, \
     POST /audio/transcriptions, POST /audio/translations, POST /moderations, GET /models";
const ANTHROPIC_ROUTES: &str = "POST /messages, POST /messages/count_tokens, GET /models";
const GOOGLE_ROUTES: &str = "POST /models/{model}:generateContent, :streamGenerateContent, \
     :embedContent, :batchEmbedContents and :countTokens, GET /models, and OpenAI's below /openai";

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
        (Style::OpenAi, ["completions"]) => Operation::Completions,
        (Style::OpenAi, ["embeddings"]) => Operation::Embeddings,
        (Style::OpenAi, ["images", "generations"]) => Operation::Images,
        (Style::OpenAi, ["images", "edits"]) => Operation::ImageEdits,
        (Style::OpenAi, ["audio", "speech"]) => Operation::Speech,
        (Style::OpenAi, ["audio", "transcriptions"]) => Operation::Transcriptions,
        (Style::OpenAi, ["audio", "translations"]) => Operation::Translations,
        (Style::OpenAi, ["moderations"]) => Operation::Moderations,
        (Style::Anthropic, ["messages"]) => Operation::Messages,
        (Style::Anthropic, ["messages", "count_tokens"]) => Operation::CountTokens,
        (Style::Google, ["models", last]) if method == "POST" && last.contains([':', '%']) => {
            let named = decoded(last);
            let (model, verb) =
                named.rsplit_once(':').ok_or_else(|| unknown(style, method, path))?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            let verb = Verb::of(verb, false).filter(|_| model.bytes().all(plain));
            let verb = verb.ok_or_else(|| unknown(style, method, path))?;
            Operation::Google { verb, model: model.to_owned() }
        }
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

/// A route, and whose words are spoken on it: a provider may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// Whose words its answers and errors are in.
    pub style: Style,
}

impl Upstream {
    /// As [`route`], for a provider whose addresses have versions of their own: Cohere's `v2`,
    /// Google's `v1beta` and `v1alpha`, with OpenAI's words behind `openai`.
    ///
    /// # Errors
    /// As [`route`]; [`Refusal::UnsupportedParameter`] for an `alt` that is not known.
    ///
    /// ```
    /// use okap_engine::provider::{Operation, Style, Upstreams};
    /// use okap_types::Provider;
    /// let known = Upstreams::presets();
    /// let google = known.find(&Provider::Google).ok_or("no preset")?;
    /// let found = google.route(&Provider::Google, "POST", "/v1beta/openai/embeddings", None)?;
    /// assert_eq!((found.operation, found.style), (Operation::Embeddings, Style::OpenAi));
    /// let found = google.route(&Provider::Google, "POST", "/v1/models/gemini-3:countTokens", None)?;
    /// assert_eq!(found.style, Style::Google);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn route(
        &self,
        provider: &Provider,
        method: &str,
        path: &str,
        query: Option<&str>,
    ) -> Result<Route, Refusal> {
        let style = self.style_at(path);
        let own: &[&str] = match provider {
            Provider::Google => &["v1", "v1beta", "v1alpha", "openai"],
            Provider::Cohere => &["v1", "v2"],
            _ => &[],
        };
        let segments = path.split('/').filter(|s| !s.is_empty());
        let rest: Vec<_> = segments.skip_while(|segment| own.contains(segment)).collect();
        let mut operation = match own {
            [] => route(style, method, path)?,
            _ => route(style, method, &rest.join("/"))?,
        };
        if let Operation::Google { verb: verb @ Verb::StreamList, .. } = &mut operation {
            match alt(query).as_deref() {
                None | Some("json") => {}
                Some("sse") => *verb = Verb::Stream,
                Some(_) => return Err(Refusal::UnsupportedParameter("alt in the address".into())),
            }
        }
        Ok(Route { operation, style })
    }

    /// Whose words are spoken below a path, also where there is no route.
    #[must_use]
    pub fn style_at(&self, path: &str) -> Style {
        const OPENAI: &[&str] = &[
            "openai",
            "chat",
            "completions",
            "responses",
            "embeddings",
            "images",
            "audio",
            "moderations",
        ];
        let versions = ["", "v1", "v1beta", "v1alpha"];
        let first = path.split('/').find(|segment| !versions.contains(segment));
        match self.style {
            Style::Google if first.is_some_and(|first| OPENAI.contains(&first)) => Style::OpenAi,
            style => style,
        }
    }
}

/// How a stream of Google's is to come, the last word for it.
fn alt(query: Option<&str>) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .filter(|(name, _)| name == "alt" || name == "$alt")
        .last()
        .map(|(_, value)| value.into_owned())
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
        Style::Google => GOOGLE_ROUTES,
    };
    Refusal::RouteNotSupported(format!("{method} {shown}"), routes)
}
