use http::HeaderValue;
use serde_json::json;

use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.02",
        what: "the app's token goes up beside the key",
        killed_by: &["proxy.forward.clean", "proxy.header.up", "proxy.route.required"],
        lie: Lie {
            upstream: Some(|scene, request| {
                let token = HeaderValue::from_str(&format!("Bearer {}", scene.token())).unwrap();
                request.headers_mut().insert("proxy-authorization", token);
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.30",
        what: "x-api-key is not read",
        killed_by: &["dpop.binding.scheme", "proxy.credential.places"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.starts_with("/v1/openai") && scene.token().is_empty() {
                    request.headers_mut().remove("x-api-key");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.31",
        what: "the scheme may be left out",
        killed_by: &["core.own.header", "proxy.credential.malformed"],
        lie: Lie {
            request: Some(|scene, request| {
                if let Some(value) = scene.headers.get("authorization")
                    && value.as_bytes().starts_with(b"okap_")
                {
                    let value = format!("Bearer {}", value.to_str().unwrap());
                    let value = HeaderValue::from_str(&value).unwrap();
                    request.headers_mut().insert("authorization", value);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.32",
        what: "of two credentials the first wins",
        killed_by: &["proxy.credential.two"],
        lie: Lie {
            request: Some(|scene, request| {
                if !scene.token().is_empty() {
                    request.headers_mut().remove("x-api-key");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.33",
        what: "a token in the address is overlooked",
        killed_by: &["proxy.credential.query"],
        lie: Lie {
            request: Some(|scene, request| {
                if request.uri().query().is_some_and(|query| query.starts_with("access_token")) {
                    *request.uri_mut() = scene.path.parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.34",
        what: "another model in the address is overlooked",
        killed_by: &["proxy.credential.query"],
        lie: Lie {
            request: Some(|scene, request| {
                if request.uri().query().is_some_and(|query| query.starts_with("model")) {
                    *request.uri_mut() = scene.path.parse().unwrap();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.35",
        what: "a challenge does not name the metadata",
        killed_by: &["dpop.proof.refusal", "proxy.credential.malformed"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.is_call() && response.status() == 401 {
                    response.headers_mut().remove("www-authenticate");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.36",
        what: "a token for another provider is said to be none",
        killed_by: &["delegation.exchange.provider", "proxy.credential.provider"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/v1/anthropic") && response.status() == 403 {
                    edit(response.body_mut(), |body| {
                        if body["okap"]["code"] == "provider_not_allowed" {
                            body["okap"]["code"] = json!("invalid_token");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
];
