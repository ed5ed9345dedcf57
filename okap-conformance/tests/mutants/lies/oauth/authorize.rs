use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{AUTHORIZE, NEVER};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.09",
        what: "what is wrong with a link is sent to the address in it",
        killed_by: &["oauth.authorize.pushed_alone"],
        lie: Lie {
            response: Some(|scene, response| {
                let mut query = url::form_urlencoded::parse(scene.query.as_bytes());
                let to = query.find(|(name, _)| name == "redirect_uri");
                if let (AUTHORIZE, Some((_, to))) = (scene.path, to) {
                    let to = format!("{to}?error=invalid_request");
                    *response.status_mut() = StatusCode::SEE_OTHER;
                    response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.44",
        what: "whose pushed request it is is not looked at",
        killed_by: &["oauth.authorize.pushed_alone"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == AUTHORIZE && scene.query.contains("other.example") {
                    let other = "https%3A%2F%2Fother.example%2Fclient.json";
                    let query = scene.query.replace(other, "http%3A%2F%2Flocalhost");
                    *request.uri_mut() = format!("{AUTHORIZE}?{query}").parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.45",
        what: "a pushed request can be opened again",
        killed_by: &["oauth.authorize.once"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path != AUTHORIZE {
                    return;
                }
                match response.headers().get(header::LOCATION) {
                    Some(page) => {
                        scene.memory.keep(scene.query, json!(page.to_str().unwrap()));
                    }
                    None => {
                        if let Some(Value::String(page)) = scene.memory.kept(scene.query) {
                            *response.status_mut() = StatusCode::SEE_OTHER;
                            response.headers_mut().insert(header::LOCATION, page.parse().unwrap());
                        }
                    }
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.46",
        what: "a pushed request does not end",
        killed_by: &["oauth.authorize.ended"],
        lie: Lie {
            read: Some(|_, key, record| {
                if key.starts_with("pushed/") {
                    record["expires"] = json!(NEVER);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.18",
        what: "the consent page is shown before anybody signs in",
        killed_by: &["device.page.signed_out", "oauth.authorize.signed_out"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                if let Some(id) = key.strip_prefix("interaction/") {
                    scene.memory.keep(&format!("/consent/{id}"), record.clone());
                }
            }),
            response: Some(|scene, response| {
                let stranger = !scene.headers.contains_key(header::COOKIE);
                if let (true, Some(asked)) = (stranger, scene.memory.kept(scene.path)) {
                    *response.status_mut() = StatusCode::OK;
                    *response.body_mut() = asked.to_string().into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.47",
        what: "pages of other origins may read the authorization endpoint",
        killed_by: &["oauth.authorize.signed_out"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == AUTHORIZE {
                    let all = HeaderValue::from_static("*");
                    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, all);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.10",
        what: "the state does not come back",
        killed_by: &["oauth.authorize.comes_back"],
        lie: Lie { landing: Some(|url| without(url, "state")), ..Lie::NONE },
    },
    Mutant {
        id: "oauth.11",
        what: "the issuer does not come back",
        killed_by: &["oauth.authorize.comes_back", "oauth.client.redirect"],
        lie: Lie { landing: Some(|url| without(url, "iss")), ..Lie::NONE },
    },
    Mutant {
        id: "oauth.48",
        what: "the state does not come back with a denial",
        killed_by: &["oauth.authorize.comes_back"],
        lie: Lie {
            landing: Some(|url| {
                if url.contains("error=") {
                    without(url, "state");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.49",
        what: "a token comes back beside the code",
        killed_by: &["oauth.authorize.comes_back"],
        lie: Lie { landing: Some(|url| url.push_str("&access_token=okap_at_front")), ..Lie::NONE },
    },
];

fn without(url: &mut String, name: &str) {
    let mut parsed: url::Url = url.parse().unwrap();
    let kept: Vec<_> =
        parsed.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    parsed.query_pairs_mut().clear().extend_pairs(kept);
    *url = parsed.into();
}
