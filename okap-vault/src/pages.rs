//! The pages that the vault's user sees: login, consent, codes of other devices, grants, apps.
//!
//! Plain HTML and one style sheet, no script. `GET` changes nothing. Every `POST` comes from a
//! page of this vault (`guard`), and what it says is checked against the stored request, so
//! that a form can only ever narrow what was asked.

mod apps;
mod assets;
mod caller;
mod consent;
mod device;
mod form;
mod frame;
mod grants;
mod guard;
mod login;
mod name;
mod reply;
mod session;
mod show;
#[cfg(test)]
mod tests;
mod throttle;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use okap_engine::address::endpoint;
use okap_server::{ConsentPage, Control};
use url::Url;

use crate::store::{Database, StoredVault};

pub(crate) use self::session::signed_in;

use self::{reply::Refusal, throttle::Attempts};

/// Where the page for codes of other devices is, below the issuer.
const DEVICE: &str = "/okap/device";

/// The page for codes of other devices, for [`Config::device_page`](okap_server::Config).
#[must_use]
pub fn device_page(issuer: &Url) -> Url {
    endpoint(issuer, DEVICE.trim_start_matches('/'))
}

/// What the pages act on.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Requests and grants.
    pub control: Control<StoredVault, ConsentPage>,
    /// Sessions and the audit.
    pub database: Database,
    /// The vault's own address; the pages answer below its path, and only to forms from its origin.
    pub issuer: Url,
}

/// The pages as routes, without a fallback; merge them into the vault's router.
///
/// # Behavior
/// - Every page but the login needs a session; without one the browser is sent to the login and
///   comes back.
/// - Takes the peer's address for the login throttle from the request's
///   [`Peer`](okap_server::Peer) extension, which the host sets.
pub fn router(pages: Pages) -> Router {
    let base = pages.issuer.path().trim_end_matches('/').to_owned();
    let at = |path: &str| format!("{base}{path}");
    let mut router = Router::new()
        // an issuer's path may have segments that look like the parameters of an older axum
        .without_v07_checks()
        .route(&at("/"), get(home))
        .route(&at("/login"), get(login::show).post(login::enter))
        .route(&at("/logout"), post(login::leave))
        .route(&at("/consent/{id}"), get(consent::show).post(consent::decide))
        .route(&at(DEVICE), get(device::show).post(device::enter))
        .route(&at("/apps"), get(apps::list))
        .route(&at("/apps/{id}"), get(apps::show))
        .route(&at("/apps/{id}/revoke"), post(apps::revoke))
        .route(&at("/grants"), get(grants::list))
        .route(&at("/grants/{id}"), get(grants::show))
        .route(&at("/grants/{id}/revoke"), post(grants::revoke))
        .route(&at("/assets/okap.css"), get(assets::style));
    if !base.is_empty() {
        router = router.route(&base, get(home));
    }
    let site = Site { pages, base, attempts: Attempts::default() };
    router.method_not_allowed_fallback(wrong_method).with_state(Arc::new(site))
}

/// What all pages share.
#[derive(Debug)]
struct Site {
    pages: Pages,
    /// The issuer's path without a slash at its end: the start of every link.
    base: String,
    attempts: Attempts,
}

impl Site {
    /// A path of this site as a link.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether browsers reach the vault over TLS.
    fn is_secure(&self) -> bool {
        self.pages.issuer.scheme() == "https"
    }

    /// Whether a browser would send this site's cookie along to an address.
    ///
    /// Cookies know no port: on loopback the listener of an app has the vault's own host, or can
    /// send the browser on to it. Only `Secure` keeps the cookie of an https vault away from it.
    fn shares_cookies_with(&self, address: &Url) -> bool {
        let here = matches!(address.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        !self.is_secure() && (here || self.pages.issuer.host() == address.host())
    }
}

async fn home(State(site): State<Arc<Site>>) -> Response {
    reply::see_other(&site.at("/grants"))
}

async fn wrong_method(State(site): State<Arc<Site>>) -> Refusal {
    let text = "This address only takes a form that one of the vault's own pages sends.";
    Refusal::notice(&site, StatusCode::METHOD_NOT_ALLOWED, "Not by a link", text)
}
