use serde_json::{Value, json};

use super::{NEVER, TOKEN, fields};
use crate::lie::{Lie, Mutant, each_access};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.16",
        what: "a refresh token that was used stays good",
        killed_by: &[
            "oauth.refresh.lost_answer",
            "oauth.refresh.reused",
            "oauth.refresh.reused_late",
        ],
        lie: Lie {
            read: Some(|_, key, record| {
                if key.starts_with("refresh/") {
                    record["rotated"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.17",
        what: "a refresh that asks for more is given what there is",
        killed_by: &["oauth.refresh.narrowed"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if form.get("grant_type") == "refresh_token" {
                        form.drop("authorization_details");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.69",
        what: "an answer that was lost on the way costs the grant",
        killed_by: &["oauth.refresh.lost_answer"],
        lie: Lie {
            read: Some(|_, key, record| rotated(key, record, "2000-01-01T00:00:00Z")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.70",
        what: "a used refresh token is given its successor however late it comes",
        killed_by: &["oauth.refresh.reused_late"],
        lie: Lie { read: Some(|_, key, record| rotated(key, record, NEVER)), ..Lie::NONE },
    },
    Mutant {
        id: "oauth.71",
        what: "a grant that was revoked is renewed",
        killed_by: &[
            "delegation.exchange.subject",
            "oauth.code.again",
            "oauth.refresh.reused",
            "oauth.refresh.reused_late",
            "oauth.refresh.revoked",
        ],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == TOKEN && key.starts_with("grant/") {
                    record["revoked"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.72",
        what: "a grant that has ended is renewed",
        killed_by: &["delegation.exchange.longer", "oauth.details.narrowed", "oauth.refresh.ended"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == TOKEN && key.starts_with("refresh/") {
                    record["expires"] = json!(NEVER);
                } else if scene.path == TOKEN && key.starts_with("grant/") {
                    each_access(record, |access| access["expires"] = json!(NEVER));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.95",
        what: "a narrowed token is told the limits of its grant",
        killed_by: &["oauth.refresh.counted"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == "/okap/limits" {
                    widen(key, record);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.96",
        what: "a narrowed token calls within the limits of its grant",
        killed_by: &["oauth.refresh.counted"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() {
                    widen(key, record);
                }
            }),
            ..Lie::NONE
        },
    },
];

fn widen(key: &str, record: &mut Value) {
    if key.starts_with("access/") {
        record["narrowed"] = Value::Null;
    }
}

fn rotated(key: &str, record: &mut Value, at: &str) {
    if key.starts_with("refresh/") && record["rotated"].is_object() {
        record["rotated"]["at"] = json!(at);
    }
}
