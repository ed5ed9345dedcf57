use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.40",
        what: "expires_in of a waiting request stays what it was",
        killed_by: &["core.wait.pending"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if body["status"] == "pending" {
                        body["expires_in"] = json!(600);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.41",
        what: "an answer with a continuation token may be kept by caches",
        killed_by: &["core.wait.pending"],
        lie: Lie {
            response: Some(|_, response| {
                if response.status() == StatusCode::ACCEPTED {
                    response.headers_mut().remove("cache-control");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.42",
        what: "slow_down comes without Retry-After",
        killed_by: &["core.wait.slow_down"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/continue" {
                    response.headers_mut().remove("retry-after");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.43",
        what: "a poll is never held",
        killed_by: &["core.wait.held"],
        lie: Lie {
            request: Some(|_, request| {
                request.headers_mut().remove("prefer");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.44",
        what: "a request that nobody decided is said to be denied",
        killed_by: &["core.page.late", "core.wait.ended"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/continue" && response.status() == StatusCode::BAD_REQUEST {
                    *response.status_mut() = StatusCode::FORBIDDEN;
                    let denied =
                        json!({ "okap": "1.0", "status": "denied", "error": "access_denied" });
                    *response.body_mut() = denied.to_string().into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.45",
        what: "a continuation token opens grants",
        killed_by: &["core.wait.kinds"],
        lie: Lie {
            response: Some(|scene, response| {
                edit(response.body_mut(), |body| {
                    if let (Some(grant), "/okap/continue") = (body["grant_id"].as_str(), scene.path)
                    {
                        scene.memory.keep(grant, body["token"].clone());
                    }
                });
            }),
            request: Some(|scene, request| {
                let grant = scene.path.strip_prefix("/okap/grants/").unwrap_or_default();
                if scene.token().starts_with("okap_ct_")
                    && let Some(token) = scene.memory.kept(grant)
                {
                    let bearer = format!("Bearer {}", token.as_str().unwrap_or_default());
                    let bearer = HeaderValue::from_str(&bearer).unwrap();
                    request.headers_mut().insert("authorization", bearer);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.46",
        what: "consent is remembered: what an app was allowed once it is given again",
        killed_by: &["core.wait.again"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                let app = record.pointer("/app/info/name").map(ToString::to_string);
                let app = app.unwrap_or_default();
                if key.starts_with("grant/") {
                    scene.memory.keep(&app, record["id"].clone());
                } else if key.starts_with("interaction/")
                    && record["outcome"] == "waiting"
                    && let Some(grant) = scene.memory.kept(&app)
                {
                    record["outcome"] = json!({ "granted": grant });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.47",
        what: "an answer with a token may be kept by caches",
        killed_by: &["core.grant.allowed"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/continue" && response.status() == StatusCode::OK {
                    response.headers_mut().remove("cache-control");
                }
            }),
            ..Lie::NONE
        },
    },
];
