use std::{
    io::{Read, Write},
    net::TcpStream,
};

use http::StatusCode;
use serde_json::json;

use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.22",
        what: "the list of models is more than the grant",
        killed_by: &["proxy.route.models"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/v1/openai/models" {
                    edit(response.body_mut(), |body| {
                        if let Some(listed) = body["data"].as_array_mut() {
                            listed.push(json!({ "id": "gpt-5", "object": "model" }));
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.73",
        what: "a model outside the grant is one that does not exist",
        killed_by: &["proxy.route.models"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/v1/openai/models/") && response.status() == 403 {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    edit(response.body_mut(), |body| {
                        body["error"]["code"] = json!("model_not_found");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.74",
        what: "the provider is asked for the models of a grant",
        killed_by: &["proxy.route.models"],
        lie: Lie {
            upstream: Some(|scene, request| {
                let provider = request.uri().authority().unwrap().to_string();
                scene.memory.keep("provider", json!(provider));
            }),
            request: Some(|scene, _| {
                let provider = scene.memory.kept("provider");
                if let ("/v1/openai/models", Some(provider)) = (scene.path, provider) {
                    let provider = provider.as_str().unwrap();
                    tokio::task::block_in_place(|| ask_for_models(provider));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.23",
        what: "a required route is not served",
        killed_by: &["proxy.route.required"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.ends_with("count_tokens") {
                    *request.uri_mut() = "/v1/anthropic/v1/none".parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.24",
        what: "a route that is not in the table is served",
        killed_by: &["proxy.route.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/v1/openai/files" {
                    *request.uri_mut() = "/v1/openai/chat/completions".parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.25",
        what: "a wrong method is taken for the right one",
        killed_by: &["core.own.errors", "oauth.form.method", "proxy.route.method"],
        lie: Lie {
            request: Some(|_, request| {
                if request.method() == "PUT" {
                    *request.method_mut() = http::Method::POST;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.26",
        what: "an upgrade is overlooked",
        killed_by: &["proxy.route.method"],
        lie: Lie {
            request: Some(|_, request| {
                request.headers_mut().remove("upgrade");
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.27",
        what: "a double slash is another route",
        killed_by: &["proxy.route.prefix"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.contains("//") {
                    *request.uri_mut() = "/v1/openai/none".parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.07",
        what: "dots that are encoded lead out of the base path",
        killed_by: &["proxy.route.escape"],
        lie: Lie {
            upstream: Some(|_, request| {
                let path = request.uri().to_string().replace("escaped", "files");
                *request.uri_mut() = path.parse().unwrap();
            }),
            request: Some(|scene, request| {
                if scene.path.contains("%2e%2e") {
                    *request.uri_mut() = "/v1/openai/chat/completions".parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.28",
        what: "a header of the app leads to another path",
        killed_by: &["proxy.route.escape"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if let Some(path) = scene.headers.get("x-original-url") {
                    let uri = request.uri().to_string();
                    let origin = uri.split("/v1").next().unwrap();
                    let there = format!("{origin}{}", path.to_str().unwrap());
                    *request.uri_mut() = there.parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.29",
        what: "the metadata name another resource",
        killed_by: &["proxy.metadata.resource"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.contains("oauth-protected-resource") {
                    edit(response.body_mut(), |body| body["resource"] = json!("http://vault"));
                }
            }),
            ..Lie::NONE
        },
    },
];

/// Gets the provider's own list, and throws it away.
fn ask_for_models(provider: &str) {
    let mut to = TcpStream::connect(provider).unwrap();
    let get = format!("GET /v1/models HTTP/1.1\r\nhost: {provider}\r\nconnection: close\r\n\r\n");
    to.write_all(get.as_bytes()).unwrap();
    to.read_to_end(&mut Vec::new()).unwrap();
}
