//! What the user has allowed, what became of it, and how to take it back.

mod history;
mod view;
mod waiting;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use okap_server::{ControlError, Grant, StoreError};

use crate::family::Family;

use super::{
    Site,
    caller::Proof,
    form::Misfit,
    frame::Frame,
    guard::Posted,
    reply::{self, Refusal},
    session::Session,
};

use self::{
    history::{Call, calls},
    view::{Card, HandedOn},
    waiting::{Waiting, waiting},
};

/// Ended grants that the list shows; the command line lists all.
const ENDED: usize = 50;
/// Calls that a grant's page shows.
const CALLS: usize = 50;
/// Delegations that a grant's page shows: an app makes as many as it likes.
const HANDED_ON: usize = 50;

#[derive(Template)]
#[template(path = "grants.html")]
struct List {
    frame: Frame,
    issuer: String,
    waiting: Vec<Waiting>,
    active: Vec<Card>,
    ended: Vec<Card>,
    /// Ended grants that are not shown.
    older: usize,
}

#[derive(Template)]
#[template(path = "grant.html")]
struct One {
    frame: Frame,
    card: Card,
    /// What was handed on from it, the active ones first.
    handed_on: Vec<HandedOn>,
    calls: Vec<Call>,
    /// Whether there are more calls than are shown.
    more: bool,
}

#[derive(Template)]
#[template(path = "revoke.html")]
struct Sure {
    frame: Frame,
    card: Card,
}

/// `GET /grants`
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    session: Session,
) -> Result<Response, Refusal> {
    let unavailable = |error: StoreError| Refusal::unavailable(&site, &error);
    let grants = all(&site, &session).await?;
    let family = Family::of(&grants, site.pages.control.now());
    // what an app handed on stands with the grant that it came from
    let mut allowed: Vec<_> = family.allowed().collect();
    allowed.sort_by_key(|grant| std::cmp::Reverse(grant.created));
    let (active, ended): (Vec<_>, Vec<_>) =
        allowed.into_iter().partition(|grant| family.state(grant).is_active());
    let list = List {
        frame: Frame::user(&site, &session),
        issuer: site.pages.control.issuer(),
        waiting: waiting(&site).await.map_err(unavailable)?,
        active: cards(&site, &family, active).await.map_err(unavailable)?,
        older: ended.len().saturating_sub(ENDED),
        ended: cards(&site, &family, ended.into_iter().take(ENDED)).await.map_err(unavailable)?,
    };
    Ok(reply::page(StatusCode::OK, &list))
}

/// `GET /grants/{id}`
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let unavailable = |error: StoreError| Refusal::unavailable(&site, &error);
    let grants = all(&site, &session).await?;
    let family = Family::of(&grants, site.pages.control.now());
    let grant = family.find(&id).ok_or_else(|| unknown(&site, &session))?;
    let mut calls = calls(&site.pages.database, &grant.id, CALLS + 1).await.map_err(unavailable)?;
    let more = calls.len() > CALLS;
    calls.truncate(CALLS);
    let children = family.children(&grant.id).iter();
    let mut handed_on: Vec<_> = children.map(|child| HandedOn::new(child, &family)).collect();
    handed_on.sort_by_key(|child| !child.state.is_active());
    handed_on.truncate(HANDED_ON);
    let card = card(&site, &family, grant).await.map_err(unavailable)?;
    let one = One { frame: Frame::user(&site, &session), card, handed_on, calls, more };
    Ok(reply::page(StatusCode::OK, &one))
}

/// `POST /grants/{id}/revoke`: asks first, revokes with `confirm=yes`.
pub(super) async fn revoke(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let Posted { session, form } = posted;
    let grants = all(&site, &session).await?;
    let family = Family::of(&grants, site.pages.control.now());
    let grant = family.find(&id).ok_or_else(|| unknown(&site, &session))?;
    let back = site.at(&format!("/grants/{}", grant.id));
    let unfit = |Misfit(why): Misfit| {
        let text = format!("Nothing was revoked. {why}");
        let link = Some((back.as_str(), "Back to the grant"));
        Refusal::told(
            &site,
            &session,
            StatusCode::BAD_REQUEST,
            "That form does not fit",
            &text,
            link,
        )
    };
    let unavailable = |error: StoreError| Refusal::unavailable(&site, &error);
    match form.one("confirm").map_err(unfit)? {
        Some("yes") => match site.pages.control.revoke(&session.owner, &grant.id).await {
            Ok(()) => Ok(reply::see_other(&back)),
            Err(ControlError::Store(error)) => Err(unavailable(error)),
            Err(_) => Err(unknown(&site, &session)),
        },
        _ if grant.revoked.is_some() => Ok(reply::see_other(&back)),
        None => {
            let card = card(&site, &family, grant).await.map_err(unavailable)?;
            let sure = Sure { frame: Frame::user(&site, &session), card };
            Ok(reply::page(StatusCode::OK, &sure))
        }
        Some(_) => Err(unfit(Misfit("It does not say yes.".to_owned()))),
    }
}

async fn all(site: &Site, session: &Session) -> Result<Vec<Grant>, Refusal> {
    let grants = site.pages.control.grants(&session.owner).await;
    grants.map_err(|error| Refusal::unavailable(site, &error))
}

fn unknown(site: &Site, session: &Session) -> Refusal {
    let list = site.at("/grants");
    let link = Some((list.as_str(), "All grants"));
    let text = "There is no such grant in this vault.";
    Refusal::told(site, session, StatusCode::NOT_FOUND, "No such grant", text, link)
}

async fn cards(
    site: &Site,
    family: &Family<'_>,
    grants: impl IntoIterator<Item = &Grant>,
) -> Result<Vec<Card>, StoreError> {
    let mut cards = Vec::new();
    for grant in grants {
        cards.push(card(site, family, grant).await?);
    }
    Ok(cards)
}

async fn card(site: &Site, family: &Family<'_>, grant: &Grant) -> Result<Card, StoreError> {
    let used = site.pages.control.used(grant).await?;
    Ok(Card::new(grant, &used, family, site))
}
