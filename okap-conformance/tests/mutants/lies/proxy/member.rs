use std::io::{Read, Write};

use serde_json::json;

use crate::lie::{Lie, Mutant, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.43",
        what: "a member that has to be refused is left out instead",
        killed_by: &["proxy.member.refused"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call() && String::from_utf8_lossy(request.body()).contains("prediction")
                {
                    edit(request.body_mut(), |body| {
                        body.as_object_mut().unwrap().remove("prediction");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.44",
        what: "of a list of models the first is taken",
        killed_by: &["proxy.member.model"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call()
                    && String::from_utf8_lossy(request.body()).contains("\"model\":[")
                {
                    edit(request.body_mut(), |body| body["model"] = body["model"][0].take());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.72",
        what: "a model * is taken for one that is granted",
        killed_by: &["proxy.member.model"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call()
                    && String::from_utf8_lossy(request.body()).contains("\"model\":\"*\"")
                {
                    edit(request.body_mut(), |body| body["model"] = json!("gpt-4o-mini"));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.45",
        what: "white space around a model is trimmed",
        killed_by: &["proxy.member.model"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.is_call()
                    && String::from_utf8_lossy(request.body()).contains("\"model\":\" ")
                {
                    edit(request.body_mut(), |body| {
                        body["model"] = json!(body["model"].as_str().unwrap().trim());
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.11",
        what: "capabilities are not kept",
        killed_by: &["proxy.member.capability"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.is_call() && key.starts_with("grant/") {
                    each_access(record, |access| {
                        access["capabilities"] = json!(["chat", "embeddings", "vision"]);
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.46",
        what: "tools of the provider are left out instead of refused",
        killed_by: &["proxy.member.capability"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.ends_with("/responses") {
                    edit(request.body_mut(), |body| {
                        body.as_object_mut().unwrap().remove("tools");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.47",
        what: "an image may be a file",
        killed_by: &["proxy.member.image"],
        lie: Lie {
            request: Some(|scene, request| {
                let text = String::from_utf8_lossy(request.body()).into_owned();
                if scene.is_call() && text.contains("file://") {
                    *request.body_mut() = text.replace("file://", "https://a").into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.48",
        what: "the vault fetches an image by its address",
        killed_by: &["proxy.member.image"],
        lie: Lie {
            upstream: Some(|_, request| {
                let text = String::from_utf8_lossy(request.body());
                if let Some((_, rest)) = text.split_once("\"url\":\"http://") {
                    let (host, path) = rest.split('"').next().unwrap().split_once('/').unwrap();
                    let mut there = std::net::TcpStream::connect(host).unwrap();
                    let ask = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
                    there.write_all(ask.as_bytes()).unwrap();
                    let _ = there.read(&mut [0; 16]);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.49",
        what: "what the app says about storing is passed on",
        killed_by: &["proxy.body.exact", "proxy.member.store"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if scene.path.ends_with("/chat/completions") {
                    edit(request.body_mut(), |body| {
                        if body.get("store").is_some() {
                            body["store"] = json!(true);
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
];
