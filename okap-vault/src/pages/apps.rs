//! The apps that the user has allowed something, and how to end all of one at once.

mod view;

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

use self::view::{App, apps};

#[derive(Template)]
#[template(path = "apps.html")]
struct List {
    frame: Frame,
    apps: Vec<App>,
}

#[derive(Template)]
#[template(path = "revoke-app.html")]
struct Sure {
    frame: Frame,
    app: App,
}

/// `GET /apps`
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    session: Session,
) -> Result<Response, Refusal> {
    let grants = all(&site, &session).await?;
    let apps = all_apps(&site, &grants).await?;
    Ok(reply::page(StatusCode::OK, &List { frame: Frame::user(&site, &session), apps }))
}

/// `GET /apps/{id}`: the app's place in the list.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let grants = all(&site, &session).await?;
    let app = find(&site, &session, &grants, &id).await?;
    Ok(reply::see_other(&site.at(&format!("/apps#app-{}", app.id))))
}

/// `POST /apps/{id}/revoke`: asks first, revokes every grant of the app with `confirm=yes`.
pub(super) async fn revoke(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let Posted { session, form } = posted;
    let grants = all(&site, &session).await?;
    let app = find(&site, &session, &grants, &id).await?;
    let back = site.at(&format!("/apps#app-{}", app.id));
    let unfit = |Misfit(why): Misfit| {
        let text = format!("Nothing was revoked. {why}");
        let link = Some((back.as_str(), "Back to the apps"));
        let status = StatusCode::BAD_REQUEST;
        Refusal::told(&site, &session, status, "That form does not fit", &text, link)
    };
    match form.one("confirm").map_err(unfit)? {
        Some("yes") => {
            end(&site, &session, &grants, &app).await?;
            Ok(reply::see_other(&back))
        }
        _ if app.active == 0 => Ok(reply::see_other(&back)),
        None => {
            let sure = Sure { frame: Frame::user(&site, &session), app };
            Ok(reply::page(StatusCode::OK, &sure))
        }
        Some(_) => Err(unfit(Misfit("It does not say yes.".to_owned()))),
    }
}

/// Revokes all that an app was allowed; what it handed on ends with that.
async fn end(site: &Site, session: &Session, grants: &[Grant], app: &App) -> Result<(), Refusal> {
    let family = Family::of(grants, site.pages.control.now());
    let is_its = |grant: &&Grant| view::id(grant) == app.id && family.state(grant).is_active();
    for (at, grant) in family.allowed().filter(is_its).enumerate() {
        match site.pages.control.revoke(&session.owner, &grant.id).await {
            // gone meanwhile is as good
            Ok(()) | Err(ControlError::Unknown) => {}
            Err(ControlError::Store(error)) if at == 0 => {
                return Err(Refusal::unavailable(site, &error));
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "not all grants of an app could be revoked"
                );
                let text = "The vault lost its store on the way: some of the app’s grants are \
                            revoked and some are not. Try again in a moment.";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Err(Refusal::notice(site, status, "Not all of it", text));
            }
        }
    }
    Ok(())
}

async fn all(site: &Site, session: &Session) -> Result<Vec<Grant>, Refusal> {
    let grants = site.pages.control.grants(&session.owner).await;
    grants.map_err(|error| Refusal::unavailable(site, &error))
}

async fn all_apps(site: &Site, grants: &[Grant]) -> Result<Vec<App>, Refusal> {
    let apps: Result<_, StoreError> = apps(site, grants).await;
    apps.map_err(|error| Refusal::unavailable(site, &error))
}

async fn find(site: &Site, session: &Session, grants: &[Grant], id: &str) -> Result<App, Refusal> {
    let apps = all_apps(site, grants).await?;
    apps.into_iter().find(|app| app.id == id).ok_or_else(|| {
        let list = site.at("/apps");
        let link = Some((list.as_str(), "All apps"));
        let text = "This vault has allowed no such app anything.";
        Refusal::told(site, session, StatusCode::NOT_FOUND, "No such app", text, link)
    })
}
