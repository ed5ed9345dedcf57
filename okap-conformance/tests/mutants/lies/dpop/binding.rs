use std::collections::BTreeMap;

use http::{HeaderValue, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::forge::{Asked, Draft, bound_to, change_form, forge};
use crate::{
    lie::{Lie, Mutant, Scene, edit},
    lies::oauth::fields,
};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "dpop.01",
        what: "a bound token works as Bearer",
        killed_by: &["dpop.binding.scheme"],
        lie: Lie {
            config: Some(|config| config.dpop_nonce = false),
            request: Some(|scene, request| {
                forge(scene, request, |_, _, _| {});
                if scene.is_call() && is_bearer(scene) {
                    vouch(scene, request);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.91",
        what: "a client is not held to the proof that its document promises",
        killed_by: &["dpop.binding.document", "oauth.client.direct"],
        lie: Lie {
            document: Some(|_, text| {
                *text = text.replace("dpop_bound_access_tokens", "okapconf");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.02",
        what: "a bound token works without a proof",
        killed_by: &["dpop.binding.key"],
        lie: Lie {
            config: Some(|config| config.dpop_nonce = false),
            request: Some(|scene, request| {
                forge(scene, request, |_, _, _| {});
                if scene.is_call() && !is_bearer(scene) && !request.headers().contains_key("dpop") {
                    vouch(scene, request);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.17",
        what: "a bound token works with a proof of any key",
        killed_by: &["dpop.binding.key", "dpop.exchange.bound"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |scene, asked, draft| {
                    if let (true, Some(jkt)) = (scene.is_call(), bound_to(scene, &asked.token))
                        && draft.genuine
                    {
                        draft.jkt = jkt;
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.28",
        what: "a token that is not bound is taken as DPoP",
        killed_by: &["dpop.binding.scheme"],
        lie: Lie {
            request: Some(|scene, request| {
                let bound = scene.memory.kept(&format!("dpop {}", scene.token())).is_some();
                if scene.is_call() && request.headers().contains_key("dpop") && !bound {
                    let bearer = format!("Bearer {}", scene.token()).parse().unwrap();
                    request.headers_mut().insert(AUTHORIZATION, bearer);
                    request.headers_mut().remove("dpop");
                }
            }),
            response: Some(|scene, response| {
                edit(response.body_mut(), |body| {
                    if let (Some("DPoP"), Some(token)) =
                        (body["token_type"].as_str(), body["access_token"].as_str())
                    {
                        scene.memory.keep(&format!("dpop {token}"), json!(true));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.29",
        what: "the vault's own resources take a bound token as Bearer",
        killed_by: &["dpop.binding.own"],
        lie: Lie {
            config: Some(|config| config.dpop_nonce = false),
            request: Some(|scene, request| {
                forge(scene, request, |_, _, _| {});
                if !scene.is_call() && is_bearer(scene) {
                    vouch(scene, request);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.30",
        what: "of two keys in a pushed request the proof's counts",
        killed_by: &["dpop.binding.pushed"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/par" && request.headers().contains_key("dpop") {
                    without(request, "dpop_jkt");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.31",
        what: "a code forgets the key of its request",
        killed_by: &["dpop.binding.code"],
        lie: Lie { commit: Some(|_, key, record| unbind(key, record, "code/")), ..Lie::NONE },
    },
    Mutant {
        id: "dpop.32",
        what: "a bound token is said to be Bearer",
        killed_by: &["dpop.binding.token"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/token" {
                    edit(response.body_mut(), |body| {
                        if let Some(kind) = body.get_mut("token_type") {
                            *kind = json!("Bearer");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.33",
        what: "a refresh token forgets its key",
        killed_by: &["dpop.binding.refresh", "dpop.binding.reuse"],
        lie: Lie { commit: Some(|_, key, record| unbind(key, record, "refresh/")), ..Lie::NONE },
    },
    Mutant {
        id: "dpop.34",
        what: "whoever has a bound token can hand it on",
        killed_by: &["dpop.exchange.proof"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path == "/okap/token" {
                    unbind(key, record, "access/");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.35",
        what: "the key of a delegate is passed over",
        killed_by: &["dpop.exchange.bound"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/token" {
                    without(request, "dpop_jkt");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.90",
        what: "a used refresh token without the key of its successor is refused, and no more",
        killed_by: &["dpop.binding.reuse"],
        lie: Lie {
            request: Some(|scene, request| {
                let proven = request.headers().contains_key("dpop");
                fields(scene, "/okap/token", request, |form| {
                    if proven && !form.get("refresh_token").is_empty() {
                        scene.memory.keep(form.get("refresh_token"), json!(true));
                    }
                });
            }),
            commit: Some(|scene, key, record| {
                let form: BTreeMap<_, _> =
                    url::form_urlencoded::parse(scene.body).into_owned().collect();
                let used = form.get("refresh_token").and_then(|token| scene.memory.kept(token));
                if used.is_some() && key.starts_with("grant/") {
                    record["revoked"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
];

fn is_bearer(scene: &Scene<'_>) -> bool {
    let sent = scene.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    sent.is_some_and(|sent| sent.starts_with("Bearer "))
}

/// Makes the proof that an app did not make, where its token is known to be bound.
fn vouch(scene: &Scene<'_>, request: &mut http::Request<bytes::Bytes>) {
    if let Some(jkt) = bound_to(scene, scene.token()) {
        let asked = Asked::of(scene, request);
        let token: HeaderValue = format!("DPoP {}", scene.token()).parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, token);
        request.headers_mut().insert("dpop", Draft::fresh(&asked, &jkt).write());
    }
}

fn unbind(key: &str, record: &mut Value, kind: &str) {
    if let (true, Some(record)) = (key.starts_with(kind), record.as_object_mut()) {
        record.remove("key");
    }
}

fn without(request: &mut http::Request<bytes::Bytes>, field: &str) {
    change_form(request, |form| form.retain(|(name, _)| name != field));
}
