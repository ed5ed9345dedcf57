use http::StatusCode;
use serde_json::{Value, json};

use super::rate::forget;
use crate::{
    flow,
    lie::{Lie, Mutant, each_access, edit},
};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "limits.04",
        what: "the limit of a month is not kept",
        killed_by: &["limits.spend.month", "limits.spend.small", "limits.spend.zero"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "monthly_spend")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.27",
        what: "tokens_per_request is not kept",
        killed_by: &["limits.ceiling.tokens"],
        lie: Lie {
            read: Some(|scene, key, record| forget(scene, key, record, "tokens_per_request")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.09",
        what: "streams cost nothing",
        killed_by: &["limits.settle.usage", "proxy.stream.pieces"],
        lie: Lie {
            stream: Some(|body| {
                flow::each_text(body, |piece| {
                    if piece.starts_with("data:") && piece.contains("_tokens\":") {
                        let mut zero = String::new();
                        let mut parts = piece.split("_tokens\":");
                        zero.push_str(parts.next().unwrap());
                        for part in parts {
                            zero.push_str("_tokens\":0");
                            zero.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
                        }
                        return zero;
                    }
                    piece.to_owned()
                })
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.10",
        what: "a call without a report of usage costs nothing",
        killed_by: &["limits.settle.missing"],
        lie: Lie {
            answer: Some(|_, answer| {
                edit(answer.body_mut(), |body| {
                    if body.get("choices").is_some() && body.get("usage").is_none() {
                        body["usage"] = json!({
                            "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0,
                        });
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.28",
        what: "what was used is not shown",
        killed_by: &[
            "limits.account.again",
            "limits.settle.hangup",
            "limits.settle.hold",
            "limits.settle.missing",
            "limits.settle.unseen",
            "limits.settle.usage",
        ],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.ends_with("/limits") {
                    edit(response.body_mut(), |body| {
                        if let Some(used) = body.pointer_mut("/limits/0/limits/daily_spend/used") {
                            *used = json!("0.00");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.29",
        what: "a call without an answer costs nothing",
        killed_by: &["limits.settle.unseen"],
        lie: Lie {
            answer: Some(|_, answer| {
                if answer.status() == 504 {
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.15",
        what: "a report of nothing costs something",
        killed_by: &["limits.settle.free"],
        lie: Lie {
            answer: Some(|_, answer| {
                edit(answer.body_mut(), |body| {
                    if body["usage"]["completion_tokens"] == json!(0) {
                        body["usage"]["completion_tokens"] = json!(7);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.20",
        what: "a limit of 0 is none",
        killed_by: &["limits.spend.zero"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| {
                        if let Some(limits) = access["limits"].as_object_mut() {
                            limits.retain(|_, limit| limit.as_str() != Some("0.00"));
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.21",
        what: "a model without a price is free",
        killed_by: &["limits.spend.unpriced"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| {
                        if access["models"].to_string().contains("okapconf") {
                            access["limits"] = Value::Object(serde_json::Map::new());
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.22",
        what: "an app is not told of a lower ceiling",
        killed_by: &["limits.ceiling.lowered", "limits.ceiling.tokens"],
        lie: Lie {
            response: Some(|_, response| {
                response.headers_mut().remove("okap-output-ceiling");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.23",
        what: "the ceiling that was held for does not go up",
        killed_by: &[
            "limits.ceiling.lowered",
            "limits.ceiling.tokens",
            "proxy.body.exact",
            "proxy.route.required",
        ],
        lie: Lie {
            upstream: Some(|_, request| {
                edit(request.body_mut(), |body| {
                    if let Some(members) = body.as_object_mut() {
                        members.remove("max_tokens");
                        members.remove("max_completion_tokens");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.24",
        what: "only the limits of the first object are kept",
        killed_by: &["limits.account.objects"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    let mut first = true;
                    each_access(record, |access| {
                        if !std::mem::take(&mut first) {
                            access["limits"] = Value::Object(serde_json::Map::new());
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.26",
        what: "where the money pays for little, that little is had",
        killed_by: &["limits.ceiling.little"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| {
                        if access["limits"]["daily_spend"] == json!("0.000009") {
                            access["limits"] = Value::Object(serde_json::Map::new());
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.11",
        what: "a stream that the app leaves costs nothing",
        killed_by: &["limits.settle.hangup"],
        lie: Lie {
            left: Some(concat!(
                "\n\ndata: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[],",
                "\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0}}",
                "\n\ndata: [DONE]\n\n"
            )),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.13",
        what: "sums of money drift below what is billed",
        killed_by: &["admin.keep.audit", "limits.settle.usage", "limits.spend.small"],
        lie: Lie {
            answer: Some(|_, answer| edit(answer.body_mut(), |body| add_token(body, -1))),
            response: Some(|scene, response| {
                if scene.is_call() {
                    edit(response.body_mut(), |body| add_token(body, 1));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "limits.14",
        what: "a restart sets the counters back",
        killed_by: &["limits.restart.counters"],
        lie: Lie {
            read: Some(|scene, key, record| {
                let known = scene.memory.kept(key).is_some();
                if key.starts_with("account/") && scene.memory.kept("restarted").is_some() && !known
                {
                    scene.memory.keep(key, json!(true));
                    for window in ["month", "day"] {
                        record[window]["spent"] = json!(0);
                        record[window]["held"] = json!(0);
                    }
                    record["day_requests"] = json!(0);
                }
            }),
            ..Lie::NONE
        },
    },
];

/// Changes how many tokens a chat's answer says that it has.
fn add_token(body: &mut Value, more: i64) {
    if body["object"] == json!("chat.completion")
        && body["usage"]["completion_tokens"].as_i64().is_some_and(|said| said > 1)
    {
        for count in ["completion_tokens", "total_tokens"] {
            body["usage"][count] = json!(body["usage"][count].as_i64().unwrap() + more);
        }
    }
}
