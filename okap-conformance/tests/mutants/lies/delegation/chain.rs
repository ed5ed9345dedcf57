use serde_json::{Value, json};

use super::{exchange_of, is_child};
use crate::lie::{Lie, Mutant, Scene, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "delegation.06",
        what: "a child survives the revocation of its parent",
        killed_by: &["delegation.chain.revoked"],
        lie: Lie {
            read: Some(|scene, key, record| {
                let own = scene.memory.kept(scene.token());
                let own = own.as_ref().and_then(Value::as_str).unwrap_or_default();
                if scene.is_call() && !own.is_empty() && key != format!("grant/{own}") {
                    unrevoke(key, record);
                }
            }),
            response: Some(|scene, response| remember_child(scene, response.body_mut())),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.07",
        what: "the revocation of a child takes its parent along",
        killed_by: &["delegation.chain.revoked"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                if is_child(key, record) && !record["revoked"].is_null() {
                    for above in record["ancestors"].as_array().unwrap() {
                        scene.memory.keep(above.as_str().unwrap(), record["revoked"].clone());
                    }
                }
            }),
            read: Some(|scene, key, record| {
                if let Some(at) = key.strip_prefix("grant/").and_then(|id| scene.memory.kept(id)) {
                    record["revoked"] = at;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.10",
        what: "what has ended is handed on",
        killed_by: &["delegation.chain.expired"],
        lie: Lie {
            // the vault says that a token has ended, and hands it on all the same
            response: Some(|scene, response| {
                let said = String::from_utf8_lossy(response.body());
                if scene.is_call() && said.contains("token_expired") {
                    scene.memory.keep(scene.token(), json!("ended"));
                }
                if scene.path == "/okap/token" {
                    scene.memory.keep("late", json!(false));
                }
            }),
            request: Some(|scene, request| {
                let fields = exchange_of(scene.path, request).unwrap_or_default();
                let subject = fields.iter().find(|(name, _)| name == "subject_token");
                if subject.is_some_and(|(_, token)| scene.memory.kept(token).is_some()) {
                    scene.memory.keep("late", json!(true));
                }
            }),
            read: Some(|scene, key, record| {
                let late = scene.memory.kept("late") == Some(json!(true));
                if late && scene.path == "/okap/token" {
                    let end = json!("2100-01-01T00:00:00Z");
                    match key.starts_with("access/") {
                        true => record["expires"] = end,
                        false => each_access(record, |access| access["expires"] = end.clone()),
                    }
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.14",
        what: "what a child spends is not charged to its parent",
        killed_by: &["delegation.spend.counted", "delegation.spend.shared"],
        lie: Lie {
            commit: Some(|_, key, record| {
                if is_child(key, record) {
                    each_access(record, |access| {
                        access.as_object_mut().unwrap().remove("under");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.24",
        what: "a child is told what its own limits leave, whatever its parent has left",
        killed_by: &["delegation.spend.counted"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/limits" {
                    edit(response.body_mut(), |body| {
                        if let Some(day) = body.pointer_mut("/limits/0/limits/requests_per_day")
                            && let (Some(limit), Some(used)) =
                                (day["limit"].as_u64(), day["used"].as_u64())
                        {
                            day["remaining"] = json!(limit - used);
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.25",
        what: "access is handed on without end",
        killed_by: &["delegation.chain.depth"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == "/okap/token" && is_child(key, record) {
                    record["ancestors"].as_array_mut().unwrap().truncate(2);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "delegation.20",
        what: "a child's token opens every grant of its family",
        killed_by: &["delegation.chain.apart"],
        lie: Lie {
            request: Some(|scene, request| {
                let own = scene.memory.kept(scene.token());
                if let (true, Some(Value::String(own))) =
                    (scene.path.starts_with("/okap/grants/"), own)
                {
                    *request.uri_mut() = format!("/okap/grants/{own}").parse().unwrap();
                }
            }),
            response: Some(|scene, response| remember_child(scene, response.body_mut())),
            ..Lie::NONE
        },
    },
];

fn unrevoke(key: &str, record: &mut Value) {
    if key.starts_with("grant/") {
        record["revoked"] = Value::Null;
    }
}

/// Keeps which grant a token is of, where it was handed on.
fn remember_child(scene: &Scene<'_>, body: &mut bytes::Bytes) {
    edit(body, |body| {
        if let (true, Some(token)) =
            (body.get("issued_token_type").is_some(), body["access_token"].as_str())
        {
            scene.memory.keep(token, body["grant_id"].clone());
        }
    });
}
