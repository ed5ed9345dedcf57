//! Browsers that are signed in.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, Uri, header, request::Parts},
    response::Response,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use okap_engine::token::hash;
use okap_server::{Owner, StoreError};
use okap_types::{Secret, Timestamp};

use crate::store::{Database, SessionRow};

use super::{
    Site,
    login::Next,
    reply::{self, Refusal},
};

/// Seconds that a session lives, used or not: 12 hours.
const LIFETIME: i64 = 12 * 3600;
/// Cookies of our name that are looked at; another port of the same host can set some too.
const COOKIES: usize = 8;

/// A signed-in browser.
#[derive(Debug)]
pub(super) struct Session {
    /// Who it is.
    pub(super) owner: Owner,
    /// What every form of this session carries.
    pub(super) csrf: String,
    /// What the store knows it by.
    hash: String,
}

impl FromRequestParts<Arc<Site>> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Refusal> {
        Self::of(site, &parts.method, &parts.uri, &parts.headers).await
    }
}

impl Session {
    /// The session that a request belongs to.
    ///
    /// # Errors
    /// The way to the login, which leads back; or 503.
    pub(super) async fn of(
        site: &Site,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        match Self::find(site, headers).await {
            Ok(Some(session)) => Ok(session),
            Ok(None) => Err(reply::see_other(&Next::after(site, method, uri).login(site)).into()),
            Err(error) => Err(Refusal::unavailable(site, &error)),
        }
    }

    /// The session that a request's cookie names, if it has not ended.
    pub(super) async fn find(site: &Site, headers: &HeaderMap) -> Result<Option<Self>, StoreError> {
        let now = site.pages.control.now();
        for token in tokens(site, headers).take(COOKIES) {
            if let Some(found) = site.pages.database.session(&hash(token), now).await? {
                let SessionRow { hash, owner, csrf, .. } = found;
                return Ok(Some(Self { owner: Owner::new(&owner), csrf, hash }));
            }
        }
        Ok(None)
    }

    /// Starts a session for an owner and gives its cookie.
    pub(super) async fn start(site: &Site, owner: Owner) -> Result<Cookie, StoreError> {
        let token = begin(&site.pages.database, &owner, site.pages.control.now()).await?;
        Ok(Cookie::holding(site, &token))
    }

    /// Ends the session.
    pub(super) async fn end(&self, site: &Site) -> Result<Cookie, StoreError> {
        site.pages.database.end_session(&self.hash).await?;
        Ok(Cookie::ending(site))
    }

    /// Ends the session as far as it goes: the browser forgets it even where the store fails.
    pub(super) async fn close(&self, site: &Site) -> Cookie {
        self.end(site).await.unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a session could not be ended"
            );
            Cookie::ending(site)
        })
    }
}

/// Starts a session without a password and gives what its browser sends as `Cookie`.
pub(crate) async fn signed_in(
    database: &Database,
    owner: &Owner,
    secure: bool,
    now: Timestamp,
) -> Result<Secret<String>, StoreError> {
    let token = begin(database, owner, now).await?;
    Ok(Secret::new(format!("{}={}", name(secure), token.expose())))
}

async fn begin(
    database: &Database,
    owner: &Owner,
    created: Timestamp,
) -> Result<Secret<String>, StoreError> {
    let token = Secret::new(random()?);
    let session = SessionRow {
        hash: hash(token.expose()),
        owner: owner.as_str().to_owned(),
        csrf: random()?,
        created,
        expires: created.plus_seconds(LIFETIME),
    };
    database.start_session(session).await?;
    Ok(token)
}

/// A `Set-Cookie` line.
#[derive(Debug)]
pub(super) struct Cookie(Secret<String>);

impl Cookie {
    fn holding(site: &Site, token: &Secret<String>) -> Self {
        let line = format!(
            "{}={}; Max-Age={LIFETIME}; {}",
            name(site.is_secure()),
            token.expose(),
            attributes(site)
        );
        Self(Secret::new(line))
    }

    fn ending(site: &Site) -> Self {
        Self(Secret::new(format!("{}=; Max-Age=0; {}", name(site.is_secure()), attributes(site))))
    }

    /// Puts the cookie on an answer.
    pub(super) fn on(self, mut response: Response) -> Response {
        reply::set(&mut response, header::SET_COOKIE, self.0.expose());
        response
    }
}

/// `__Host-` binds the cookie to this host and to TLS; browsers take it with `Secure` only.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-okap" } else { "okap" }
}

fn attributes(site: &Site) -> &'static str {
    match site.is_secure() {
        true => "Path=/; Secure; HttpOnly; SameSite=Lax",
        false => "Path=/; HttpOnly; SameSite=Lax",
    }
}

/// The cookies of our name that can be tokens at all.
fn tokens<'a>(site: &Site, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let name = name(site.is_secure());
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter_map(move |(key, value)| (key == name && value.len() == 43).then_some(value))
}

fn random() -> Result<String, StoreError> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(|error| StoreError::new(error.to_string()))?;
    Ok(Base64UrlUnpadded::encode_string(&bits))
}
