use serde_json::{Value, json};

use super::forge::{forge, now, sha256, unique};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "dpop.08",
        what: "a proof is good for every method",
        killed_by: &["dpop.claims.request", "dpop.proof.refusal"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, asked, draft| draft.set("htm", asked.method.as_str()));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.09",
        what: "a proof is good for every address",
        killed_by: &["dpop.claims.request"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, asked, draft| draft.set("htu", asked.url.as_str()));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.10",
        what: "a proof is good for every address at its host",
        killed_by: &["dpop.claims.request"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, asked, draft| {
                    let origin = |url: &str| url.parse::<url::Url>().map(|url| url.origin()).ok();
                    if origin(draft.says("htu")) == origin(&asked.url) {
                        draft.set("htu", asked.url.as_str());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.26",
        what: "addresses are compared as text",
        killed_by: &["dpop.claims.request"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, asked, draft| {
                    draft.genuine &= draft.says("htu") == asked.url;
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.11",
        what: "a proof may be as old as it likes",
        killed_by: &["dpop.claims.time"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    let iat = draft.claims.get("iat").and_then(Value::as_i64);
                    if let Some(iat) = iat.filter(|iat| *iat < now()) {
                        draft.set("iat", iat.max(now()));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.27",
        what: "a proof may come from the future",
        killed_by: &["dpop.claims.time"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    let iat = draft.claims.get("iat").and_then(Value::as_i64);
                    // no further than tests go, whose clock is turned by minutes
                    if let Some(iat) = iat.filter(|iat| (60..600).contains(&(*iat - now()))) {
                        draft.set("iat", iat.min(now()));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.12",
        what: "a proof may have no name, or a long one",
        killed_by: &["dpop.claims.jti"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    if !(1..=128).contains(&draft.says("jti").len()) {
                        draft.set("jti", unique());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.13",
        what: "a proof counts as often as it comes",
        killed_by: &["dpop.claims.once"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, _, draft| {
                    if (1..=100).contains(&draft.says("jti").len()) {
                        draft.set("jti", unique());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.14",
        what: "names of proofs are kept for all keys together",
        killed_by: &["dpop.claims.once_a_key"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |scene, _, draft| {
                    let name = format!("jti {}", draft.says("jti"));
                    let first = scene.memory.kept(&name).is_none_or(|jkt| jkt == draft.jkt);
                    // short and long ones stand in tests of other things
                    if draft.says("jti").len() > 1 && draft.says("jti").len() < 100 {
                        draft.genuine &= first;
                        scene.memory.keep(&name, json!(draft.jkt));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "dpop.16",
        what: "a proof is good with every token of its key",
        killed_by: &["dpop.claims.token"],
        lie: Lie {
            request: Some(|scene, request| {
                forge(scene, request, |_, asked, draft| draft.set("ath", sha256(&asked.token)));
            }),
            ..Lie::NONE
        },
    },
];
