use serde_json::{Value, json};

use super::{asked, each_asked};
use crate::lie::{Lie, Mutant, each_access, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.01",
        what: "a request without a version is taken",
        killed_by: &["core.request.version"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if let Some(members) = body.as_object_mut() {
                        members.entry("okap").or_insert(json!("1.0"));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.03",
        what: "a request for nothing is taken",
        killed_by: &["core.details.list"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if body.get("authorization_details") == Some(&json!([])) {
                        let any = json!({ "type": "ai_model_access", "provider": "openai" });
                        body["authorization_details"] = json!([any]);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.30",
        what: "details beyond the sixteenth are dropped",
        killed_by: &["core.details.list"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    let details = body.get_mut("authorization_details");
                    if let Some(Value::Array(details)) = details {
                        details.truncate(16);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.05",
        what: "a missing provider is made up",
        killed_by: &["core.details.names"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if object.get("provider").is_none() {
                        object["provider"] = json!("openai");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.31",
        what: "a model * is taken for all models",
        killed_by: &["core.details.names"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if object.get("models") == Some(&json!(["*"])) {
                        object["models"] = json!([]);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.32",
        what: "invisible characters are taken out of a model's name",
        killed_by: &["core.details.names"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(model) = object.pointer_mut("/models/0") {
                        *model = json!(model.as_str().unwrap_or_default().replace('\u{200b}', ""));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.33",
        what: "an end without an offset is taken for UTC",
        killed_by: &["core.details.expires"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(Value::String(end)) = object.get("expires")
                        && end.len() == 19
                    {
                        object["expires"] = json!(format!("{end}Z"));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.34",
        what: "a reason that is too long is cut",
        killed_by: &["core.details.reason"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(Value::String(reason)) = object.get("reason") {
                        object["reason"] = json!(reason.chars().take(280).collect::<String>());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.07",
        what: "a limit that is negative counts without its sign",
        killed_by: &["core.details.limits"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    let wanted = object.pointer_mut("/limits/monthly_spend");
                    if let Some(wanted) = wanted
                        && let Some(number) = wanted.as_i64()
                    {
                        *wanted = json!(number.abs());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.35",
        what: "an amount goes through a binary number",
        killed_by: &["core.details.limits"],
        lie: Lie {
            commit: Some(|_, key, record| {
                if key.starts_with("grant/") {
                    each_access(record, cut);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.36",
        what: "a body with two shapes is read as the second",
        killed_by: &["core.request.two_shapes"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if body.get("authorization_details").is_some()
                        && let Some(members) = body.as_object_mut()
                    {
                        members.remove("request");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.37",
        what: "the page where the user decides is at another origin",
        killed_by: &["admin.page.headers", "core.request.waits"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(page) = body["interaction_uri"].as_str() {
                        body["interaction_uri"] = json!(page.replacen("127.0.0.1", "127.0.0.2", 1));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.38",
        what: "the metadata's issuer has a slash at its end",
        killed_by: &["core.metadata.issuer"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(issuer) = body["issuer"].as_str() {
                        body["issuer"] = json!(format!("{issuer}/"));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.39",
        what: "the metadata name an endpoint that is not served",
        killed_by: &["core.metadata.endpoints"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if let Some(issuer) = body["issuer"].as_str() {
                        body["registration_endpoint"] = json!(format!("{issuer}/okap/register"));
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];

/// An amount as a number of 64 bits has it, times a million, cut.
fn cut(access: &mut Value) {
    let Some(limits) = access["limits"].as_object_mut() else { return };
    for amount in limits.values_mut() {
        if let Some(Ok(dollars)) = amount.as_str().map(str::parse::<f64>) {
            let micros = (dollars * 1e6).trunc() / 1e6;
            *amount = json!(format!("{micros:.6}"));
        }
    }
}
