//! Lies about codes that are typed elsewhere.

use http::StatusCode;
use okap_engine::token::hash;
use serde_json::{Value, json};

use super::oauth::{NEVER, TOKEN, fields, remember, said};
use crate::lie::{Lie, Mutant, Scene, edit};

const DEVICE: &str = "/okap/device_authorization";

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "device.01",
        what: "the code to type has four letters",
        killed_by: &["device.page.typed", "device.request.codes"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == DEVICE {
                    edit(response.body_mut(), |answer| {
                        let short = answer["user_code"].as_str().map(|code| code[..4].to_owned());
                        answer["user_code"] = json!(short);
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.02",
        what: "codes can be guessed as often as anybody likes",
        killed_by: &["device.page.guessed"],
        lie: Lie {
            typed: Some(|code, source| *source = format!("somebody who types {code}")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.03",
        what: "the code to poll with is short",
        killed_by: &["device.request.codes"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == DEVICE {
                    edit(response.body_mut(), |answer| {
                        let long = answer["device_code"].take();
                        let short = long.as_str().map(|code| code[..20].to_owned());
                        let short = short.unwrap_or_default();
                        scene.memory.keep(&short, long);
                        answer["device_code"] = json!(short);
                    });
                }
            }),
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if let Some(Value::String(long)) = scene.memory.kept(form.get("device_code")) {
                        form.put("device_code", &long);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.05",
        what: "a device may poll as often as it likes",
        killed_by: &["device.poll.slow_down"],
        lie: Lie {
            read: Some(|_, key, record| device(key, record, "polled", Value::Null)),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.06",
        what: "the interval is not lengthened",
        killed_by: &["device.poll.slow_down"],
        lie: Lie {
            read: Some(|_, key, record| device(key, record, "interval", json!(5))),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.07",
        what: "a device request does not end",
        killed_by: &["device.poll.ended"],
        lie: Lie {
            read: Some(|_, key, record| {
                let kinds = ["device/", "user-code/"];
                if record["back"] == "device" || kinds.iter().any(|kind| key.starts_with(kind)) {
                    record["expires"] = json!(NEVER);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.09",
        what: "a device code is not bound to its client",
        killed_by: &["device.poll.other_client"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if let Some(client) = said(scene, key, "client_id") {
                    device(key, record, "client_id", json!(client));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.10",
        what: "a denial looks as if nobody had decided",
        killed_by: &["device.poll.denied"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN {
                    edit(response.body_mut(), |answer| {
                        if answer["error"] == "access_denied" {
                            answer["error"] = json!("authorization_pending");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.11",
        what: "the complete address shows the request to everybody",
        killed_by: &["device.page.signed_out"],
        lie: Lie {
            commit: Some(|scene, key, record| {
                if key.starts_with("interaction/") {
                    let code = record["user_code"].as_str().unwrap_or_default();
                    scene.memory.keep(&format!("user_code={code}"), record.clone());
                }
            }),
            response: Some(|scene, response| {
                let stranger = !scene.headers.contains_key("cookie");
                if let ("/okap/device", true, Some(asked)) =
                    (scene.path, stranger, scene.memory.kept(scene.query))
                {
                    *response.status_mut() = StatusCode::OK;
                    *response.body_mut() = asked.to_string().into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.13",
        what: "the second decision counts",
        killed_by: &["core.flat.source", "device.page.decided_once", "device.poll.denied"],
        lie: Lie {
            read: Some(|scene, key, record| {
                // the user's own pages, and not a poll
                if scene.path.is_empty() && key.starts_with("interaction/") {
                    record["outcome"] = json!("waiting");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.16",
        what: "the page leaves the limits out",
        killed_by: &["core.page.lowered", "core.page.shows", "device.page.shows"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path.starts_with("/consent/") && key.starts_with("interaction/") {
                    for access in record["access"].as_array_mut().unwrap() {
                        access.as_object_mut().unwrap().remove("limits");
                    }
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.17",
        what: "what is not decided is answered with 200",
        killed_by: &["device.page.shows", "device.page.signed_out", "device.poll.slow_down"],
        lie: Lie {
            response: Some(|scene, response| {
                let body = String::from_utf8_lossy(response.body());
                if scene.path == TOKEN && body.contains("authorization_pending") {
                    *response.status_mut() = StatusCode::OK;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.21",
        what: "a device code gives its tokens again",
        killed_by: &["device.poll.at_once", "device.poll.granted"],
        lie: Lie {
            response: Some(|scene, response| {
                let Some(code) = polled(scene) else { return };
                if response.status() == StatusCode::OK {
                    let answer = serde_json::from_slice(response.body()).unwrap();
                    scene.memory.keep(&code, answer);
                } else if let Some(answer) = scene.memory.kept(&code) {
                    *response.status_mut() = StatusCode::OK;
                    *response.body_mut() = answer.to_string().into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.22",
        what: "details in a poll are passed over",
        killed_by: &["device.poll.narrowed"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if !form.get("device_code").is_empty() {
                        form.drop("authorization_details");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.23",
        what: "what is no device code is answered otherwise than one that is unknown",
        killed_by: &["device.poll.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if !form.get("device_code").starts_with("okap_dc_") {
                        form.drop("device_code");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.24",
        what: "a code in small letters is not known",
        killed_by: &["device.page.typed"],
        lie: Lie {
            typed: Some(|code, _| {
                if code.contains(char::is_lowercase) {
                    "BBBB-BBBB".clone_into(code);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "device.25",
        what: "of a client id that stands twice the last one counts",
        killed_by: &["device.request.refused"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, DEVICE, request, |form| form.last_alone(&["client_id"]));
            }),
            ..Lie::NONE
        },
    },
];

fn device(key: &str, record: &mut Value, member: &str, value: Value) {
    if key.starts_with("device/") {
        record[member] = value;
    }
}

/// The device code that a request polls with.
fn polled(scene: &Scene<'_>) -> Option<String> {
    let mut form = url::form_urlencoded::parse(scene.body);
    let code = form.find(|(name, _)| name == "device_code");
    code.filter(|_| scene.path == TOKEN).map(|(_, code)| hash(&code))
}
