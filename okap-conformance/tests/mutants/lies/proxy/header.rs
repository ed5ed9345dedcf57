use http::HeaderValue;

use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.17",
        what: "what is meant for one hop is passed on",
        killed_by: &["proxy.header.up"],
        lie: Lie {
            upstream: Some(|scene, request| {
                for name in ["te", "keep-alive", "proxy-authorization", "trailer"] {
                    if let Some(value) = scene.headers.get(name) {
                        request.headers_mut().insert(name, value.clone());
                    }
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.50",
        what: "the provider is told who the user is",
        killed_by: &["proxy.header.up"],
        lie: Lie {
            upstream: Some(|_, request| {
                request.headers_mut().insert("x-user", HeaderValue::from_static("owner"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.51",
        what: "the app's user agent is passed on",
        killed_by: &["proxy.header.up"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if let Some(agent) = scene.headers.get("user-agent") {
                    request.headers_mut().insert("user-agent", agent.clone());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.52",
        what: "cookies of the provider come down",
        killed_by: &["proxy.header.down"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.is_call() {
                    let cookie = HeaderValue::from_static("__cf_bm=1");
                    response.headers_mut().insert("set-cookie", cookie);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.53",
        what: "answers may be stored",
        killed_by: &["dpop.nonce.asked", "proxy.header.down"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.is_call() {
                    response.headers_mut().remove("cache-control");
                }
            }),
            ..Lie::NONE
        },
    },
];
