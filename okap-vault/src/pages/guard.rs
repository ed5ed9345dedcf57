//! Which forms are ours: the browser says they come from this vault's own page, and they carry
//! the session's token.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::FromRequest,
    http::{HeaderMap, Request, StatusCode, header},
};
use subtle::ConstantTimeEq;

use super::{Site, form::Form, reply::Refusal, session::Session};

/// A form that the signed-in user sent from one of our pages.
#[derive(Debug)]
pub(super) struct Posted {
    /// Whose browser sent it.
    pub(super) session: Session,
    /// Its fields.
    pub(super) form: Form,
}

impl FromRequest<Arc<Site>> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request<Body>, site: &Arc<Site>) -> Result<Self, Refusal> {
        own_page(site, request.headers())?;
        let session = Session::of(site, request.method(), request.uri(), request.headers()).await?;
        let form = Form::read(site, request).await?;
        let token = match form.one("csrf") {
            Ok(token) => token.unwrap_or_default(),
            Err(_) => "",
        };
        if !bool::from(token.as_bytes().ct_eq(session.csrf.as_bytes())) {
            let text = "The form does not belong to this session, and nothing was changed. \
                        Open the page again and repeat what you did.";
            return Err(Refusal::notice(site, StatusCode::FORBIDDEN, "That form has ended", text));
        }
        Ok(Self { session, form })
    }
}

/// Checks that the browser says of a form that it comes from this vault.
///
/// # Errors
/// A page, 403.
pub(super) fn own_page(site: &Site, headers: &HeaderMap) -> Result<(), Refusal> {
    let issuer = site.pages.issuer.origin().ascii_serialization();
    let is_ours = |name, ours: &dyn Fn(&[u8]) -> bool| {
        headers.get_all(name).iter().all(|value| ours(value.as_bytes()))
    };
    let fetched = is_ours("sec-fetch-site", &|site| matches!(site, b"same-origin" | b"none"));
    // under no-referrer browsers send `Origin: null` with our own forms, as they do with those of
    // nobody; whose they are is then what the browser says beside it
    let sure = headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    let named = |origin: &[u8]| origin == issuer.as_bytes() || sure && origin == b"null";
    if fetched && is_ours(header::ORIGIN.as_str(), &named) {
        return Ok(());
    }
    let text = format!(
        "The form came from another site, and nothing was changed. \
         This vault's address is {issuer}: open it there."
    );
    Err(Refusal::notice(site, StatusCode::FORBIDDEN, "That form is not ours", &text))
}
