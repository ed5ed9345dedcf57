use http::StatusCode;
use serde_json::json;

use super::asked;
use crate::lie::{Lie, Mutant, each_access};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.02",
        what: "a request of an unknown major version is taken",
        killed_by: &["core.flat.refused", "core.request.version"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if body.get("okap") == Some(&json!("2.0")) {
                        body["okap"] = json!("1.0");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.10",
        what: "a denial is sent with status 200",
        killed_by: &["core.grant.denied"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/continue" && response.status() == StatusCode::FORBIDDEN {
                    *response.status_mut() = StatusCode::OK;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.14",
        what: "what the user lowers is granted as it was asked",
        killed_by: &[
            "core.grant.narrowed",
            "core.page.lowered",
            "device.page.decided_once",
            "oauth.details.granted",
        ],
        lie: Lie {
            commit: Some(|scene, key, record| {
                let app = record.pointer("/app/info/name").map(ToString::to_string);
                let app = app.unwrap_or_default();
                if key.starts_with("interaction/") {
                    scene.memory.keep(&app, record["access"].clone());
                } else if key.starts_with("grant/")
                    && record.get("ancestors").is_none()
                    && let Some(asked) = scene.memory.kept(&app)
                {
                    let mut asked = asked.as_array().cloned().unwrap_or_default().into_iter();
                    each_access(record, |access| {
                        let asked = asked.next().unwrap_or_default();
                        for member in ["models", "limits"] {
                            if let Some(wanted) = asked.get(member) {
                                access[member] = wanted.clone();
                            }
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
];
