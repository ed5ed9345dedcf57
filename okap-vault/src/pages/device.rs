//! The page where the user types the code that another device shows (RFC 8628 section 3.3).
//!
//! It decides nothing: it leads to the page of the request, where the user does. A link that
//! brings the code along fills the field in and presses no button.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{RawQuery, State},
    http::{StatusCode, header},
    response::Response,
};
use okap_server::{ControlError, Peer};
use okap_types::UserCode;

use super::{
    Site,
    form::Form,
    frame::Frame,
    guard::Posted,
    reply::{self, Refusal},
    session::Session,
    throttle::Source,
};

/// Most that is shown again of what was typed, in characters.
const LONGEST: usize = 32;

#[derive(Template)]
#[template(path = "device.html")]
struct Page<'a> {
    frame: Frame,
    /// What stands in the field.
    code: &'a str,
    /// Whether a link brought the code along.
    brought: bool,
    mistake: Option<&'a str>,
}

/// `GET /okap/device`
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    session: Session,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Form::parse(&query.unwrap_or_default());
    // what is no code would only be a stranger's words on our page
    let code = query.one("user_code").ok().flatten().and_then(UserCode::parse);
    let code = code.as_ref().map(UserCode::as_str);
    let frame = Frame::user(&site, &session);
    let page =
        Page { frame, code: code.unwrap_or_default(), brought: code.is_some(), mistake: None };
    reply::page(StatusCode::OK, &page)
}

/// `POST /okap/device`
pub(super) async fn enter(
    State(site): State<Arc<Site>>,
    peer: Option<Extension<Peer>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let Posted { session, form } = posted;
    let typed = match form.one("user_code") {
        Ok(typed) => typed.unwrap_or_default(),
        Err(misfit) => {
            return Ok(again(&site, &session, StatusCode::BAD_REQUEST, "", &misfit.to_string()));
        }
    };
    let Some(code) = UserCode::parse(typed) else {
        let text = "A code has eight letters, such as WDJB-MJHT, without vowels and digits.";
        return Ok(again(&site, &session, StatusCode::UNPROCESSABLE_ENTITY, typed, text));
    };
    let source = Source::from(peer.map(|Extension(Peer(peer))| peer));
    match site.pages.control.typed(code.as_str(), &source.to_string()).await {
        Ok(asked) => Ok(reply::see_other(&site.at(&format!("/consent/{}", asked.id)))),
        Err(ControlError::TooManyGuesses(seconds)) => {
            let text = format!("Too many wrong codes. Try again in {seconds} s.");
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut wait = again(&site, &session, status, code.as_str(), &text);
            reply::set(&mut wait, header::RETRY_AFTER, &seconds.to_string());
            Ok(wait)
        }
        Err(ControlError::Store(error)) => Err(Refusal::unavailable(&site, &error)),
        Err(_) => {
            let text = "No device waits with this code. Compare it letter by letter; \
                        a code is good for ten minutes, then the device has to show a new one.";
            Ok(again(&site, &session, StatusCode::NOT_FOUND, code.as_str(), text))
        }
    }
}

/// The form with what was typed, and what is wrong about it.
fn again(site: &Site, session: &Session, status: StatusCode, typed: &str, text: &str) -> Response {
    let code: String = typed.chars().take(LONGEST).collect();
    let frame = Frame::user(site, session);
    reply::page(status, &Page { frame, code: &code, brought: false, mistake: Some(text) })
}
