//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Method, Request, StatusCode, Uri, header},
    response::Response,
};
use okap_server::{Owner, Peer};
use okap_types::Secret;
use url::{Url, form_urlencoded};

use crate::user::{OWNER, verify_password};

use super::{
    Site,
    form::Form,
    frame::Frame,
    guard::{self, Posted},
    reply::{self, Refusal},
    session::Session,
};

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: Frame,
    next: &'a str,
    mistake: Option<&'a str>,
}

/// `GET /login`
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut query = Form::parse(&query.unwrap_or_default());
    let next = Next::wished(&site, &query.take("next").unwrap_or_default());
    match Session::find(&site, &headers).await {
        Ok(Some(_)) => Ok(reply::see_other(&next.0)),
        Ok(None) => Ok(page(&site, StatusCode::OK, &next, None)),
        Err(error) => Err(Refusal::unavailable(&site, &error)),
    }
}

/// `POST /login`
pub(super) async fn enter(
    State(site): State<Arc<Site>>,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    guard::own_page(&site, request.headers())?;
    let source = request.extensions().get::<Peer>().map(|peer| peer.0).into();
    let headers = request.headers().clone();
    let mut form = Form::read(&site, request).await?;
    let next = Next::wished(&site, &form.take("next").unwrap_or_default());
    let password = Secret::new(form.take("password").unwrap_or_default());
    if let Err(seconds) = site.attempts.begin(source, site.pages.control.now()) {
        let text = format!("Too many wrong passphrases. Try again in {seconds} s.");
        let mut wait = page(&site, StatusCode::TOO_MANY_REQUESTS, &next, Some(&text));
        reply::set(&mut wait, header::RETRY_AFTER, &seconds.to_string());
        return Ok(wait);
    }
    let unavailable = |error| Refusal::unavailable(&site, &error);
    if !verify_password(&site.pages.database, &password).await.map_err(unavailable)? {
        tracing::warn!("wrong passphrase");
        let text = "That is not the passphrase of this vault.";
        return Ok(page(&site, StatusCode::FORBIDDEN, &next, Some(text)));
    }
    site.attempts.right(source);
    // the browser gets a new session; one that it had before is not left behind
    if let Some(old) = Session::find(&site, &headers).await.map_err(unavailable)? {
        old.end(&site).await.map_err(unavailable)?;
    }
    let cookie = Session::start(&site, Owner::new(OWNER)).await.map_err(unavailable)?;
    Ok(cookie.on(reply::see_other(&next.0)))
}

/// `POST /logout`
pub(super) async fn leave(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let ended = posted.session.end(&site).await;
    let cookie = ended.map_err(|error| Refusal::unavailable(&site, &error))?;
    Ok(cookie.on(reply::see_other(&site.at("/login"))))
}

fn page(site: &Site, status: StatusCode, next: &Next, mistake: Option<&str>) -> Response {
    reply::page(status, &Page { frame: Frame::stranger(site), next: &next.0, mistake })
}

/// Where the browser goes after the login: a path of this vault, whatever was wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next(String);

impl Next {
    /// What a page asked for; the list of grants where that is no path of ours.
    fn wished(site: &Site, wish: &str) -> Self {
        Self(local(&site.pages.issuer, &site.base, wish).unwrap_or_else(|| site.at("/grants")))
    }

    /// Back to a request that came without a session, if it can be repeated.
    pub(super) fn after(site: &Site, method: &Method, uri: &Uri) -> Self {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = match *method {
            Method::GET | Method::HEAD => path,
            // what was posted is lost; the page that it was posted from is not
            _ => path.strip_suffix("/revoke").unwrap_or(path),
        };
        match path.strip_prefix(&site.base) {
            Some("/logout") => Self::wished(site, ""),
            _ => Self::wished(site, path),
        }
    }

    /// The login that leads there.
    pub(super) fn login(&self, site: &Site) -> String {
        let login = site.at("/login");
        if self.0 == site.at("/grants") {
            return login;
        }
        let next: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{login}?next={next}")
    }
}

/// A path below the issuer, as a browser would understand it: a browser drops tabs and line
/// breaks, and reads `\` as `/`.
fn local(issuer: &Url, base: &str, wish: &str) -> Option<String> {
    let printable = wish.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !printable || wish.len() > 1_024 || !wish.starts_with('/') || wish.starts_with("//") {
        return None;
    }
    let url = issuer.join(wish).ok().filter(|url| url.origin() == issuer.origin())?;
    let below = url.path().strip_prefix(base)?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    (below.starts_with('/') && !path.starts_with("//")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_vault_comes_next() {
        let issuer: Url = "https://vault.example".parse().unwrap();
        for wish in [
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "evil",
            "",
            "javascript:alert(1)",
            "/é",
            "/.//evil.example",
            "/a/..//evil.example",
            "/%0d%0a\r\nx: y",
        ] {
            assert_eq!(local(&issuer, "", wish), None, "{wish:?}");
        }
        for wish in ["/grants", "/consent/abc?x=1", "/grants/%2F%2Fevil"] {
            assert_eq!(local(&issuer, "", wish).as_deref(), Some(wish));
        }
        let below: Url = "https://example.com/vault".parse().unwrap();
        assert_eq!(local(&below, "/vault", "/vault/grants").as_deref(), Some("/vault/grants"));
        for wish in ["/other", "/vault/../other", "/vaulted", "/vault"] {
            assert_eq!(local(&below, "/vault", wish), None, "{wish:?}");
        }
    }
}
