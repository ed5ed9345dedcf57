use http::header;
use serde_json::json;

use crate::lie::{Lie, Mutant, Scene, replace};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.82",
        what: "nobody is told that an app may be another",
        killed_by: &["core.page.shows"],
        lie: Lie {
            response: Some(|scene, response| {
                if is_consent(scene) {
                    replace(response.body_mut(), "unverified", "known");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.83",
        what: "an app's words are HTML on the page",
        killed_by: &["core.page.escaped"],
        lie: Lie {
            response: Some(|scene, response| {
                if is_consent(scene) {
                    replace(response.body_mut(), "&lt;", "<");
                    replace(response.body_mut(), "&gt;", ">");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.84",
        what: "what the user types is not read",
        killed_by: &["core.page.lowered", "oauth.page.decided"],
        lie: Lie {
            request: Some(|scene, request| {
                if is_consent(scene) {
                    let text = String::from_utf8_lossy(request.body()).into_owned();
                    let kept = text.split('&').filter(|field| !field.starts_with("0."));
                    *request.body_mut() = kept.collect::<Vec<_>>().join("&").into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.85",
        what: "a decision counts for a request that was not shown",
        killed_by: &["core.page.bound"],
        lie: Lie {
            response: Some(|scene, response| {
                let html = String::from_utf8_lossy(response.body()).into_owned();
                let shown = html.split_once("name=shown value=\"").map(|(_, rest)| rest);
                if let (true, Some(shown)) = (is_consent(scene), shown) {
                    scene.memory.keep(scene.path, json!(shown.split('"').next().unwrap()));
                }
            }),
            request: Some(|scene, request| {
                if let (true, Some(shown)) = (is_consent(scene), scene.memory.kept(scene.path)) {
                    let text = String::from_utf8_lossy(request.body());
                    let own = format!("shown={}&{text}", shown.as_str().unwrap());
                    *request.body_mut() = own.into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.86",
        what: "the Enter key allows",
        killed_by: &["core.page.bound"],
        lie: Lie {
            response: Some(|scene, response| {
                if is_consent(scene) {
                    replace(response.body_mut(), "value=allow", "value=allow autofocus");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.87",
        what: "a decision that comes too late is no page",
        killed_by: &["core.page.late"],
        lie: Lie {
            response: Some(|scene, response| {
                if is_consent(scene) && response.status() == 400 {
                    response.headers_mut().remove(header::CONTENT_TYPE);
                }
            }),
            ..Lie::NONE
        },
    },
];

fn is_consent(scene: &Scene<'_>) -> bool {
    scene.path.starts_with("/consent/")
}
