//! The page where the user decides on a request.
//!
//! What it shows comes from the stored request alone, and what the form says is held against it
//! twice: here, so that the user learns what is wrong, and by the engine, so that a mistake here
//! cannot widen a grant.
//!
//! # The form
//! `csrf`, `shown` (the hash of what the page showed), `action` (`allow`, `deny`, or `check`, which
//! decides nothing and shows the form again), and for the i-th object, counted from 0:
//!
//! | Field | Says |
//! |---|---|
//! | `include.i` | `1`: the object is wanted; without it, it is left out |
//! | `model.i` | a model that was asked for; once for each |
//! | `models_extra.i` | where the choice is the user's: models, one a line or one a field |
//! | `models_any.i` | where the choice is the user's: `1` for every model |
//! | `capability.i` | a capability; once for each |
//! | `monthly_spend.i`, `daily_spend.i` | USD; empty is no cap where none was asked |
//! | `no_monthly_limit.i` | where no monthly cap was asked: `1` for none, else `monthly_spend.i` is wanted |
//! | `requests_per_minute.i`, `requests_per_day.i`, `tokens_per_request.i` | whole numbers; empty as above |
//! | `expires.i` | `YYYY-MM-DD`, that day's 00:00 UTC; the last possible day means the last possible moment |
//!
//! Any other field, a choice that the page does not offer and a value above the one asked are
//! answered with 400; a slip of the user with 422 and the form again; in both cases nothing is
//! decided. `deny` looks at no other field.

mod approve;
mod draft;
mod part;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use okap_engine::{
    flow::DecideError,
    record::{Back, Interaction},
};
use okap_server::{Approved, ControlError, Decided, Decision, Outcome, shown};
use okap_types::{ModelAccess, Timestamp};
use url::{Host, Url};

use super::{
    Site,
    caller::{Caller, Proof},
    form::{Form, Misfit},
    frame::Frame,
    guard::Posted,
    name::{Doubt, doubt},
    reply::{self, Refusal},
    session::Session,
    show,
};

use self::{
    approve::{Mistakes, Wrong, approve},
    draft::Draft,
    part::Part,
};

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    frame: Frame,
    action: String,
    app: Caller,
    doubt: Option<Doubt>,
    /// Where the browser goes next, where that says more than who asks; and what to note.
    returns_to: Option<(String, &'static str)>,
    user_code: Option<&'a str>,
    /// Whether another device shows the code.
    device: bool,
    /// The address that asked, where it is not the user's own browser that did.
    asked_from: Option<&'a str>,
    until: String,
    parts: Vec<Part<'a>>,
    shown: String,
    /// What is wrong with the whole of it.
    problem: Option<String>,
    mistakes: usize,
}

#[derive(Template)]
#[template(path = "decided.html")]
struct Done {
    frame: Frame,
    app: Caller,
    /// Whether another device waits for it.
    device: bool,
    /// The grant's id, where it was allowed.
    grant: Option<String>,
}

/// `GET /consent/{id}`
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let asked = waiting(&site, &session, &id).await?;
    let drafts = asked.access.iter().map(|access| Draft::suggested(access, end(&site, access)));
    let drafts = drafts.map(|draft| (draft, Mistakes::default())).collect();
    Ok(page(&site, &session, &asked, StatusCode::OK, drafts, None))
}

