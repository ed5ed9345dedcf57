use std::collections::BTreeMap;

use okap_types::Provider;
use url::Url;

use super::{Operation, Verb};

/// Whose words a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// OpenAI's, as most providers do.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Google's own; OpenAI's below `/openai`.
    Google,
}

/// How a provider wants its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// A header of that name with the bare key.
    Header(&'static str),
    /// No key at all, as Ollama on the same computer.
    None,
}

/// Where a provider is and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// What the route's path is put behind; no trailing slash.
    pub base_url: Url,
    /// Whose words it speaks.
    pub style: Style,
    /// How it wants its key.
    pub auth: Auth,
}

impl Upstream {
    /// An OpenAI-style provider with a bearer key.
    #[must_use]
    pub const fn openai_style(base_url: Url) -> Self {
        Self { base_url, style: Style::OpenAi, auth: Auth::Bearer }
    }

    /// The address that an operation goes up to.
    #[must_use]
    pub fn address(&self, operation: &Operation) -> Url {
        let path = operation.path();
        let Operation::Google { verb, .. } = operation else {
            // what is not Google's own it serves in OpenAI's words
            return match self.style {
                Style::Google => self.url(&format!("openai{path}")),
                _ => self.url(&path),
            };
        };
        let mut url = self.url(&path);
        if *verb == Verb::Stream {
            url.set_query(Some("alt=sse"));
        }
        url
    }

    /// How an operation wants its key.
    #[must_use]
    pub const fn auth_for(&self, operation: &Operation) -> Auth {
        match (self.style, operation, self.auth) {
            (_, _, Auth::None) => Auth::None,
            (Style::Google, Operation::Google { .. }, auth) => auth,
            (Style::Google, ..) => Auth::Bearer,
            (_, _, auth) => auth,
        }
    }

    /// The address of a route.
    #[must_use]
    pub fn url(&self, path: &str) -> Url {
        crate::address::endpoint(&self.base_url, path.trim_start_matches('/'))
    }
}

/// The providers that a vault forwards to.
///
/// ```
/// use okap_engine::provider::Upstreams;
/// use okap_types::Provider;
/// let known = Upstreams::presets();
/// let openai = known.find(&Provider::OpenAi).ok_or("no preset")?;
/// assert_eq!(openai.url("/chat/completions").as_str(), "https://api.openai.com/v1/chat/completions");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Upstreams(BTreeMap<Provider, Upstream>);

impl Upstreams {
    /// The providers that OKAP names, at their public addresses.
    #[must_use]
    pub fn presets() -> Self {
        let table: [(Provider, &str, Style, Auth); 10] = [
            (Provider::OpenAi, "https://api.openai.com/v1", Style::OpenAi, Auth::Bearer),
            (
                Provider::Anthropic,
                "https://api.anthropic.com/v1",
                Style::Anthropic,
                Auth::Header("x-api-key"),
            ),
            (
                Provider::Google,
                "https://generativelanguage.googleapis.com/v1beta",
                Style::Google,
                Auth::Header("x-goog-api-key"),
            ),
            (Provider::Groq, "https://api.groq.com/openai/v1", Style::OpenAi, Auth::Bearer),
            (Provider::Together, "https://api.together.xyz/v1", Style::OpenAi, Auth::Bearer),
            (Provider::Mistral, "https://api.mistral.ai/v1", Style::OpenAi, Auth::Bearer),
            (
                Provider::Cohere,
                "https://api.cohere.ai/compatibility/v1",
                Style::OpenAi,
                Auth::Bearer,
            ),
            (Provider::Ollama, "http://127.0.0.1:11434/v1", Style::OpenAi, Auth::None),
            (Provider::OpenRouter, "https://openrouter.ai/api/v1", Style::OpenAi, Auth::Bearer),
            (
                Provider::Replicate,
                "https://openai-proxy.replicate.com/v1",
                Style::OpenAi,
                Auth::Bearer,
            ),
        ];
        let known = table.into_iter().filter_map(|(provider, url, style, auth)| {
            Some((provider, Upstream { base_url: Url::parse(url).ok()?, style, auth }))
        });
        Self(known.collect())
    }

    /// Adds or replaces one.
    #[must_use]
    pub fn with(mut self, provider: Provider, upstream: Upstream) -> Self {
        self.0.insert(provider, upstream);
        self
    }

    /// The way to a provider.
    #[must_use]
    pub fn find(&self, provider: &Provider) -> Option<&Upstream> {
        self.0.get(provider)
    }

    /// Every provider here, in order of name.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.0.keys()
    }
}
