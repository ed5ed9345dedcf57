//! The pages of the bench's vault: plain, and for who is signed in alone.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use okap_conformance::seed::Seed;
use okap_engine::record::Back;
use okap_server::{ConsentPage, Control, Grant, Interaction, shown};
use okap_types::AppName;
use serde_json::{Value, json, to_string, to_value};
use url::{Url, form_urlencoded};

use super::{decision, seams::Store, vault::owner};

/// What the user signs in with; stands in `mutants.toml`, too.
const PASSWORD: &str = "made up for the bench";

/// Who is signed in.
#[derive(Default)]
pub(super) struct Sessions(Mutex<BTreeSet<String>>);

impl Sessions {
    /// A new one, as a browser of the user sends it.
    pub(super) fn begin(&self) -> String {
        let cookie = format!("session={}", Seed::fresh().word());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(cookie.clone());
        cookie
    }

    fn of(&self, headers: &HeaderMap) -> Option<String> {
        let cookie = headers.get(header::COOKIE)?.to_str().ok()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(cookie).cloned()
    }
}

/// What the forms of a session carry.
pub(crate) fn token(session: &str) -> String {
    session.chars().rev().filter(char::is_ascii_alphanumeric).collect()
}

/// The answer to a request for a page; `None` where it is for none.
pub(super) async fn answer(
    control: &Control<Store, ConsentPage>,
    sessions: &Sessions,
    request: &Request<Bytes>,
) -> Option<Response<Bytes>> {
    let path = request.uri().path();
    let own = ["/", "/signin", "/revoke", "/okap/device"].contains(&path);
    if !own && !path.starts_with("/consent/") {
        return None;
    }
    let fields: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
    let said = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    if path == "/signin" && said("password") == PASSWORD {
        let cookie = format!("{}; HttpOnly; SameSite=Lax; Path=/", sessions.begin());
        let mut page = guarded(303, "<p>signed in".to_owned());
        page.headers_mut().insert(header::SET_COOKIE, cookie.parse().unwrap());
        page.headers_mut().insert(header::LOCATION, "/".parse().unwrap());
        return Some(page);
    }
    let Some(session) = sessions.of(request.headers()) else {
        let status = if request.method() == Method::GET { 200 } else { 403 };
        let form = "<input type=password name=password><button>Sign in</button></form>";
        return Some(guarded(status, format!("<form method=post action=\"/signin\">{form}")));
    };
    let token = token(&session);
    if request.method() == Method::POST && said("token") != token {
        return Some(guarded(403, "<p>this form is of another session".to_owned()));
    }
    let hidden = format!("<input type=hidden name=token value=\"{token}\">");
    Some(match (request.method() == Method::POST, path.strip_prefix("/consent/")) {
        (false, Some(id)) => match control.interaction(id).await {
            Ok(asked) => guarded(200, consent(&asked, &hidden)),
            Err(error) => guarded(404, format!("<p>{error}")),
        },
        (true, Some(id)) => match decide(control, id, &fields).await {
            Ok(None) => guarded(200, "<p>decided".to_owned()),
            Ok(Some(back)) => {
                let mut page = guarded(303, "<p>decided".to_owned());
                page.headers_mut().insert(header::LOCATION, back.as_str().parse().unwrap());
                page
            }
            Err(error) => guarded(400, format!("<p>{}", escaped(&error))),
        },
        (true, None) if path == "/revoke" => {
            let grant = said("grant").parse().unwrap();
            match control.revoke(&owner(), &grant).await {
                Ok(()) => guarded(200, "<p>revoked".to_owned()),
                Err(error) => guarded(400, format!("<p>{error}")),
            }
        }
        _ if path == "/" => guarded(200, family(&control.grants(&owner()).await.unwrap(), &hidden)),
        _ => {
            let said = escaped(request.uri().query().unwrap_or_default());
            guarded(200, format!("<p>{said}</p><form method=post></form>"))
        }
    })
}

