use http::HeaderValue;
use serde_json::{Value, json};

use crate::lie::{Lie, Mutant, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.01",
        what: "the app's own token is forwarded to the provider",
        killed_by: &["proxy.forward.clean", "proxy.header.up", "proxy.route.required"],
        lie: Lie {
            upstream: Some(|scene, request| {
                let token = HeaderValue::from_str(scene.token()).unwrap();
                request.headers_mut().insert("x-caller", token);
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.70",
        what: "calls go on when the grant has ended",
        killed_by: &["delegation.chain.expired", "proxy.refuse.expired"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| access["expires"] = json!("2090-01-01T00:00:00Z"));
                } else if scene.is_call() && record.get("expires").is_some() {
                    record["expires"] = json!("2090-01-01T00:00:00Z");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.03",
        what: "the master key stands in a header of the answer",
        killed_by: &["admin.keep.shown", "proxy.header.down", "proxy.key.never_seen"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if let Some(key) = request.headers().get("authorization") {
                    scene.memory.keep("key", json!(key.to_str().unwrap()));
                }
            }),
            response: Some(|scene, response| {
                if let (true, Some(Value::String(key))) =
                    (scene.is_call(), scene.memory.kept("key"))
                {
                    response.headers_mut().insert("x-debug", key.parse().unwrap());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.09",
        what: "a model that is not granted is forwarded",
        killed_by: &[
            "delegation.exchange.handed_on",
            "limits.account.objects",
            "proxy.body.duplicate",
            "proxy.body.exact",
            "proxy.member.model",
            "proxy.refuse.model",
            "proxy.route.required",
            "proxy.shape.openai",
        ],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call() {
                    edit(request.body_mut(), |body| {
                        let words = body["messages"].to_string();
                        scene.memory.keep(&words, body["model"].take());
                        body["model"] = json!("gpt-4o-mini");
                    });
                }
            }),
            upstream: Some(|scene, request| {
                edit(request.body_mut(), |body| {
                    let words = body["messages"].to_string();
                    body["model"] = scene.memory.kept(&words).unwrap_or_default();
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.21",
        what: "a revoked grant can be called",
        killed_by: &["delegation.chain.revoked", "proxy.framing.upload", "proxy.refuse.revoked"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    record["revoked"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
];
