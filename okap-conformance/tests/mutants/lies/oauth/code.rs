use base64ct::{Base64UrlUnpadded, Encoding};
use http::header;
use okap_engine::token::hash;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{NEVER, TOKEN, fields, remember, said};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.03",
        what: "the verifier is not checked",
        killed_by: &["oauth.bind.verifier", "oauth.code.again_by_a_stranger"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if let Some(verifier) = said(scene, key, "code_verifier") {
                    let challenge = Base64UrlUnpadded::encode_string(&Sha256::digest(verifier));
                    record["challenge"] = json!(challenge);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.05",
        what: "what comes a second time ends nothing",
        killed_by: &[
            "dpop.binding.reuse",
            "oauth.code.again",
            "oauth.refresh.reused",
            "oauth.refresh.reused_late",
        ],
        lie: Lie {
            commit: Some(|scene, key, record| {
                if scene.path == TOKEN && key.starts_with("grant/") {
                    record["revoked"] = Value::Null;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.06",
        what: "a code is not bound to its client",
        killed_by: &["oauth.client.bound"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if key.starts_with("code/")
                    && let Some(client) = said(scene, key, "client_id")
                {
                    record["client_id"] = json!(client);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.13",
        what: "details in a token request are passed over",
        killed_by: &["oauth.details.narrowed"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if form.get("grant_type") == "authorization_code" {
                        form.drop("authorization_details");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.20",
        what: "a cache may keep tokens",
        killed_by: &["device.poll.granted", "oauth.code.redeemed", "oauth.refresh.rotated"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN {
                    response.headers_mut().remove(header::CACHE_CONTROL);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.51",
        what: "a code can be redeemed again",
        killed_by: &["oauth.code.again", "oauth.code.once"],
        lie: Lie {
            read: Some(|_, key, record| {
                if key.starts_with("code/") {
                    record["used"] = json!(false);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.52",
        what: "a malformed verifier is answered as a wrong one",
        killed_by: &["oauth.bind.verifier"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    let verifier = form.get("code_verifier");
                    if !(43..=128).contains(&verifier.len()) || verifier.contains('+') {
                        form.drop("code_verifier");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.53",
        what: "a code is spent by the first request, right or wrong",
        killed_by: &[
            "oauth.assertion.needed",
            "oauth.bind.redirect",
            "oauth.bind.verifier",
            "oauth.client.bound",
            "oauth.client.site_down",
            "oauth.code.again",
            "oauth.details.narrowed",
            "dpop.binding.code",
            "dpop.binding.token",
        ],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    let spent = format!("spent/{}", hash(form.get("code")));
                    if scene.memory.kept(&spent).is_some() {
                        form.put("code", "okap_ac_spent");
                    } else if !form.get("code").is_empty() {
                        scene.memory.keep(&spent, json!(true));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.54",
        what: "the address is not compared when a code is redeemed",
        killed_by: &["oauth.bind.redirect"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if key.starts_with("code/")
                    && let Some(address) = said(scene, key, "redirect_uri")
                {
                    record["redirect_uri"] = json!(address);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.55",
        what: "a code does not end",
        killed_by: &["oauth.code.ended"],
        lie: Lie {
            read: Some(|_, key, record| {
                if key.starts_with("code/") {
                    record["expires"] = json!(NEVER);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.57",
        what: "what is no code at all is answered otherwise than one that is unknown",
        killed_by: &["oauth.bind.kind"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, TOKEN, request, |form| {
                    if !form.get("code").starts_with("okap_ac_") {
                        form.drop("code");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];
