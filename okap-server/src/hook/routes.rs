//! The vault's way to providers, with a hand on it.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use http::{Request, Uri};
use okap_engine::provider::Upstreams;
use okap_types::Provider;
use url::Url;

use crate::ports::{Opening, Sending, Upstream};

/// Longest address to which a provider is moved, in bytes.
const LONGEST: usize = 256;

/// The ordinary way to providers, some of which were moved.
#[derive(Clone)]
pub(super) struct Routes(Arc<Ways>);

struct Ways {
    known: Upstreams,
    usual: Box<dyn Upstream>,
    moved: RwLock<Vec<Way>>,
}

/// From where to where, as beginnings of addresses.
pub(super) type Way = (String, String);

impl Routes {
    pub(super) fn over(known: Upstreams, usual: impl Upstream) -> Self {
        Self(Arc::new(Ways { known, usual: Box::new(usual), moved: RwLock::default() }))
    }

    /// The way for calls of a provider to an address on this computer, which has no version in it.
    pub(super) fn way(&self, provider: &Provider, to: &Url) -> Result<Way, String> {
        if !crate::service::is_loopback(to) {
            return Err("a provider is moved to this computer alone".to_owned());
        }
        // what stands behind the path would swallow the path of a call; what makes no address with it
        // would lead to the provider itself
        let plain = matches!(to.scheme(), "http" | "https")
            && to.query().is_none()
            && to.fragment().is_none()
            && to.username().is_empty()
            && to.password().is_none()
            && to.as_str().len() <= LONGEST;
        if !plain {
            return Err(format!(
                "a provider is moved to an http address of {LONGEST} bytes at most, with no user and \
                 no query"
            ));
        }
        let known = self.0.known.find(provider).ok_or(format!("no provider {provider}"))?;
        let from = trimmed(&known.base_url);
        // a version in the preset's path stays
        let to = format!("{}{}", trimmed(to), known.base_url.path().trim_end_matches('/'));
        Ok((from, to))
    }

    /// Sends calls that way from now on.
    pub(super) fn lead(&self, way: Way) {
        let mut moved = self.0.moved.write().unwrap_or_else(PoisonError::into_inner);
        moved.retain(|(earlier, _)| *earlier != way.0);
        moved.push(way);
    }

    fn of(&self, uri: &Uri) -> Option<Uri> {
        let uri = uri.to_string();
        let moved = self.0.moved.read().unwrap_or_else(PoisonError::into_inner);
        moved.iter().find_map(|(from, to)| {
            let rest = uri.strip_prefix(from)?;
            // an address that goes on in the same word is another's
            let below = rest.is_empty() || rest.starts_with(['/', '?']);
            format!("{to}{rest}").parse().ok().filter(|_| below)
        })
    }
}

impl Upstream for Routes {
    fn send(&self, mut request: Request<Bytes>) -> Sending<'_> {
        if let Some(uri) = self.of(request.uri()) {
            *request.uri_mut() = uri;
        }
        self.0.usual.send(request)
    }

    fn open<'a>(&'a self, to: &'a Uri) -> Opening<'a> {
        let moved = self.of(to);
        Box::pin(async move { self.0.usual.open(moved.as_ref().unwrap_or(to)).await })
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;
    use crate::ports::SendError;

    struct Nowhere;

    impl Upstream for Nowhere {
        fn send(&self, _: Request<Bytes>) -> Sending<'_> {
            Box::pin(async { Err(SendError::NotSent("nowhere".into())) })
        }
    }

    #[test]
    fn calls_below_the_address_of_a_provider_are_moved_and_no_others() {
        let routes = Routes::over(Upstreams::presets(), Nowhere);
        let moved = |uri: &str| routes.of(&uri.parse().unwrap()).map(|uri| uri.to_string());
        let openai = "https://api.openai.com/v1/chat/completions";
        assert_eq!(moved(openai), None);
        let way = routes.way(&Provider::OpenAi, &"http://127.0.0.1:9".parse().unwrap()).unwrap();
        routes.lead(way);
        assert_eq!(moved(openai).unwrap(), "http://127.0.0.1:9/v1/chat/completions");
        for other in
            ["https://api.openai.com/v1beta/models", "https://api.openai.com.evil.example/v1"]
        {
            assert_eq!(moved(other), None, "{other}");
        }
    }
}
