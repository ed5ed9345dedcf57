use base64ct::{Base64UrlUnpadded, Encoding};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{Fields, LOCAL, PAR, fields};
use crate::lie::{Lie, Mutant, Scene};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.39",
        what: "a client that says it signs need not",
        killed_by: &["oauth.assertion.needed", "oauth.client.as_it_is", "oauth.client.direct"],
        lie: Lie {
            document: Some(|_, text| *text = text.replace("private_key_jwt", "none")),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.40",
        what: "an assertion for another vault is taken",
        killed_by: &["oauth.assertion.claims"],
        lie: Lie {
            request: Some(|scene, request| {
                pushed(scene, request, |form, claims| {
                    if claims["aud"] == "https://other.example" {
                        believe(form);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.41",
        what: "an assertion is good again and again",
        killed_by: &["oauth.assertion.replayed"],
        lie: Lie {
            request: Some(|scene, request| {
                pushed(scene, request, |form, claims| {
                    let used = format!("{}{}", claims["iss"], claims["jti"]);
                    if scene.memory.kept(&used).is_some() {
                        believe(form);
                    } else if claims["jti"].is_string() {
                        scene.memory.keep(&used, json!(true));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.42",
        what: "an assertion is refused for what another client has used",
        killed_by: &["oauth.assertion.replayed"],
        lie: Lie {
            request: Some(|scene, request| {
                pushed(scene, request, |form, claims| {
                    let used = claims["jti"].to_string();
                    let first = scene.memory.kept(&used).unwrap_or_else(|| claims["iss"].clone());
                    if first != claims["iss"] {
                        form.put("client_assertion", "x");
                    } else if claims["jti"].is_string() {
                        scene.memory.keep(&used, first);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.43",
        what: "an assertion of a client that has no key is passed over",
        killed_by: &["oauth.assertion.not_announced"],
        lie: Lie {
            request: Some(|scene, request| {
                pushed(scene, request, |form, _| {
                    if form.get("client_id") == LOCAL {
                        unsigned(form);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];

/// Changes a pushed request, with the claims of its assertion in view.
fn pushed(
    scene: &Scene<'_>,
    request: &mut Request<Bytes>,
    change: impl FnOnce(&mut Fields, &Value),
) {
    fields(scene, PAR, request, |form| {
        let part = form.get("client_assertion").split('.').nth(1).unwrap_or_default();
        let bytes = Base64UrlUnpadded::decode_vec(part).unwrap_or_default();
        let claims = serde_json::from_slice(&bytes).unwrap_or_default();
        change(form, &claims);
    });
}

/// Takes the request, whatever is wrong with it: as that of an app on this computer.
fn believe(form: &mut Fields) {
    form.put("client_id", LOCAL);
    form.put("redirect_uri", "http://127.0.0.1:49152/back");
    unsigned(form);
}

fn unsigned(form: &mut Fields) {
    form.drop("client_assertion");
    form.drop("client_assertion_type");
}
