use bytes::Bytes;
use http::HeaderValue;
use serde_json::json;

use crate::lie::{Lie, Mutant, edit, replace};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.71",
        what: "of two lengths of a body the first counts",
        killed_by: &["proxy.framing.ambiguous"],
        lie: Lie {
            wire: Some(|bytes| {
                let second = b"\r\ncontent-length: 1\r\n";
                if let Some(at) = bytes.windows(second.len()).position(|here| here == second) {
                    bytes[at + 2] = b'x';
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.10",
        what: "of two models in a body the last one counts",
        killed_by: &["proxy.body.duplicate"],
        lie: Lie {
            request: Some(|_, request| {
                let text = String::from_utf8_lossy(request.body());
                if text.matches("\"model\"").count() > 1 {
                    edit(request.body_mut(), |_| {});
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.75",
        what: "of two models in a form the first one counts",
        killed_by: &["proxy.form.model"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.ends_with("/audio/transcriptions") {
                    let form = String::from_utf8_lossy(request.body()).into_owned();
                    let border = form.split("\r\n").next().unwrap_or_default();
                    let (mut models, mut parts) = (0, Vec::new());
                    for part in form.split(border) {
                        models += usize::from(part.contains("name=\"model\""));
                        if models < 2 || !part.contains("name=\"model\"") {
                            parts.push(part);
                        }
                    }
                    *request.body_mut() = parts.join(border).into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.76",
        what: "the name of a file goes up",
        killed_by: &["proxy.form.file"],
        lie: Lie {
            upstream: Some(|scene, request| {
                let form = String::from_utf8_lossy(scene.body);
                let named =
                    form.split("filename=\"").nth(1).and_then(|rest| rest.split('.').next());
                if let Some(name) = named {
                    replace(request.body_mut(), "filename=\"file", &format!("filename=\"{name}"));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.18",
        what: "a body is written anew, and loses something",
        killed_by: &["proxy.body.exact"],
        lie: Lie { upstream: Some(|_, request| edit(request.body_mut(), |_| {})), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.69",
        what: "a member that the vault does not know stays behind",
        killed_by: &["proxy.body.exact", "proxy.forward.body"],
        lie: Lie {
            upstream: Some(|_, request| {
                edit(request.body_mut(), |body| {
                    body.as_object_mut().map(|members| members.remove("temperature"));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.37",
        what: "what stands behind the JSON text is overlooked",
        killed_by: &["proxy.body.json"],
        lie: Lie {
            request: Some(|_, request| {
                if let Some(text) = request.body().strip_suffix(b"]") {
                    *request.body_mut() = Bytes::copy_from_slice(text);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.39",
        what: "an encoding is overlooked",
        killed_by: &["proxy.body.type"],
        lie: Lie {
            request: Some(|_, request| {
                request.headers_mut().remove("content-encoding");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.40",
        what: "any type is JSON",
        killed_by: &["proxy.body.type"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call() {
                    let json = HeaderValue::from_static("application/json");
                    request.headers_mut().insert("content-type", json);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.41",
        what: "a body has no end",
        killed_by: &["proxy.body.size"],
        lie: Lie { config: Some(|config| config.longest_call = usize::MAX), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.67",
        what: "a refusal has a code of its own in type",
        killed_by: &["proxy.shape.openai"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/v1/openai") && response.status() == 403 {
                    edit(response.body_mut(), |body| {
                        body["error"]["type"] = json!("invalid_request_error");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.68",
        what: "a refusal on a route of Anthropic has another shape",
        killed_by: &["proxy.shape.anthropic"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/v1/anthropic") && response.status() == 403 {
                    edit(response.body_mut(), |body| body["type"] = json!("refusal"));
                }
            }),
            ..Lie::NONE
        },
    },
];
