use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::forge::{bound_to, forge};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "dpop.03",
        what: "nobody looks at the signature of a proof",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| draft.genuine |= !draft.jkt.is_empty());
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.05",
        what: "a proof is verified by the symmetric key in its own header",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |scene, asked, draft| {
                    let known = bound_to(scene, &asked.token);
                    if let (Some(Value::String(alg)), Some(jkt)) = (draft.header.get("alg"), known)
                        && alg == "HS256"
                    {
                        draft.header.insert("alg".into(), json!("ES256"));
                        (draft.jkt, draft.genuine) = (jkt, true);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.06",
        what: "any typ will do",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    draft.header.insert("typ".into(), json!("dpop+jwt"));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.07",
        what: "a proof may give its private key away",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    draft.header.insert("jwk".into(), json!({}));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.21",
        what: "any alg will do",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    draft.header.insert("alg".into(), json!("ES256"));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.22",
        what: "crit is passed over",
        killed_by: &["dpop.proof.signature"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    draft.header.remove("crit");
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.18",
        what: "of two proofs the first counts",
        killed_by: &["dpop.proof.header"],
        lie: Lie {
            request: Some(|_, request| {
                if let Some(first) = request.headers().get("dpop").cloned() {
                    request.headers_mut().insert("dpop", first);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.23",
        what: "a proof may be longer than 4096 bytes",
        killed_by: &["dpop.proof.header"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    if draft.bytes > 4_096 {
                        draft.claims.remove("x");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.20",
        what: "the proof is forwarded to the provider",
        killed_by: &["dpop.proof.taken", "proxy.header.up"],
        lie: Lie {
            upstream: Some(|scene, request| {
                if let Some(proof) = scene.headers.get("dpop") {
                    request.headers_mut().insert("dpop", proof.clone());
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.24",
        what: "the challenge does not say which algorithm is taken",
        killed_by: &[
            "core.own.introspection",
            "dpop.proof.refusal",
            "proxy.credential.malformed",
            "proxy.credential.provider",
        ],
        lie: Lie {
            response: Some(|_, response| {
                if response.headers().contains_key("www-authenticate") {
                    let challenge = HeaderValue::from_static("DPoP error=\"invalid_dpop_proof\"");
                    response.headers_mut().insert("www-authenticate", challenge);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.25",
        what: "a bad proof at a form is answered 401",
        killed_by: &["dpop.binding.document", "dpop.proof.refusal"],
        lie: Lie {
            response: Some(|scene, response| {
                let said = String::from_utf8_lossy(response.body());
                if said.contains("invalid_dpop_proof") && scene.token().is_empty() {
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                }
            }),
            ..Lie::NONE
        },
    },
];
