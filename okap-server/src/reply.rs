//! Answers with the headers that every answer has.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use okap_engine::{flow::FlowError, provider, provider::Style, refusal::Refusal};
use okap_types::{ErrorBody, ErrorCode, GrantId, ParseError};
use serde::Serialize;
use url::Url;

use crate::body::{Body, ReadError, full};

pub(crate) type Reply = Response<Body>;

/// JSON that no cache keeps.
pub(crate) fn json(status: u16, value: &impl Serialize) -> Reply {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    let mut reply = Response::new(full(bytes));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut reply, header::CONTENT_TYPE, "application/json");
    set(&mut reply, header::CACHE_CONTROL, "no-store");
    set(&mut reply, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    reply
}

pub(crate) fn set(reply: &mut Reply, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

/// An answer without a body.
pub(crate) fn empty(status: u16) -> Reply {
    let mut reply = Response::new(full(""));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(&mut reply, header::CACHE_CONTROL, "no-store");
    reply
}

/// An error of an endpoint that is not proxied.
pub(crate) fn error(code: ErrorCode, description: impl Into<String>) -> Reply {
    error_with(code.status(), code, description)
}

/// An error with a status that depends on the endpoint.
pub(crate) fn error_with(status: u16, code: ErrorCode, description: impl Into<String>) -> Reply {
    let mut reply = json(status, &ErrorBody::new(code, description));
    if status == 401 && code != ErrorCode::InvalidClient {
        set(&mut reply, header::WWW_AUTHENTICATE, "Bearer realm=\"okap\"");
    }
    reply
}

pub(crate) fn flow_error(flow: &FlowError) -> Reply {
    error(flow.code, flow.description.clone())
}

pub(crate) fn parse_error(parse: &ParseError) -> Reply {
    json(parse.code().status(), &ErrorBody::from(parse))
}

pub(crate) fn unavailable() -> Reply {
    error(ErrorCode::TemporarilyUnavailable, "the vault cannot reach its store; try again later")
}

pub(crate) fn read_error(read: &ReadError, limit: usize) -> Reply {
    match read {
        ReadError::TooLarge => parse_error(&ParseError::TooLarge { limit }),
        ReadError::TooSlow => {
            closing(error(ErrorCode::RequestTimeout, "the request did not arrive in time"))
        }
        ReadError::Broken => closing(error(ErrorCode::InvalidRequest, "the request broke off")),
    }
}

/// Too much at once; the same request can succeed after so many seconds.
pub(crate) fn too_many(what: &str, wait: u64) -> Reply {
    let text = format!("too many {what}; try again in {wait} s");
    let mut slow = error(ErrorCode::TooManyRequests, text);
    set(&mut slow, header::RETRY_AFTER, &wait.to_string());
    slow
}

/// Tells the connection to end: what is left of the request is not read.
pub(crate) fn closing(mut reply: Reply) -> Reply {
    set(&mut reply, header::CONNECTION, "close");
    reply
}

pub(crate) fn method_not_allowed(allow: &'static str) -> Reply {
    let mut reply = error(ErrorCode::MethodNotAllowed, format!("use {allow}"));
    set(&mut reply, header::ALLOW, allow);
    reply
}

/// A refusal of a proxied call, in the provider's own shape.
pub(crate) fn refusal(
    style: Style,
    refusal: &Refusal,
    grant: Option<&GrantId>,
    resource: Option<&Url>,
    as_dpop: bool,
) -> Reply {
    let mut reply = json(refusal.status(), &provider::error_body(style, refusal, grant));
    if let Some(seconds) = refusal.retry_after() {
        set(&mut reply, header::RETRY_AFTER, &seconds.to_string());
    }
    if refusal.is_final() {
        set(&mut reply, HeaderName::from_static("x-should-retry"), "false");
    }
    challenge(&mut reply, refusal, resource, as_dpop);
    if let Refusal::MethodNotAllowed(_, allow) = refusal {
        set(&mut reply, header::ALLOW, allow);
    }
    if matches!(refusal, Refusal::Upgrade) {
        set(&mut reply, header::UPGRADE, "HTTP/1.1");
    }
    reply
}

/// Says at 401 and 403 which credential is wanted (RFC 6750 section 3, RFC 9449 section 7.1), and
/// where the resource is described (RFC 9728 section 5.1). The error stands in the scheme that was
/// used; the other one is offered.
pub(crate) fn challenge(
    reply: &mut Reply,
    refusal: &Refusal,
    resource: Option<&Url>,
    as_dpop: bool,
) {
    let described = resource.map(|url| format!(", resource_metadata=\"{url}\""));
    let described = described.unwrap_or_default();
    let (of_proof, code) = match (refusal, refusal.status()) {
        (Refusal::InvalidProof(_) | Refusal::UseNonce, _) => (true, Some(refusal.code().as_str())),
        (Refusal::MissingToken, _) => (false, None),
        (_, 401) => (false, Some("invalid_token")),
        (_, 403) => (false, Some("insufficient_scope")),
        _ => return,
    };
    let bearer = "Bearer realm=\"okap\"".to_owned();
    let dpop = "DPoP algs=\"ES256\"".to_owned();
    let (used, offered) = match code {
        Some(code) if of_proof || as_dpop => {
            let text = format!("DPoP error=\"{code}\", algs=\"ES256\"{described}");
            (text, (!of_proof).then_some(bearer))
        }
        Some(code) => (format!("{bearer}, error=\"{code}\"{described}"), Some(dpop)),
        None => (format!("{bearer}{described}"), Some(dpop)),
    };
    set(reply, header::WWW_AUTHENTICATE, &used);
    if let Some(Ok(value)) = offered.map(HeaderValue::try_from) {
        reply.headers_mut().append(header::WWW_AUTHENTICATE, value);
    }
}

/// A page for a person whose browser came with something that leads nowhere. No redirect.
pub(crate) fn page(status: u16, title: &str, text: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>:root{{color-scheme:light dark}}\
         body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}\
         </style><h1>{title}</h1><p>{text}</p></html>",
    );
    let mut reply = Response::new(full(html));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    set(&mut reply, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut reply, header::CACHE_CONTROL, "no-store");
    set(&mut reply, header::X_FRAME_OPTIONS, "DENY");
    set(&mut reply, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(
        &mut reply,
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    );
    set(&mut reply, header::REFERRER_POLICY, "no-referrer");
    reply
}

