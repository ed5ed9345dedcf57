//! `[upstream.…]`: where a provider is, and how it is spoken to.

use okap_engine::provider::{Auth, Style, Upstream};
use serde::Deserialize;
use url::{Host, Url};

/// A provider as the file has it, under its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    base_url: Url,
    style: Option<StyleWord>,
    auth: Option<AuthWord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StyleWord {
    OpenAi,
    Anthropic,
    Google,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AuthWord {
    Bearer,
    XApiKey,
    XGoogApiKey,
    None,
}

impl Entry {
    /// What is set here; what is not, as it was, or as is usual for the style.
    pub(super) fn over(&self, preset: Option<&Upstream>) -> Upstream {
        let style = match self.style {
            Some(StyleWord::OpenAi) => Style::OpenAi,
            Some(StyleWord::Anthropic) => Style::Anthropic,
            Some(StyleWord::Google) => Style::Google,
            // Google's address for OpenAI's words alone
            None if self.base_url.path().trim_end_matches('/').ends_with("/openai") => {
                Style::OpenAi
            }
            None => preset.map_or(Style::OpenAi, |preset| preset.style),
        };
        let usual = match (preset, style) {
            (Some(preset), style) if preset.style == style => preset.auth,
            (_, Style::Anthropic) => Auth::Header("x-api-key"),
            (_, Style::Google) => Auth::Header("x-goog-api-key"),
            (_, Style::OpenAi) => Auth::Bearer,
        };
        let auth = match self.auth {
            Some(AuthWord::Bearer) => Auth::Bearer,
            Some(AuthWord::XApiKey) => Auth::Header("x-api-key"),
            Some(AuthWord::XGoogApiKey) => Auth::Header("x-goog-api-key"),
            Some(AuthWord::None) => Auth::None,
            None => usual,
        };
        let mut base_url = self.base_url.clone();
        let path = base_url.path().trim_end_matches('/').to_owned();
        base_url.set_path(&path);
        Upstream { base_url, style, auth }
    }

    /// Whether calls may go to its address; why not, where they may not.
    pub(super) fn check_address(&self) -> Result<(), &'static str> {
        let url = &self.base_url;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        match url.scheme() {
            _ if !plain => Err("has a user, query or fragment; leave them out"),
            "https" if url.host().is_some() => Ok(()),
            "http" if is_loopback(url) => Ok(()),
            "http" => Err("is plain http to another computer; use https"),
            _ => Err("is neither https nor http to this computer"),
        }
    }
}

/// Whether an address is on this computer whatever the network says.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use okap_types::Provider;

    use super::*;
    use crate::config::{ConfigError, Settings};

    fn parse(text: &str) -> Result<Settings, ConfigError> {
        Settings::parse(text, Path::new("okap-vault.toml"))
    }

    fn lab() -> Provider {
        "my-lab".parse().unwrap()
    }

    #[test]
    fn an_openai_compatible_provider_is_two_lines() {
        let upstreams = parse("[upstream.my-lab]\nbase_url = 'https://llm.example.com/v1/'")
            .unwrap()
            .upstreams();
        let lab = upstreams.find(&lab()).unwrap();
        assert_eq!(
            lab.url("/chat/completions").as_str(),
            "https://llm.example.com/v1/chat/completions"
        );
        assert_eq!((lab.style, lab.auth), (Style::OpenAi, Auth::Bearer));
        assert!(upstreams.find(&Provider::OpenAi).is_some());
    }

    #[test]
    fn a_known_provider_can_be_elsewhere_and_keeps_its_ways() {
        let text = "[upstream.anthropic]\nbase_url = 'http://127.0.0.1:9/v1'";
        let upstreams = parse(text).unwrap().upstreams();
        let anthropic = upstreams.find(&Provider::Anthropic).unwrap();
        assert_eq!(anthropic.base_url.as_str(), "http://127.0.0.1:9/v1");
        assert_eq!(
            (anthropic.style, anthropic.auth),
            (Style::Anthropic, Auth::Header("x-api-key"))
        );
    }

    #[test]
    fn style_and_auth_can_be_chosen() {
        let text = "[upstream.my-lab]\nbase_url='https://x.example'\nstyle='anthropic'";
        assert_eq!(
            parse(text).unwrap().upstreams().find(&lab()).unwrap().auth,
            Auth::Header("x-api-key")
        );
        let text = format!("{text}\nauth='none'");
        assert_eq!(parse(&text).unwrap().upstreams().find(&lab()).unwrap().auth, Auth::None);
    }

    #[test]
    fn plain_http_goes_to_this_computer_alone() {
        let at = |url: &str| parse(&format!("[upstream.my-lab]\nbase_url = '{url}'"));
        for good in
            ["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]:1", "https://x.example"]
        {
            assert!(at(good).is_ok(), "{good}");
        }
        for bad in [
            "http://x.example/v1",
            "http://10.0.0.1/v1",
            "http://localhost.x.example/v1",
            "https://user@x.example/v1",
            "https://x.example/v1?key=1",
            "ftp://localhost/v1",
        ] {
            let error = at(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("base_url of [upstream.my-lab] in okap-vault.toml"),
                "{error}"
            );
        }
    }
}
