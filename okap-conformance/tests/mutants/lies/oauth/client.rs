use http::StatusCode;
use okap_types::client_document::RedirectUri;
use serde_json::{Value, json};

use super::{AUTHORIZE, LOCAL, PAR, TOKEN, fields, remember, said};
use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.07",
        what: "an address that begins as one of the document is taken",
        killed_by: &["oauth.client.redirect"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let (site, _) = form
                        .get("client_id")
                        .split_at(form.get("client_id").rfind("/client.json").unwrap_or_default());
                    let own = format!("{site}/back");
                    if !site.is_empty() && form.get("redirect_uri").starts_with(&own) {
                        form.put("redirect_uri", &own);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.30",
        what: "a document with a secret in it is taken",
        killed_by: &["oauth.client.document"],
        lie: Lie {
            document: Some(|_, text| {
                if text.contains("client_secret\"") {
                    inside(text, |document| {
                        document.as_object_mut().unwrap().remove("client_secret");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.31",
        what: "a document is remembered as it was at first",
        killed_by: &[
            "oauth.client.a_day",
            "oauth.client.as_it_is",
            "oauth.client.direct",
            "oauth.client.document",
            "oauth.client.length",
            "oauth.client.not_kept",
            "oauth.client.redirects",
            "oauth.client.unsaid",
        ],
        lie: Lie {
            document: Some(|memory, text| {
                let found = text.find("https://").and_then(|at| text.get(at..));
                let site = found.and_then(|rest| rest.split("example").next());
                let site = site.unwrap_or_default().to_owned();
                match memory.kept(&site) {
                    Some(Value::String(first)) => *text = first,
                    _ => memory.keep(&site, json!(text)),
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.97",
        what: "a document that may not be kept is kept",
        killed_by: &["oauth.client.not_kept"],
        lie: Lie {
            fresh: Some(|said, fresh| {
                let never = ["no-store", "no-cache"];
                if never.iter().any(|no| said.to_lowercase().contains(no)) { 300 } else { fresh }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.98",
        what: "a document is kept as long as its site likes",
        killed_by: &["oauth.client.a_day"],
        lie: Lie {
            fresh: Some(|said, fresh| {
                let age = said.strip_prefix("max-age=").and_then(|age| age.parse().ok());
                age.unwrap_or(fresh)
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.99",
        what: "a document of which its site says nothing is not kept",
        killed_by: &["oauth.client.unsaid"],
        lie: Lie {
            fresh: Some(|said, fresh| if said.is_empty() { 0 } else { fresh }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.100",
        what: "a direct request is taken whatever its client has promised to prove",
        killed_by: &["oauth.client.direct"],
        lie: Lie {
            request: Some(|scene, request| {
                let of_client = b".okapconf.example/client.json\"";
                let its = scene.body.windows(of_client.len()).any(|part| part == of_client);
                if scene.path == AUTHORIZE && its {
                    edit(request.body_mut(), |body| body["client"] = json!({}));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.101",
        what: "the form with a decision goes on to the app",
        killed_by: &["oauth.page.decided"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path.starts_with("/consent/") && response.status() == 303 {
                    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.33",
        what: "a client whose site is down is told that it is none",
        killed_by: &["oauth.client.site_down"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == TOKEN && response.status() == StatusCode::SERVICE_UNAVAILABLE {
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                    edit(response.body_mut(), |answer| answer["error"] = json!("invalid_client"));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.34",
        what: "a client with a document gives itself a name",
        killed_by: &["oauth.client.name"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if form.get("client_id") != LOCAL {
                        form.drop("client_name");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.35",
        what: "a refresh token is not bound to its client",
        killed_by: &["oauth.client.bound"],
        lie: Lie {
            request: Some(remember),
            read: Some(|scene, key, record| {
                if key.starts_with("refresh/")
                    && let Some(client) = said(scene, key, "client_id")
                {
                    record["client_id"] = json!(client);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.36",
        what: "who says that it is a client spends what that client may",
        killed_by: &["oauth.client.claimed"],
        lie: Lie {
            commit: Some(|_, key, record| {
                if key.starts_with("interaction/") && record["app"]["identity"] == "claimed" {
                    record["app"]["identity"] = json!("published");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.19",
        what: "the page does not show where the browser goes back to",
        killed_by: &["oauth.page.decided", "oauth.page.hosts"],
        lie: Lie {
            read: Some(|scene, key, record| {
                if scene.path.starts_with("/consent/") && key.starts_with("interaction/") {
                    record["back"] = json!("fetch");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.37",
        what: "a client id is tidied up before it is looked at",
        killed_by: &["oauth.client.address"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let tidy = form.get("client_id").trim_end_matches('/').to_owned();
                    form.put("client_id", &tidy);
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.38",
        what: "a client whose document is not there is taken for an app on this computer",
        killed_by: &["oauth.client.unreachable"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if form.get("client_id").ends_with(".invalid/client.json") {
                        form.put("client_id", LOCAL);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.90",
        what: "a client id is taken in any spelling of its address",
        killed_by: &["oauth.client.address"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    if let Ok(mut url) = form.get("client_id").parse::<url::Url>()
                        && url.scheme() == "https"
                    {
                        let _ = url.set_username("");
                        url.set_query(None);
                        url.set_fragment(None);
                        form.put("client_id", url.as_str());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.91",
        what: "a client id at this computer is taken for an app on it",
        killed_by: &["oauth.client.inside"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, PAR, request, |form| {
                    let id = form.get("client_id");
                    if ["https://127.", "https://localhost:", "https://["]
                        .iter()
                        .any(|h| id.starts_with(h))
                    {
                        form.put("client_id", LOCAL);
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.94",
        what: "of the addresses of a document the wrong ones are passed over",
        killed_by: &["oauth.client.redirects"],
        lie: Lie {
            document: Some(|_, text| {
                inside(text, |document| {
                    let good = |uri: &Value| uri.as_str().unwrap().parse::<RedirectUri>().is_ok();
                    document["redirect_uris"].as_array_mut().unwrap().retain(good);
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.92",
        what: "a private key in a document is taken for its public half",
        killed_by: &["oauth.client.document"],
        lie: Lie {
            document: Some(|_, text| {
                inside(text, |document| {
                    if let Some(key) = document.pointer_mut("/jwks/keys/0") {
                        key.as_object_mut().unwrap().remove("d");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.93",
        what: "a document that is longer than may be is taken",
        killed_by: &["oauth.client.length"],
        lie: Lie {
            document: Some(|_, text| {
                if text.len() > okap_types::ClientDocument::LONGEST {
                    inside(text, |document| document["okapconf"] = json!(""));
                }
            }),
            ..Lie::NONE
        },
    },
];

/// Changes a document, where it is an object.
fn inside(text: &mut String, change: impl FnOnce(&mut Value)) {
    if let Ok(mut document @ Value::Object(_)) = serde_json::from_str(text) {
        let before = document.clone();
        change(&mut document);
        if document != before {
            *text = document.to_string();
        }
    }
}