/// Sends the browser on; the method does not come along (303).
pub(crate) fn see_other(to: &str) -> Reply {
    let mut reply = Response::new(full(""));
    *reply.status_mut() = StatusCode::SEE_OTHER;
    set(&mut reply, header::LOCATION, to);
    set(&mut reply, header::CACHE_CONTROL, "no-store");
    set(&mut reply, header::REFERRER_POLICY, "no-referrer");
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenges(refusal: &Refusal, as_dpop: bool) -> Vec<String> {
        let resource = Url::parse("https://vault.example/x").expect("a url");
        let mut reply = empty(refusal.status());
        challenge(&mut reply, refusal, Some(&resource), as_dpop);
        let all = reply.headers().get_all(header::WWW_AUTHENTICATE).iter();
        all.map(|value| value.to_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn the_error_stands_in_the_scheme_that_was_used() {
        let here = "resource_metadata=\"https://vault.example/x\"";
        let offered = "DPoP algs=\"ES256\"".to_owned();
        assert_eq!(
            challenges(&Refusal::InvalidToken, false),
            [format!("Bearer realm=\"okap\", error=\"invalid_token\", {here}"), offered.clone()]
        );
        assert_eq!(
            challenges(&Refusal::InvalidToken, true),
            [
                format!("DPoP error=\"invalid_token\", algs=\"ES256\", {here}"),
                "Bearer realm=\"okap\"".to_owned()
            ]
        );
        let missing = [format!("Bearer realm=\"okap\", {here}"), offered];
        assert_eq!(challenges(&Refusal::MissingToken, false), missing);
        assert_eq!(challenges(&Refusal::MissingToken, true), missing);
    }

    #[test]
    fn a_wrong_proof_is_told_of_dpop_alone() {
        let bad = Refusal::InvalidProof("of another method".to_owned());
        for (refusal, code) in [(bad, "invalid_dpop_proof"), (Refusal::UseNonce, "use_dpop_nonce")]
        {
            let here = "resource_metadata=\"https://vault.example/x\"";
            let text = format!("DPoP error=\"{code}\", algs=\"ES256\", {here}");
            assert_eq!(challenges(&refusal, true), [text]);
        }
    }
}