/// `POST /consent/{id}`
pub(super) async fn decide(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let Posted { session, form } = posted;
    let asked = waiting(&site, &session, &id).await?;
    let misfit = |misfit: Misfit| unfit(&site, &session, &asked, &misfit.0);
    let shown = form.one("shown").map_err(misfit)?.unwrap_or_default().to_owned();
    let action = form.one("action").map_err(misfit)?;
    let (drafts, approved) = match action {
        Some("deny") => (Vec::new(), Decision::Deny),
        Some(action @ ("allow" | "check")) => {
            let (drafts, approved) = read(&site, &asked, &form).map_err(misfit)?;
            match approved {
                Some(approved) if action == "allow" => (drafts, Decision::Approve(approved)),
                Some(_) => return Ok(page(&site, &session, &asked, StatusCode::OK, drafts, None)),
                None => {
                    let status = StatusCode::UNPROCESSABLE_ENTITY;
                    return Ok(page(&site, &session, &asked, status, drafts, None));
                }
            }
        }
        _ => return Err(misfit(Misfit("It says neither allow nor deny.".to_owned()))),
    };
    match site.pages.control.decide(&id, &session.owner, &shown, &approved).await {
        Ok(decided) => Ok(done(&site, &session, &asked, decided).await),
        Err(ControlError::Decide(DecideError::Unfit(why))) => {
            let problem = Some(format!("Not like this: {why}."));
            Ok(page(&site, &session, &asked, StatusCode::UNPROCESSABLE_ENTITY, drafts, problem))
        }
        Err(error) => Err(failed(&site, &session, &asked, &error)),
    }
}

/// What the form leaves of each object: as typed, with what is wrong about it, and as a decision
/// where nothing is.
type Reading = (Vec<(Draft, Mistakes)>, Option<Vec<Option<Approved>>>);

fn read(site: &Site, asked: &Interaction, form: &Form) -> Result<Reading, Misfit> {
    let now = site.pages.control.now();
    let mut drafts = Vec::new();
    let mut approved = Some(Vec::new());
    for (draft, access) in draft::typed(form, &asked.access)?.into_iter().zip(&asked.access) {
        let left = match draft.include {
            true => approve(&draft, access, end(site, access), now).map(Some),
            false => Ok(None),
        };
        match left {
            Ok(left) => {
                if let Some(approved) = &mut approved {
                    approved.push(left);
                }
                drafts.push((draft, Mistakes::default()));
            }
            Err(Wrong::Misfit(misfit)) => return Err(misfit),
            Err(Wrong::Mistakes(mistakes)) => {
                approved = None;
                drafts.push((draft, mistakes));
            }
        }
    }
    Ok((drafts, approved))
}

/// The latest end that an object can have.
fn end(site: &Site, asked: &ModelAccess) -> Timestamp {
    let latest = site.pages.control.latest_end();
    asked.expires.map_or(latest, |asked| asked.min(latest))
}

/// The request, if it can still be decided.
async fn waiting(site: &Site, session: &Session, id: &str) -> Result<Interaction, Refusal> {
    let told =
        |status, title, text, link| Err(Refusal::told(site, session, status, title, text, link));
    let asked = match site.pages.control.interaction(id).await {
        Ok(asked) => asked,
        Err(ControlError::Store(error)) => return Err(Refusal::unavailable(site, &error)),
        Err(_) => {
            let text =
                "There is no such request here, or it ended some time ago. Ask again from the app.";
            return told(StatusCode::NOT_FOUND, "No such request", text, None);
        }
    };
    match &asked.outcome {
        Outcome::Granted(grant) => {
            let link = site.at(&format!("/grants/{grant}"));
            let link = Some((link.as_str(), "See what was allowed"));
            told(StatusCode::CONFLICT, "Allowed before", "This request was allowed already.", link)
        }
        Outcome::Denied => {
            let text =
                "This request was denied already. If that was a slip, ask again from the app.";
            told(StatusCode::CONFLICT, "Denied before", text, None)
        }
        Outcome::Waiting if asked.expires <= site.pages.control.now() => {
            let text =
                "A request waits ten minutes, and this one has ended. Ask again from the app.";
            told(StatusCode::GONE, "Too late", text, None)
        }
        Outcome::Waiting => Ok(asked),
    }
}

