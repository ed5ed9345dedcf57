//! Pages as HTTP answers, with the headers that every one of them has.

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use okap_server::StoreError;

use super::{Site, frame::Frame, session::Session};

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    leading_to(status, template, None)
}

/// A page whose form may end at another origin: where the browser carries the outcome to an app.
///
/// Chromium holds redirects after a form to `form-action` too.
pub(super) fn leading_to(
    status: StatusCode,
    template: &impl Template,
    source: Option<&str>,
) -> Response {
    let (status, html) = match template.render() {
        Ok(html) => (status, html),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.".to_owned())
        }
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'{}{}; \
         frame-ancestors 'none'; base-uri 'none'",
        if source.is_some() { " " } else { "" },
        source.unwrap_or_default(),
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut response, header::CONTENT_SECURITY_POLICY, &policy);
    guarded(response)
}

/// Sends the browser on; the form does not come along (303).
pub(super) fn see_other(to: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, header::LOCATION, to);
    guarded(response)
}

fn guarded(mut response: Response) -> Response {
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::X_FRAME_OPTIONS, "DENY");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    set(&mut response, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    response
}

pub(super) fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    link: Option<(&'a str, &'a str)>,
}

/// An answer other than the one that was wanted.
#[derive(Debug)]
pub(super) struct Refusal(Box<Response>);

impl Refusal {
    /// A page for a visitor who may not be signed in.
    pub(super) fn notice(site: &Site, status: StatusCode, title: &str, text: &str) -> Self {
        let frame = Frame::stranger(site);
        page(status, &Notice { frame, title, text, link: None }).into()
    }

    /// A page for the user, with a way on.
    pub(super) fn told(
        site: &Site,
        session: &Session,
        status: StatusCode,
        title: &str,
        text: &str,
        link: Option<(&str, &str)>,
    ) -> Self {
        let frame = Frame::user(site, session);
        page(status, &Notice { frame, title, text, link }).into()
    }

    /// The store failed; nothing was done.
    pub(super) fn unavailable(site: &Site, error: &StoreError) -> Self {
        tracing::error!(
            error = error as &dyn std::error::Error,
            "a page could not reach the store"
        );
        let text =
            "The vault cannot reach its store, and nothing was changed. Try again in a moment.";
        Self::notice(site, StatusCode::SERVICE_UNAVAILABLE, "Not available", text)
    }
}

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}
