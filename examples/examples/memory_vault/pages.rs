//! The page on which the owner signs in and decides. It runs no script, and no site can frame it.

mod consent;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Form, Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use okap_server::{BoxError, ConsentPage, Control, Decision, MemoryVault};
use subtle::ConstantTimeEq;

use crate::owner;

type OurControl = Control<Arc<MemoryVault>, ConsentPage>;
type Fields = [(String, String)];

#[derive(Clone)]
struct Site {
    control: OurControl,
    sessions: Arc<Sessions>,
    password: Arc<str>,
    /// Held by whoever gives a password, so that one after another is looked at.
    guess: Arc<tokio::sync::Mutex<()>>,
}

/// The pages, for whoever knows the password.
pub(crate) fn router(control: OurControl, sessions: Arc<Sessions>, password: String) -> Router {
    let site = Site { control, sessions, password: password.into(), guess: Arc::default() };
    Router::new().route("/consent/{id}", get(show).post(take)).with_state(site)
}

/// Browsers that are signed in: the cookie of each, and what its forms carry.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, String>>);

impl Sessions {
    /// A new one; gives its cookie, whose name no other server on this computer has: ports share them.
    pub(crate) fn begin(&self) -> Result<String, BoxError> {
        let (cookie, token) = (format!("memory_vault={}", random()?), random()?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(cookie.clone(), token);
        Ok(cookie)
    }

    /// What the forms of this browser carry, if it is signed in.
    fn token(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.split("; ").find_map(|cookie| sessions.get(cookie)).cloned()
    }
}

fn random() -> Result<String, BoxError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| error.to_string())?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}

async fn show(State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let Some(token) = site.sessions.token(&headers) else {
        return page(
            StatusCode::OK,
            "<h1>Sign in</h1><form method=post><label>Password \
             <input type=password name=password autocomplete=current-password></label> \
             <button>Sign in</button></form>",
        );
    };
    match site.control.interaction(&id).await {
        Ok(asked) => page(StatusCode::OK, &consent::page(&site.control, &asked, &token)),
        Err(error) => page(StatusCode::NOT_FOUND, &escaped(&error.to_string())),
    }
}

async fn take(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let password = said(&fields, "password");
    if !password.is_empty() {
        return sign_in(&site, password, &format!("/consent/{id}")).await;
    }
    let token = site.sessions.token(&headers);
    if token.is_none_or(|token| !same(&token, said(&fields, "token"))) {
        return page(StatusCode::FORBIDDEN, "This form is of another session. Open it again.");
    }
    match decide(&site.control, &id, &fields).await {
        Ok(Some(back)) => (StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response(),
        Ok(None) => page(StatusCode::OK, "Done. You can close this page."),
        Err(error) => page(StatusCode::BAD_REQUEST, &escaped(&error.to_string())),
    }
}

async fn sign_in(site: &Site, password: &str, back: &str) -> Response {
    let _one = site.guess.lock().await;
    if !same(password, &site.password) {
        // so that nobody tries many
        tokio::time::sleep(Duration::from_secs(1)).await;
        return page(StatusCode::FORBIDDEN, "This is not the password.");
    }
    let Ok(cookie) = site.sessions.begin() else {
        return page(StatusCode::SERVICE_UNAVAILABLE, "The system has no random bits to give.");
    };
    let cookie = format!("{cookie}; HttpOnly; SameSite=Lax; Path=/");
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, back.to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Takes the owner's word; gives where the browser goes back to.
async fn decide(
    control: &OurControl,
    id: &str,
    fields: &Fields,
) -> Result<Option<String>, BoxError> {
    let asked = control.interaction(id).await?;
    let decision = match said(fields, "action") {
        "allow" => Decision::Approve(consent::left(control, &asked, fields)?),
        _ => Decision::Deny,
    };
    let decided = control.decide(id, &owner(), said(fields, "shown"), &decision).await?;
    Ok(decided.redirect.map(String::from))
}

fn said<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn page(status: StatusCode, body: &str) -> Response {
    const GUARDS: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let html = format!(
        "<!doctype html><html lang=en><meta name=viewport content=\"width=device-width\">\
         <meta name=color-scheme content=\"light dark\"><title>A vault in memory</title>{body}"
    );
    (status, GUARDS, Html(html)).into_response()
}

fn escaped(text: &str) -> String {
    let named = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")];
    named.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
