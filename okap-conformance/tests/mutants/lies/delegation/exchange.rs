use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{exchange_of, is_child, set_form};
use crate::lie::{Lie, Mutant, Scene, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "delegation.01",
        what: "models that the token lacks are dropped in silence",
        killed_by: &["delegation.exchange.wider"],
        lie: Lie {
            request: Some(|scene, request| {
                lenient(scene, request, |part| {
                    if let Some(models) = part.get_mut("models").and_then(Value::as_array_mut) {
                        models.retain(|model| model == "gpt-4o-mini");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.02",
        what: "capabilities that the token lacks are dropped in silence",
        killed_by: &["delegation.exchange.wider"],
        lie: Lie {
            request: Some(|scene, request| {
                lenient(scene, request, |part| forget(part, "capabilities"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.03",
        what: "a child names its own limits",
        killed_by: &["delegation.exchange.wider"],
        lie: Lie {
            request: Some(|scene, request| {
                lenient(scene, request, |part| {
                    // those that the page would call low are kept
                    let wide = part["limits"]["monthly_spend"] == "2.01"
                        || part["limits"]["requests_per_minute"] == 10;
                    if wide {
                        forget(part, "limits");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.04",
        what: "a child names its own end",
        killed_by: &["delegation.exchange.longer"],
        lie: Lie {
            request: Some(|scene, request| {
                lenient(scene, request, |part| forget(part, "expires"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.05",
        what: "a child outlives its parent",
        killed_by: &["delegation.exchange.longer"],
        lie: Lie {
            commit: Some(|_, key, record| {
                if is_child(key, record) {
                    each_access(record, |access| access["expires"] = json!("2100-01-01T00:00:00Z"));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.13",
        what: "a child changes the provider",
        killed_by: &["delegation.exchange.wider"],
        lie: Lie {
            request: Some(|scene, request| {
                lenient(scene, request, |part| {
                    if part["provider"] != "openai" {
                        *part = json!({ "type": "ai_model_access", "provider": "openai" });
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.21",
        what: "a child calls every provider of its parent",
        killed_by: &["delegation.exchange.provider"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                if let (true, Some(parent)) = (
                    is_child(key, record),
                    record["ancestors"][0].as_str().and_then(|id| scene.memory.kept(id)),
                ) {
                    let own = record["access"][0]["provider"].clone();
                    let all = parent["access"].as_array().unwrap();
                    let rest = all.iter().filter(|part| part["provider"] != own).cloned();
                    record["access"].as_array_mut().unwrap().extend(rest);
                }
                if let Some(id) = key.strip_prefix("grant/") {
                    scene.memory.keep(id, record.clone());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.11",
        what: "a revoked token is handed on",
        killed_by: &[
            "delegation.exchange.subject",
            "oauth.code.again",
            "oauth.refresh.reused",
            "oauth.refresh.reused_late",
            "oauth.refresh.revoked",
        ],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == "/okap/token" && key.starts_with("grant/") {
                    record["revoked"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.22",
        what: "an exchange yields a refresh token",
        killed_by: &["delegation.exchange.handed_on"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if body.get("issued_token_type").is_some() {
                        body["refresh_token"] = body["access_token"].clone();
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.23",
        what: "nobody asks which client hands access on",
        killed_by: &["delegation.exchange.client"],
        lie: Lie {
            request: Some(|scene, request| {
                let Some(mut fields) = exchange_of(scene.path, request) else { return };
                let of = |name: &str| fields.iter().find(|(known, _)| known == name);
                let subject = of("subject_token").map(|(_, token)| token.as_str());
                let clients = subject.and_then(|token| scene.memory.kept(token)).is_some();
                if clients && of("client_id").is_none() {
                    fields.push(("client_id".to_owned(), "http://localhost".to_owned()));
                    set_form(request, &fields);
                }
            }),
            response: Some(|scene, response| {
                edit(response.body_mut(), |body| {
                    // only a client is given one
                    if let (true, Some(token)) =
                        (body.get("refresh_token").is_some(), body["access_token"].as_str())
                    {
                        scene.memory.keep(token, json!(true));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];

/// Takes what is too wide off the details of an exchange.
fn lenient(scene: &Scene<'_>, request: &mut Request<Bytes>, change: fn(&mut Value)) {
    let Some(mut fields) = exchange_of(scene.path, request) else { return };
    for (name, value) in &mut fields {
        if name == "authorization_details" {
            let mut details: Value = serde_json::from_str(value).unwrap();
            details.as_array_mut().unwrap().iter_mut().for_each(change);
            *value = details.to_string();
        }
    }
    set_form(request, &fields);
}

fn forget(part: &mut Value, member: &str) {
    part.as_object_mut().unwrap().remove(member);
}
