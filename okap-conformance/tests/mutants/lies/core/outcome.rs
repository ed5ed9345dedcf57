use base64ct::{Base64, Encoding};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::lie::{Lie, Mutant, Scene, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.17",
        what: "what was granted beside the first object is dropped",
        killed_by: &["core.outcome.order", "proxy.answer.errors"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(details) = body["authorization_details"].as_array_mut() {
                        details.truncate(1);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.60",
        what: "granted objects come in another order",
        killed_by: &["core.outcome.order", "proxy.answer.errors", "proxy.route.required"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(details) = body["authorization_details"].as_array_mut() {
                        details.reverse();
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.61",
        what: "models that were not granted are not listed",
        killed_by: &["core.outcome.order", "proxy.answer.errors"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(details) = body["authorization_details"].as_array_mut() {
                        for object in details {
                            object.as_object_mut().unwrap().remove("models_refused");
                        }
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.62",
        what: "where the models were left to the user, all are granted",
        killed_by: &["core.outcome.models"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                let app = record.pointer("/app/info/name").map(ToString::to_string);
                let app = app.unwrap_or_default();
                if key.starts_with("interaction/") {
                    let models = record.pointer("/access/0/models").cloned().unwrap_or_default();
                    let open = models.as_array().is_none_or(Vec::is_empty);
                    scene.memory.keep(&app, json!(open));
                } else if key.starts_with("grant/") && scene.memory.kept(&app) == Some(json!(true))
                {
                    each_access(record, |access| access["models"] = json!(["*"]));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.63",
        what: "a direct request gets a refresh token",
        killed_by: &["core.outcome.bearer"],
        lie: Lie {
            response: Some(|scene, response| {
                granted(scene, response, |body| {
                    body["refresh_token"] = json!(format!("okap_rt_{}", "A".repeat(49)));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.64",
        what: "the token of a direct request lives a year",
        killed_by: &["core.outcome.bearer", "core.token.expired"],
        lie: Lie {
            response: Some(|scene, response| {
                granted(scene, response, |body| body["expires_in"] = json!(366 * 24 * 3600));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.65",
        what: "the callback of an app is called",
        killed_by: &["core.outcome.callback"],
        lie: Lie {
            request: Some(|_, request| {
                let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                let Some(callback) = body.pointer("/client/callback").and_then(Value::as_str)
                else {
                    return;
                };
                let (host, path) = callback[7..].split_once('/').unwrap();
                let (host, call) =
                    (host.to_owned(), format!("GET /{path} HTTP/1.1\r\nhost: x\r\n\r\n"));
                tokio::spawn(async move {
                    let mut to = tokio::net::TcpStream::connect(host).await.unwrap();
                    to.write_all(call.as_bytes()).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.66",
        what: "tokens are written beside what is kept",
        killed_by: &["admin.keep.keys", "core.outcome.hashed"],
        lie: token_kept(|scene, key, record| {
            write_down(scene, key, record, "token", str::to_owned)
        }),
    },
    Mutant {
        id: "core.67",
        what: "tokens are written beside what is kept, in base64",
        killed_by: &["admin.keep.keys", "core.outcome.hashed"],
        lie: token_kept(|scene, key, record| write_down(scene, key, record, "token", base64)),
    },
];

/// Changes an outcome that brings a token.
fn granted(
    scene: &Scene<'_>,
    response: &mut http::Response<bytes::Bytes>,
    change: impl FnOnce(&mut Value),
) {
    if scene.path == "/okap/continue" && response.status() == StatusCode::OK {
        edit(response.body_mut(), change);
    }
}

/// Remembers each token as `token`, for a commit that writes it down.
const fn token_kept(commit: fn(&Scene<'_>, &str, &mut Value)) -> Lie {
    Lie {
        response: Some(|scene, response| {
            granted(scene, response, |body| scene.memory.keep("token", body["token"].clone()));
        }),
        commit: Some(commit),
        ..Lie::NONE
    }
}

/// Writes what is remembered under a name beside the requests of the tests that look for it: that of
/// others is found by them or is not, as it comes.
pub(in crate::lies) fn write_down(
    scene: &Scene<'_>,
    key: &str,
    record: &mut Value,
    name: &str,
    form: fn(&str) -> String,
) {
    let text = record.to_string();
    let looked_at = ["core.outcome.hashed", "admin.keep.keys"].iter().any(|id| text.contains(id));
    if looked_at && key.starts_with("interaction/") {
        let kept = scene.memory.kept(name).unwrap_or_default();
        record["note"] = json!(form(kept.as_str().unwrap_or_default()));
    }
}

fn base64(text: &str) -> String {
    Base64::encode_string(text.as_bytes())
}