fn page(
    site: &Site,
    session: &Session,
    asked: &Interaction,
    status: StatusCode,
    drafts: Vec<(Draft, Mistakes)>,
    problem: Option<String>,
) -> Response {
    let back = match &asked.back {
        Back::Redirect { redirect_uri, .. } => Url::parse(redirect_uri).ok(),
        Back::Fetch | Back::Device => None,
    };
    let several = asked.access.len() > 1;
    let mistakes = drafts.iter().map(|(_, mistakes)| mistakes.len()).sum();
    let parts =
        asked.access.iter().zip(drafts).enumerate().map(|(at, (access, (draft, mistakes)))| {
            let known = match access.models.is_empty() {
                true => site.pages.control.known_models(&access.provider),
                false => Vec::new(),
            };
            Part { several, ..Part::new(at, access, draft, mistakes, end(site, access), known) }
        });
    let app = Caller::asking(asked);
    let page = Page {
        frame: Frame::user(site, session),
        action: site.at(&format!("/consent/{}", asked.id)),
        doubt: app.name.as_deref().and_then(doubt),
        returns_to: back.as_ref().and_then(|back| destination(back, &app)),
        app,
        device: matches!(asked.back, Back::Device),
        asked_from: asked.source.as_deref().filter(|at| back.is_none() && *at != "unknown"),
        // in the redirect flow the app has no code to show
        user_code: back.is_none().then_some(asked.user_code.as_str()),
        until: show::clock(asked.expires),
        parts: parts.collect(),
        shown: shown(asked),
        problem,
        mistakes,
    };
    let source = back.as_ref().map(source);
    reply::leading_to(status, &page, source.as_deref())
}

/// An address as a content security policy names where it may lead.
fn source(url: &Url) -> String {
    match (url.scheme(), url.host(), url.port()) {
        // a site may send its browser on, and Chromium holds every step to the policy
        ("https", ..) => "https:".to_owned(),
        // a policy has no words for an IPv6 address; Chromium would ignore it and stop the redirect
        ("http", Some(Host::Ipv6(_)), Some(port)) => format!("http://*:{port}"),
        ("http", ..) => url.origin().ascii_serialization(),
        (scheme, ..) => format!("{scheme}:"),
    }
}

/// Where an address leads, where the app's own heading does not say so; and what to note about it.
fn destination(url: &Url, app: &Caller) -> Option<(String, &'static str)> {
    match url.scheme() {
        "http" => Some((authority(url), " on this computer")),
        "https" if app.is_verified() && authority(url) == app.known => None,
        "https" => Some((authority(url), ", not the app’s own address")),
        scheme => Some((format!("{scheme}:"), ", an app on this device")),
    }
}

/// `127.0.0.1:51004`
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn done(site: &Site, session: &Session, asked: &Interaction, decided: Decided) -> Response {
    if let Some(back) = decided.redirect {
        let response = reply::see_other(back.as_str());
        return match site.shares_cookies_with(&back) {
            // or the browser would hand this session to the app that it now visits
            true => session.close(site).await.on(response),
            false => response,
        };
    }
    let done = Done {
        frame: Frame::user(site, session),
        app: Caller::of(&asked.app),
        device: matches!(asked.back, Back::Device),
        grant: decided.grant.map(|grant| grant.id.to_string()),
    };
    reply::page(StatusCode::OK, &done)
}

/// The form is not one that the page could have made.
fn unfit(site: &Site, session: &Session, asked: &Interaction, why: &str) -> Refusal {
    let text = format!("The form does not fit the request, and nothing was allowed. {why}");
    let again = site.at(&format!("/consent/{}", asked.id));
    let link = Some((again.as_str(), "Open the request again"));
    Refusal::told(site, session, StatusCode::BAD_REQUEST, "That form does not fit", &text, link)
}

fn failed(site: &Site, session: &Session, asked: &Interaction, error: &ControlError) -> Refusal {
    let (status, title) = match error {
        ControlError::Store(error) => return Refusal::unavailable(site, error),
        ControlError::Decide(DecideError::Wider(wider)) => {
            return unfit(site, session, asked, &format!("Reason: {wider}."));
        }
        ControlError::Decide(DecideError::Expired) => (StatusCode::GONE, "Too late"),
        ControlError::Decide(DecideError::AlreadyDecided) => {
            (StatusCode::CONFLICT, "Decided before")
        }
        ControlError::Decide(DecideError::NotShown) => (StatusCode::CONFLICT, "Out of date"),
        _ => (StatusCode::NOT_FOUND, "No such request"),
    };
    let text = format!("Nothing was allowed: {error}.");
    Refusal::told(site, session, status, title, &text, None)
}
