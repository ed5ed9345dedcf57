use serde_json::{Value, json};

use crate::lie::{Lie, Mutant, Scene, each_access, replace};

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
            "delegation.spend.shared",
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
        killed_by: &[
            "delegation.spend.counted",
            "limits.account.again",
            "limits.account.objects",
            "limits.rate.day",
            "limits.restart.counters",
        ],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "requests_per_day")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.05",
        what: "calls at once are counted one by one, and none sees the other",
        killed_by: &[
            "delegation.spend.shared",
            "limits.rate.minute",
            "limits.spend.race",
            "proxy.answer.at_once",
        ],
        lie: Lie {
            request: Some(|scene, _| {
                if scene.is_call() {
                    let running = scene.memory.count(&format!("running {}", scene.token()), 1);
                    scene.memory.keep(&format!("lane {}", scene.number), json!(running - 1));
                }
            }),
            response: Some(|scene, _| {
                if scene.is_call() {
                    scene.memory.count(&format!("running {}", scene.token()), -1);
                }
            }),
            read: Some(|scene, key, record| {
                let lane = scene.memory.kept(&format!("lane {}", scene.number));
                if let Some(lane) = lane.and_then(|lane| lane.as_i64()).filter(|lane| *lane > 0) {
                    elsewhere(scene, key, record, &lane.to_string());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.06",
        what: "each connection has counters of its own",
        killed_by: &[
            "delegation.spend.counted",
            "delegation.spend.shared",
            "limits.account.again",
            "limits.account.objects",
            "limits.rate.day",
            "limits.rate.minute",
            "limits.settle.hangup",
            "limits.settle.hold",
            "limits.settle.missing",
            "limits.settle.unseen",
            "limits.settle.usage",
            "limits.spend.day",
            "limits.spend.month",
            "limits.spend.race",
            "limits.spend.small",
            "limits.window.minute",
            "oauth.refresh.counted",
            "proxy.answer.at_once",
        ],
        lie: Lie {
            read: Some(|scene, key, record| {
                elsewhere(scene, key, record, &scene.number.to_string());
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.07",
        what: "asking again opens a new account",
        killed_by: &["core.own.bounded", "limits.account.again"],
        lie: Lie {
            request: Some(|scene, request| {
                let said = serde_json::from_slice::<Value>(scene.body).unwrap_or_default();
                if let ("/okap/authorize", Some(name)) =
                    (scene.path, said.pointer("/client/name").and_then(Value::as_str))
                {
                    let times = scene.memory.count(&format!("asked by {name}"), 1);
                    if times > 1 {
                        // all else stays as it is, to the byte
                        let other = format!("\"name\":\"{name} {times}\"");
                        replace(request.body_mut(), &format!("\"name\":\"{name}\""), &other);
                    }
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.16",
        what: "one call more is let through than a rate says",
        killed_by: &[
            "limits.account.again",
            "limits.account.objects",
            "limits.rate.day",
            "limits.rate.minute",
            "limits.restart.counters",
            "limits.window.minute",
        ],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| {
                        for rate in ["requests_per_minute", "requests_per_day"] {
                            if let Some(calls) = access["limits"][rate].as_u64() {
                                access["limits"][rate] = json!(calls + 1);
                            }
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
            "limits.spend.small",
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
        id: "limits.30",
        what: "a day's calls do not come back with the next day",
        killed_by: &["limits.window.day"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if let (true, Some(calls)) = (
                    // of one object, whose calls are all calls
                    scene.is_call() && key.starts_with("grant/") && record["access"][1].is_null(),
                    record.pointer("/access/0/limits/requests_per_day"),
                ) {
                    scene.memory.keep(&format!("of {}", scene.token()), calls.clone());
                }
            }),
            response: Some(|scene, response| {
                let most = scene.memory.kept(&format!("of {}", scene.token()));
                if let (true, Some(most)) =
                    (scene.is_call() && response.status() == 200, most.and_then(|n| n.as_i64()))
                    && scene.memory.count(&format!("made {}", scene.token()), 1) > most
                {
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
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

/// A call is counted in an account of this name beside the one it belongs to.
fn elsewhere(scene: &Scene<'_>, key: &str, record: &mut Value, name: &str) {
    if scene.is_call() && key.starts_with("grant/") {
        each_access(record, |access| {
            access["account"] = json!(format!("{}-{name}", access["account"].as_str().unwrap()));
        });
    }
}

/// A refusal of the vault's own, and none that it passes on.
fn is_own(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("\"okap\"")
}
