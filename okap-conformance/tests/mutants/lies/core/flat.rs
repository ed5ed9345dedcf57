use http::StatusCode;
use okap_server::Peer;
use serde_json::json;

use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.50",
        what: "a flat answer lists a capability that was not asked for",
        killed_by: &["core.flat.approved"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/request" {
                    edit(response.body_mut(), |body| {
                        if body["approved"] == json!(true) {
                            body["token"]["capabilities"] = json!(["chat", "vision"]);
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.51",
        what: "a flat request that is refused is answered with 400",
        killed_by: &["core.flat.refused"],
        lie: Lie {
            response: Some(|scene, response| {
                let refused = scene.path == "/okap/request"
                    && response.body().windows(8).any(|part| part == b"invalid_");
                if refused {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.52",
        what: "a flat request joins one of any source",
        killed_by: &["core.flat.source"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/request" {
                    request.extensions_mut().insert(Peer([127, 0, 0, 1].into()));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.53",
        what: "a flat request is granted without asking",
        killed_by: &["core.flat.approved"],
        lie: Lie {
            // what is no request is answered at once
            request: Some(|scene, request| {
                if scene.path == "/okap/request" {
                    *request.body_mut() = "{}".into();
                }
            }),
            response: Some(|scene, response| {
                if scene.path == "/okap/request" {
                    edit(response.body_mut(), |body| {
                        let token = json!({ "token": "okap_at_unasked", "base_url": "http://a/" });
                        *body = json!({ "okap": "1.0", "approved": true, "token": token });
                    });
                }
            }),
            ..Lie::NONE
        },
    },
];
