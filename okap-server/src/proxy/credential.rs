//! Who calls: the one credential of a call.

use http::{HeaderName, header, request::Parts};
use okap_engine::refusal::Refusal;
use okap_types::token::AccessToken;

/// The one credential of a call: from `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`.
pub(super) fn credential(head: &Parts) -> Result<AccessToken, Refusal> {
    in_query(head.uri.query())?;
    let mut found: Option<String> = None;
    for name in [
        header::AUTHORIZATION,
        HeaderName::from_static("x-api-key"),
        HeaderName::from_static("x-goog-api-key"),
    ] {
        for value in head.headers.get_all(&name) {
            let value = value.to_str().map_err(|_| Refusal::InvalidToken)?;
            let token = match name == header::AUTHORIZATION {
                false => value,
                true => match value.split_once(' ') {
                    Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
                    _ => return Err(Refusal::InvalidToken),
                },
            };
            match &found {
                Some(earlier) if earlier != token => {
                    return Err(Refusal::BadCredential(
                        "two credentials that differ; send one okap token",
                    ));
                }
                _ => found = Some(token.to_owned()),
            }
        }
    }
    let token = found.filter(|t| !t.is_empty()).ok_or(Refusal::MissingToken)?;
    AccessToken::parse(&token).map_err(|_| Refusal::InvalidToken)
}

/// A token has no place in an address, where every log would keep it; nor has a model.
fn in_query(query: Option<&str>) -> Result<(), Refusal> {
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let named = matches!(name.as_ref(), "key" | "access_token" | "api_key" | "token");
        if named || name.contains("okap_") || value.contains("okap_") {
            return Err(Refusal::BadCredential(
                "a token in the address is refused; send it in a header",
            ));
        }
        if matches!(name.as_ref(), "model" | "provider" | "deployment" | "engine") {
            return Err(Refusal::UnsupportedParameter(format!("{name} in the address")));
        }
    }
    Ok(())
}
