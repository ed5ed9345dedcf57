use http::StatusCode;
use serde_json::{Value, json};

use super::{LOCAL, PAR, TOKEN, fields, remember, said};
use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.07",
        what: "an address that begins as one of the document is taken",
        killed_by: &["oauth.client.redirect"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let (site, _) = form
                        .get("client_id")
                        .split_at(form.get("client_id").rfind("/client.json").unwrap_or_default());
                    let own = format!("{site}/back");
                    if !site.is_empty() && form.get("redirect_uri").starts_with(&own) {
                        form.put("redirect_uri", &own);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.30",
        what: "a document with a secret in it is taken",
        killed_by: &["oauth.client.document"],
        lie: Lie {
            document: Some(|_, text| {
                let parsed = serde_json::from_str(text);
                if let (true, Ok(Value::Object(mut members))) = (text.contains("hush"), parsed) {
                    members.remove("client_secret");
                    *text = Value::Object(members).to_string();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.31",
        what: "a document is remembered as it was at first",
        killed_by: &["oauth.client.as_it_is", "oauth.client.document"],
        lie: Lie {
            document: Some(|memory, text| {
                let found = text.find("https://").and_then(|at| text.get(at..));
                let site = found.and_then(|rest| rest.split("example").next());
                let site = site.unwrap_or_default().to_owned();
                match memory.kept(&site) {
                    Some(Value::String(first)) => *text = first,
                    _ => memory.keep(&site, json!(text)),
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.33",
        what: "a client whose site is down is told that it is none",
        killed_by: &["oauth.client.site_down"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN && response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                    edit(response.body_mut(), |answer| answer["error"] = json!("invalid_client"));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.34",
        what: "a client with a document gives itself a name",
        killed_by: &["oauth.client.name"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if form.get("client_id") != LOCAL {
                        form.drop("client_name");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.35",
        what: "a refresh token is not bound to its client",
        killed_by: &["oauth.client.bound"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if key.starts_with("refresh/")
                    && let Some(client) = said(scene, key, "client_id")
                {
                    record["client_id"] = json!(client);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.36",
        what: "who says that it is a client spends what that client may",
        killed_by: &["oauth.client.claimed"],
        lie: Lie {
            commit: Some(|_, key, record| {
                if key.starts_with("interaction/") && record["app"]["identity"] == "claimed" {
                    record["app"]["identity"] = json!("published");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.19",
        what: "the page does not show where the browser goes back to",
        killed_by: &["oauth.page.hosts"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path.starts_with("/consent/") && key.starts_with("interaction/") {
                    record["back"] = json!("fetch");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.37",
        what: "a client id is tidied up before it is looked at",
        killed_by: &["oauth.client.address"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let tidy = form.get("client_id").trim_end_matches('/').to_owned();
                    form.put("client_id", &tidy);
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.38",
        what: "a client whose document is not there is taken for an app on this computer",
        killed_by: &["oauth.client.unreachable"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if form.get("client_id").ends_with(".invalid/client.json") {
                        form.put("client_id", LOCAL);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];
