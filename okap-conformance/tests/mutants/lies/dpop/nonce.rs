use http::{HeaderValue, header::CACHE_CONTROL};
use serde_json::json;

use super::forge::{came, forge};
use crate::lie::{Lie, Mutant, Scene};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "dpop.36",
        what: "a call with a wrong nonce is not told the right one",
        killed_by: &["dpop.nonce.asked"],
        lie: Lie {
            response: Some(|scene, response| {
                if came(scene.headers).is_some_and(|draft| draft.says("nonce") == "made up") {
                    response.headers_mut().remove("dpop-nonce");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.37",
        what: "two nonces are given at once",
        killed_by: &["dpop.nonce.asked"],
        lie: Lie {
            response: Some(|_, response| {
                if let Some(nonce) = response.headers().get("dpop-nonce").cloned() {
                    response.headers_mut().append("dpop-nonce", nonce);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.38",
        what: "caches may keep the answer with a nonce",
        killed_by: &["dpop.nonce.asked"],
        lie: Lie {
            response: Some(|_, response| {
                if response.headers().contains_key("dpop-nonce") {
                    response.headers_mut().remove(CACHE_CONTROL);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.39",
        what: "one nonce is good for ever",
        killed_by: &["dpop.nonce.ends"],
        lie: Lie {
            config: Some(|config| config.dpop_nonce = false),
            request: Some(|scene, request| {
                if lacks(scene) {
                    request.headers_mut().insert("dpop", HeaderValue::from_static("none"));
                }
            }),
            response: Some(|scene, response| {
                let said = String::from_utf8_lossy(response.body()).into_owned();
                if lacks(scene) && said.contains("invalid_dpop_proof") {
                    *response.body_mut() = asks(&said).into();
                    if let Some(challenge) = response.headers().get("www-authenticate") {
                        let challenge = asks(challenge.to_str().unwrap()).parse().unwrap();
                        response.headers_mut().insert("www-authenticate", challenge);
                    }
                    response.headers_mut().insert("dpop-nonce", HeaderValue::from_static(ONE));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.40",
        what: "the nonce of a form is not good at calls",
        killed_by: &["dpop.nonce.everywhere"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |scene, _, draft| {
                    if scene.is_call() && scene.memory.kept(&told(scene)).is_none() {
                        draft.claims.remove("nonce");
                    }
                });
            }),
            response: Some(|scene, response| {
                if scene.is_call() && response.headers().contains_key("dpop-nonce") {
                    scene.memory.keep(&told(scene), json!(true));
                }
            }),
            ..Lie::NONE
        },
    },
];

/// The one nonce that there is.
const ONE: &str = "one-nonce-for-ever";

/// Whether a proof came without it.
fn lacks(scene: &Scene<'_>) -> bool {
    came(scene.headers).is_some_and(|draft| draft.says("nonce") != ONE)
}

fn asks(text: &str) -> String {
    text.replace("invalid_dpop_proof", "use_dpop_nonce")
}

/// What is remembered of a token that was told a nonce at a call.
fn told(scene: &Scene<'_>) -> String {
    format!("told {}", scene.token())
}
