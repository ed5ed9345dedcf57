//! Who calls: the one credential of a call.

use http::{HeaderMap, HeaderName, header, request::Parts};
use okap_engine::{record::Access, refusal::Refusal};
use okap_types::token::AccessToken;
use url::Url;

use crate::{Consent, Vault, core::Core};

/// A token as it came.
pub(crate) struct Presented {
    pub(crate) token: AccessToken,
    /// Whether it came as `Authorization: DPoP`, as a token that is bound to a key has to.
    pub(crate) as_dpop: bool,
}

/// The one credential of a call: from `Authorization`, `x-api-key` or `x-goog-api-key`.
pub(super) fn credential(head: &Parts) -> Result<Presented, Refusal> {
    in_query(head.uri.query())?;
    from_headers(
        &head.headers,
        &[
            header::AUTHORIZATION,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("x-goog-api-key"),
        ],
    )
}

/// The credential of a request to the vault itself: from `Authorization` alone.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Presented, Refusal> {
    from_headers(headers, &[header::AUTHORIZATION])
}

/// Whether a request came with the scheme of tokens that are bound to a key.
pub(crate) fn is_dpop(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = value.and_then(|value| value.split_once(' ')).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop"))
}

fn from_headers(headers: &HeaderMap, names: &[HeaderName]) -> Result<Presented, Refusal> {
    let mut found: Option<(&str, bool)> = None;
    for name in names {
        for value in headers.get_all(name) {
            let value = value.to_str().map_err(|_| Refusal::InvalidToken)?;
            let token = match *name == header::AUTHORIZATION {
                false => (value, false),
                true => match value.split_once(' ') {
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                        (token, false)
                    }
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case("dpop") => (token, true),
                    _ => return Err(Refusal::InvalidToken),
                },
            };
            match found {
                Some((earlier, _)) if earlier != token.0 => {
                    return Err(Refusal::BadCredential(
                        "two credentials that differ; send one okap token",
                    ));
                }
                // the same token twice is judged as the weaker of the two
                Some((_, earlier)) => found = Some((token.0, earlier && token.1)),
                None => found = Some(token),
            }
        }
    }
    let (token, as_dpop) = found.filter(|(t, _)| !t.is_empty()).ok_or(Refusal::MissingToken)?;
    let token = AccessToken::parse(token).map_err(|_| Refusal::InvalidToken)?;
    Ok(Presented { token, as_dpop })
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Whether a token that is bound to a key came with the proof of it (RFC 9449 section 7), and
    /// one that is not came without.
    pub(crate) async fn holds_key(
        &self,
        headers: &HeaderMap,
        method: &str,
        url: impl FnOnce() -> Url + Send,
        presented: &Presented,
        access: &Access,
    ) -> Result<(), Refusal> {
        match (&access.key, presented.as_dpop) {
            (None, false) => Ok(()),
            (Some(_), false) | (None, true) => Err(Refusal::InvalidToken),
            (Some(key), true) => {
                let url = url();
                let proven = self.proven(headers, method, &url, Some(&presented.token));
                let proven = Box::pin(proven).await?;
                match proven {
                    None => Err(Refusal::InvalidProof("the DPoP header is missing".to_owned())),
                    Some(proven) if proven == *key => Ok(()),
                    Some(_) => Err(Refusal::InvalidProof(
                        "the DPoP proof is of another key than the token's".to_owned(),
                    )),
                }
            }
        }
    }
}

/// A token has no place in an address, where every log would keep it; nor has a model.
fn in_query(query: Option<&str>) -> Result<(), Refusal> {
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let named = matches!(name.as_ref(), "key" | "access_token" | "api_key" | "token");
        if named || name.contains("okap_") || value.contains("okap_") {
            return Err(Refusal::BadCredential(
                "a token in the address is refused; send it in a header: Authorization, x-api-key or \
                 x-goog-api-key",
            ));
        }
        if matches!(name.as_ref(), "model" | "provider" | "deployment" | "engine") {
            return Err(Refusal::UnsupportedParameter(format!("{name} in the address")));
        }
    }
    Ok(())
}