/// Grants that the user allowed, each with what was handed on from it.
fn family(grants: &[Grant], hidden: &str) -> String {
    let form = |grant: &Grant| {
        format!(
            "<form method=post action=\"/revoke\">{hidden}<input type=hidden name=grant \
             value=\"{}\"><button>Revoke</button></form>",
            grant.id
        )
    };
    let name = |name: Option<&AppName>| escaped(name.map_or("", |name| name.as_str()));
    let mut list = String::new();
    for grant in grants.iter().filter(|grant| grant.ancestors.is_empty()) {
        list += &format!("<p>{}{}", name(grant.app.info.name.as_ref()), form(grant));
        for child in grants.iter().filter(|child| child.ancestors.last() == Some(&grant.id)) {
            list += &format!("<li>{}{}</li>", name(child.delegate.as_ref()), form(child));
        }
    }
    list
}

/// Where the browser is led after a decision; `None` where it stays.
async fn decide(
    control: &Control<Store, ConsentPage>,
    id: &str,
    fields: &[(String, String)],
) -> Result<Option<Url>, String> {
    let said = |name: &str| fields.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    let asked = control.interaction(id).await.map_err(|error| error.to_string())?;
    let decision = match said("action") {
        "allow" => {
            let left = (0..asked.access.len()).map(|at| left(at, fields)).collect::<Vec<_>>();
            decision::approval(control, &asked, &left).ok_or("a field does not hold")?
        }
        _ => okap_server::Decision::Deny,
    };
    let decided = control.decide(id, &owner(), said("shown"), &decision).await;
    decided.map(|decided| decided.redirect).map_err(|error| error.to_string())
}

/// What the form leaves of an object; what it does not name is as it was asked for.
fn left(at: usize, fields: &[(String, String)]) -> Value {
    let mut left = json!({ "limits": {} });
    for (name, value) in fields {
        match name.strip_prefix(&format!("{at}.")) {
            Some("models") => match left["models"].as_array_mut() {
                Some(models) => models.push(json!(value)),
                None => left["models"] = json!([value]),
            },
            Some(rate) if rate.starts_with("requests") || rate.starts_with("tokens") => {
                left["limits"][rate] = json!(value.parse::<u64>().ok());
            }
            Some(money) => left["limits"][money] = json!(value),
            None => {}
        }
    }
    left
}

fn consent(asked: &Interaction, hidden: &str) -> String {
    let back = match &asked.back {
        Back::Redirect { redirect_uri, .. } => host(redirect_uri),
        _ => String::new(),
    };
    let client = asked.app.client_id().map(host).unwrap_or_default();
    let name = asked.app.info.name.as_ref().map_or("", |name| name.as_str());
    let access = to_string(&asked.access).unwrap();
    let from = asked.source.clone().unwrap_or_default();
    let text = format!("{client} {back} {name} {access} {} {from}", asked.user_code);
    let mut form = format!("{hidden}<input type=hidden name=shown value=\"{}\">", shown(asked));
    for (at, access) in asked.access.iter().enumerate() {
        for model in &access.models {
            form += &format!("<input type=checkbox checked name={at}.models value=\"{model}\">");
        }
        for (name, limit) in to_value(&access.limits).unwrap().as_object().unwrap() {
            let value = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
            form += &format!("<input name={at}.{name} value=\"{value}\">");
        }
    }
    format!(
        "<p>unverified; in USD: {}</p><form method=post action=\"/consent/{}\">{form}\
         <button name=action value=deny>Deny</button>\
         <button name=action value=allow>Allow</button></form>",
        escaped(&text),
        asked.id
    )
}

/// A page that no other site can frame, keep or read.
fn guarded(status: u16, body: String) -> Response<Bytes> {
    let answer = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ];
    let answer = answer
        .into_iter()
        .fold(Response::builder().status(status), |answer, (n, v)| answer.header(n, v));
    answer.body(format!("<!doctype html><html lang=\"en\">{body}").into()).unwrap()
}

fn escaped(text: &str) -> String {
    let named = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")];
    named.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn host(address: &str) -> String {
    let url = address.parse::<Url>().ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
