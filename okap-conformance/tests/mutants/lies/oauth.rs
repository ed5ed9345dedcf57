//! Lies about pushed requests, codes, clients and refresh tokens.

pub(super) mod assertion;
pub(super) mod authorize;
pub(super) mod client;
pub(super) mod code;
pub(super) mod form;
pub(super) mod push;
pub(super) mod refresh;
pub(super) mod revoke;

use bytes::Bytes;
use http::Request;
use okap_engine::token::hash;
use serde_json::{Value, json};

use crate::lie::Scene;

const PAR: &str = "/okap/par";
pub(super) const TOKEN: &str = "/okap/token";
const REVOKE: &str = "/okap/revoke";
const AUTHORIZE: &str = "/okap/authorize";
const LOCAL: &str = "http://localhost";
/// A moment that no test lives to see.
pub(super) const NEVER: &str = "2099-01-01T00:00:00Z";

/// The parameters of a form, in order.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn drop(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// In place of the first value; one that stands twice still does.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// The last value of each alone.
    pub(crate) fn last_alone(&mut self, names: &[&str]) {
        for name in names {
            let last = self.0.iter().rev().find(|(known, _)| known == name).cloned();
            if let Some((_, last)) = last {
                self.drop(name);
                self.put(name, &last);
            }
        }
    }
}

/// Changes the form of a request to one endpoint.
pub(crate) fn fields(
    scene: &Scene<'_>,
    path: &str,
    request: &mut Request<Bytes>,
    change: impl FnOnce(&mut Fields),
) {
    if scene.path != path || request.method() != "POST" {
        return;
    }
    let mut form = Fields(url::form_urlencoded::parse(request.body()).into_owned().collect());
    change(&mut form);
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.0).finish();
    *request.body_mut() = text.into();
}

/// Keeps what a token request says of the code or token in it, for when its record is read.
pub(super) fn remember(scene: &Scene<'_>, request: &mut Request<Bytes>) {
    fields(scene, TOKEN, request, |form| {
        for (kind, name) in
            [("code", "code"), ("refresh", "refresh_token"), ("device", "device_code")]
        {
            let said = json!({
                "client_id": form.get("client_id"),
                "redirect_uri": form.get("redirect_uri"),
                "code_verifier": form.get("code_verifier"),
            });
            scene.memory.keep(&format!("{kind}/{}", hash(form.get(name))), said);
        }
    });
}

/// What was said with the code or token of this record.
pub(super) fn said(scene: &Scene<'_>, key: &str, member: &str) -> Option<String> {
    let said = scene.memory.kept(key)?;
    said.get(member).and_then(Value::as_str).map(str::to_owned)
}
