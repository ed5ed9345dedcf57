use serde_json::{Value, json};

use crate::lie::{Lie, Mutant, Scene, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "limits.01",
        what: "requests_per_minute is not kept",
        killed_by: &["limits.rate.minute", "limits.window.minute"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "requests_per_minute")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.03",
        what: "a limit on money is not kept",
        killed_by: &[
            "limits.ceiling.little",
            "limits.ceiling.lowered",
            "limits.spend.day",
            "limits.spend.race",
            "limits.spend.unpriced",
            "limits.spend.zero",
        ],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "daily_spend")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.02",
        what: "requests_per_day is not kept",
        killed_by: &["limits.account.again", "limits.account.objects", "limits.rate.day"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "requests_per_day")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.07",
        what: "asking again opens a new account",
        killed_by: &["limits.account.again"],
        lie: Lie {
            request: Some(|scene, request| {
                // one that is as long as may be does not grow
                if scene.path == "/okap/authorize" && request.body().len() < 60_000 {
                    let count = scene.memory.kept("count").and_then(|n| n.as_u64()).unwrap_or(0);
                    scene.memory.keep("count", json!(count + 1));
                    edit(request.body_mut(), |body| {
                        if let Some(Value::String(name)) = body.pointer_mut("/client/name") {
                            name.push_str(&format!(" {count}"));
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.17",
        what: "a refusal for money is a success",
        killed_by: &[
            "limits.ceiling.little",
            "limits.spend.day",
            "limits.spend.month",
            "limits.spend.zero",
        ],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.is_call() && response.status() == 402 {
                    *response.status_mut() = http::StatusCode::OK;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.18",
        what: "nobody is told when to come again",
        killed_by: &["limits.rate.minute", "limits.window.minute", "proxy.answer.at_once"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.is_call() && response.status() == 429 && is_own(response.body()) {
                    response.headers_mut().remove("retry-after");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.19",
        what: "everybody is told to come again in a minute",
        killed_by: &["limits.window.minute"],
        lie: Lie {
            response: Some(|_, response| {
                if response.headers().contains_key("retry-after") && is_own(response.body()) {
                    let minute = http::HeaderValue::from_static("60");
                    response.headers_mut().insert("retry-after", minute);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.25",
        what: "refusals count against a rate",
        killed_by: &["limits.rate.refused"],
        lie: Lie {
            response: Some(|scene, response| {
                let name = format!("refused {}", scene.token());
                let refused = scene.memory.kept(&name).and_then(|n| n.as_u64()).unwrap_or(0);
                if scene.is_call() && response.status() == 403 {
                    scene.memory.keep(&name, json!(refused + 1));
                } else if scene.is_call() && response.status() == 200 && refused >= 4 {
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                }
            }),
            ..Lie::NONE
        },
    },
];

/// A call looks at a grant without this limit.
pub(super) fn forget(scene: &Scene<'_>, key: &str, record: &mut Value, limit: &str) {
    if scene.is_call() && key.starts_with("grant/") {
        each_access(record, |access| {
            let above = access.get("under").and_then(Value::as_array).cloned().unwrap_or_default();
            for (at, _) in above.iter().enumerate() {
                access["under"][at]["limits"].as_object_mut().unwrap().remove(limit);
            }
            if let Some(limits) = access["limits"].as_object_mut() {
                limits.remove(limit);
            }
        });
    }
}

/// A refusal of the vault's own, and none that it passes on.
fn is_own(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("\"okap\"")
}
