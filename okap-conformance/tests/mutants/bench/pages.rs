//! The pages of the bench's vault: plain, and for who is signed in alone.

use bytes::Bytes;
use http::{Request, Response, header};
use okap_engine::record::Back;
use okap_server::{ConsentPage, Control};
use serde_json::to_string;
use url::Url;

use super::seams::Store;

/// What a browser of the user sends.
pub(super) const COOKIE: &str = "session=of-the-bench";

/// The page that a request is for; `None` where it is for none, or nobody is signed in.
pub(super) async fn shown(
    control: &Control<Store, ConsentPage>,
    request: &Request<Bytes>,
) -> Option<Response<Bytes>> {
    let cookie = request.headers().get(header::COOKIE)?;
    if cookie != COOKIE || request.method() != "GET" {
        return None;
    }
    let text = match request.uri().path() {
        "/okap/device" => request.uri().query().unwrap_or_default().to_owned(),
        path => {
            let asked = control.interaction(path.strip_prefix("/consent/")?).await.ok()?;
            let back = match &asked.back {
                Back::Redirect { redirect_uri, .. } => host(redirect_uri),
                _ => String::new(),
            };
            let client = asked.app.client_id().map(host).unwrap_or_default();
            let name = asked.app.info.name.as_ref().map_or("", |name| name.as_str());
            let access = to_string(&asked.access).unwrap();
            let from = asked.source.unwrap_or_default();
            format!("{client} {back} {name} {access} {} {from}", asked.user_code)
        }
    };
    let buttons = ["Allow", "Deny"].map(|word| format!("<button name=action>{word}</button>"));
    let form = format!("<form method=post>{}</form>", buttons.concat());
    let page = format!("<!doctype html><p>{text}</p>{form}");
    Some(Response::builder().header("content-type", "text/html").body(page.into()).unwrap())
}

fn host(address: &str) -> String {
    let url = address.parse::<Url>().ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
