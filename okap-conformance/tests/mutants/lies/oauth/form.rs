use http::{HeaderValue, header};
use serde_json::{Value, json};

use super::{PAR, REVOKE, TOKEN, fields};
use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.59",
        what: "of a parameter that stands twice the last one counts",
        killed_by: &["oauth.form.twice"],
        lie: Lie {
            request: Some(|scene, request| {
                for path in [PAR, TOKEN, REVOKE] {
                    let names = ["client_id", "code", "token", "state", "unknown", "x"];
                    fields(scene, path, request, |form| form.last_alone(&names));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.60",
        what: "a body of JSON is taken for a form",
        killed_by: &["oauth.form.method"],
        lie: Lie {
            request: Some(|scene, request| {
                let json = serde_json::from_slice::<Value>(request.body());
                if let (PAR | TOKEN, Ok(Value::Object(members))) = (scene.path, json) {
                    let members = members.iter().map(|(name, value)| (name, value.as_str()));
                    let pairs = members.filter_map(|(name, value)| Some((name, value?)));
                    let mut form = url::form_urlencoded::Serializer::new(String::new());
                    *request.body_mut() = form.extend_pairs(pairs).finish().into();
                    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                    request.headers_mut().insert(header::CONTENT_TYPE, kind);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.61",
        what: "a method that is refused is refused without the one that is not",
        killed_by: &["oauth.form.method"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == PAR {
                    response.headers_mut().remove(header::ALLOW);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.62",
        what: "a grant type that there is not is answered as any wrong request",
        killed_by: &["core.own.errors", "oauth.form.grant_type"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN {
                    edit(response.body_mut(), |answer| {
                        if answer["error"] == "unsupported_grant_type" {
                            answer["error"] = json!("invalid_request");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.63",
        what: "a shared secret is passed over",
        killed_by: &["oauth.form.secret"],
        lie: Lie {
            request: Some(|scene, request| {
                if [PAR, TOKEN].contains(&scene.path) {
                    request.headers_mut().remove(header::AUTHORIZATION);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.64",
        what: "a form of another site is taken",
        killed_by: &["oauth.form.other_site"],
        lie: Lie {
            request: Some(|_, request| {
                request.headers_mut().remove("sec-fetch-site");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.65",
        what: "a refusal quotes what it refuses",
        killed_by: &["core.own.errors", "oauth.form.no_echo"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN {
                    edit(response.body_mut(), |answer| {
                        if let Some(text) = answer["error_description"].as_str() {
                            answer["error_description"] = json!(format!("{text}: \"code\""));
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
];
