use serde_json::json;

use super::{PAR, fields};
use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.01",
        what: "a request without a challenge is taken",
        killed_by: &["oauth.push.challenge"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if form.get("code_challenge").is_empty() {
                        let made_up = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
                        form.put("code_challenge", made_up);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.02",
        what: "the method plain is taken",
        killed_by: &["oauth.push.challenge"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| form.put("code_challenge_method", "S256"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.21",
        what: "the metadata offer the method plain",
        killed_by: &["oauth.push.challenge"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.ends_with("oauth-authorization-server") {
                    edit(response.body_mut(), |metadata| {
                        metadata["code_challenge_methods_supported"] = json!(["S256", "plain"]);
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.22",
        what: "any response type is taken for code",
        killed_by: &["oauth.push.response_type"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| form.put("response_type", "code"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.23",
        what: "a parameter that is not known is refused",
        killed_by: &["oauth.push.parameters"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if !form.get("prompt").is_empty() {
                        form.drop("client_id");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.24",
        what: "a request object is passed over",
        killed_by: &["oauth.push.parameters"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| form.drop("request"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.25",
        what: "the resource is passed over",
        killed_by: &["oauth.push.resource"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| form.drop("resource"));
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.26",
        what: "a pushed request is said to live for an hour",
        killed_by: &["oauth.push.fresh"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == PAR && response.status() == 201 {
                    edit(response.body_mut(), |answer| answer["expires_in"] = json!(3600));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.28",
        what: "a redirect URI is taken without its fragment",
        killed_by: &["oauth.push.local_redirect"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let plain = form.get("redirect_uri").split('#').next().map(str::to_owned);
                    form.put("redirect_uri", &plain.unwrap_or_default());
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.14",
        what: "details of an unknown type are taken",
        killed_by: &["oauth.details.refused"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let details = form.get("authorization_details");
                    let details = details.replace("payment_initiation", "ai_model_access");
                    form.put("authorization_details", &details);
                });
            }),
            ..Lie::NONE
        },
    },
];
