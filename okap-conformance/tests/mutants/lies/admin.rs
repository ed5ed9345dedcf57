//! Lies of a vault to its owner: what it keeps, and its own pages.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::{
    bench::pages,
    lie::{Lie, Mutant, Scene, replace},
    lies::core::outcome::write_down,
};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "admin.16",
        what: "prompts are kept",
        killed_by: &["admin.keep.keys"],
        lie: Lie {
            request: Some(|scene, _| {
                let heard = String::from_utf8_lossy(scene.body);
                // of long calls there are many, and they are not about this
                if scene.is_call() && heard.len() < 1_000 {
                    let before = scene.memory.kept("heard").unwrap_or(json!(""));
                    let both = format!("{} {heard}", before.as_str().unwrap());
                    scene.memory.keep("heard", json!(both));
                }
            }),
            commit: Some(|scene, key, record| {
                write_down(scene, key, record, "heard", str::to_owned);
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.03",
        what: "a page shows the master key",
        killed_by: &["admin.keep.shown"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if let Some(key) = request.headers().get("authorization") {
                    scene.memory.keep("key", json!(key.to_str().unwrap()));
                }
            }),
            response: Some(|scene, response| {
                if let ("/", true, Some(key)) = (
                    scene.path,
                    scene.headers.contains_key(header::COOKIE),
                    scene.memory.kept("key"),
                ) {
                    let html = String::from_utf8_lossy(response.body());
                    *response.body_mut() = format!("{html}<p>{key}").into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.14",
        what: "a row of the audit is about another grant",
        killed_by: &["admin.keep.audit"],
        lie: Lie {
            audit: Some(|rows| {
                rows.iter_mut().for_each(|row| row["grant"] = json!("g_another"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.21",
        what: "calls have no rows in the audit",
        killed_by: &["admin.keep.audit", "delegation.chain.apart"],
        lie: Lie { audit: Some(Vec::clear), ..Lie::NONE },
    },
    Mutant {
        id: "admin.22",
        what: "pages may be framed",
        killed_by: &["admin.page.headers"],
        lie: Lie {
            response: Some(|_, response| {
                response.headers_mut().remove(header::CONTENT_SECURITY_POLICY);
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.23",
        what: "error pages may be kept",
        killed_by: &["admin.page.headers"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/consent/") && response.status() == 404 {
                    response.headers_mut().remove(header::CACHE_CONTROL);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.24",
        what: "scripts can read the session's cookie",
        killed_by: &["admin.page.cookie"],
        lie: Lie {
            response: Some(|_, response| {
                if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
                    let open = cookie.to_str().unwrap().replace("; HttpOnly", "");
                    let open = HeaderValue::from_str(&open).unwrap();
                    response.headers_mut().insert(header::SET_COOKIE, open);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.18",
        what: "an app's token opens the user's pages",
        killed_by: &["admin.page.signed_out"],
        lie: Lie {
            response: Some(|scene, response| {
                let signed_in = scene.headers.contains_key(header::COOKIE);
                if scene.path.starts_with("/consent/") && signed_in {
                    let html = String::from_utf8_lossy(response.body());
                    scene.memory.keep(scene.path, json!(html));
                } else if let (true, Some(Value::String(page))) =
                    (scene.token().starts_with("okap_"), scene.memory.kept(scene.path))
                {
                    *response.body_mut() = page.into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.25",
        what: "a decision needs no token of the session's",
        killed_by: &["admin.page.forgery"],
        lie: Lie {
            request: Some(|scene, request| {
                let cookie = scene.headers.get(header::COOKIE).and_then(|c| c.to_str().ok());
                if let (true, Some(cookie)) = (scene.path.starts_with("/consent/"), cookie) {
                    let text = String::from_utf8_lossy(request.body());
                    let own = format!("token={}&{text}", pages::token(cookie));
                    *request.body_mut() = own.into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.26",
        what: "no page has a button to revoke a grant",
        killed_by: &["admin.page.revoke"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/" {
                    replace(response.body_mut(), ">Revoke<", ">Keep<");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.28",
        what: "what was handed on stands apart from the grant that it is from",
        killed_by: &["admin.family.below"],
        lie: Lie {
            response: Some(|scene, response| listed(scene, response, |apart, rest| apart + &rest)),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.30",
        what: "all that was handed on stands behind the last grant",
        killed_by: &["admin.family.below"],
        lie: Lie {
            response: Some(|scene, response| listed(scene, response, |apart, rest| rest + &apart)),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.29",
        what: "what was handed on has no name",
        killed_by: &["admin.family.below"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == "/" && key.starts_with("grant/") {
                    record["delegate"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "admin.27",
        what: "the button to revoke a grant does nothing",
        killed_by: &["admin.page.revoke"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/revoke" {
                    *request.uri_mut() = "/".parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
];

/// Lists grants in another way, given those that were handed on and all else.
fn listed(scene: &Scene<'_>, response: &mut Response<Bytes>, order: fn(String, String) -> String) {
    if scene.path == "/" {
        let (apart, rest) = families(response.body());
        *response.body_mut() = order(apart, rest).into();
    }
}

/// What was handed on, and the rest of the page with the grants.
fn families(html: &[u8]) -> (String, String) {
    let html = String::from_utf8_lossy(html).replace("<li>", "</li><li>");
    let (apart, rest): (Vec<_>, Vec<_>) =
        html.split("</li>").partition(|part| part.starts_with("<li>"));
    (apart.concat(), rest.concat())
}
