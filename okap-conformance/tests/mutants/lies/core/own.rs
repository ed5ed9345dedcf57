use http::{HeaderValue, Method, StatusCode};
use okap_server::Peer;
use serde_json::{Value, json};

use crate::lie::{Lie, Mutant, Scene, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.18",
        what: "a token that is given back works on",
        killed_by: &[
            "core.revoke.anybody",
            "core.token.revoked",
            "delegation.chain.revoked",
            "delegation.exchange.subject",
            "oauth.refresh.revoked",
        ],
        lie: Lie {
            request: Some(|scene, request| {
                let form = String::from_utf8_lossy(request.body()).into_owned();
                if scene.path == "/okap/revoke" && !form.contains("client_id=") {
                    *request.body_mut() = form.replace("token=okap_at_", "token=").into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.19",
        what: "a grant that has ended is said to be active",
        killed_by: &["core.token.expired"],
        lie: Lie {
            response: Some(|_, response| {
                edit(response.body_mut(), |body| {
                    if body["status"] == "expired" {
                        body["status"] = json!("active");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.20",
        what: "a token of a revoked grant is said to have expired",
        killed_by: &["core.revoke.user"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/limits" {
                    edit(response.body_mut(), |body| {
                        if body["error"] == "token_revoked" {
                            body["error"] = json!("token_expired");
                        }
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.70",
        what: "a client may revoke what is another's",
        killed_by: &["core.revoke.client", "oauth.revoke.other_client"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/revoke" {
                    let form = String::from_utf8(request.body().to_vec()).unwrap();
                    let kept: Vec<_> =
                        form.split('&').filter(|one| !one.starts_with("client_id=")).collect();
                    *request.body_mut() = kept.join("&").into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.71",
        what: "a revocation of an unknown token is refused",
        killed_by: &["core.revoke.anybody"],
        lie: Lie {
            response: Some(|scene, response| {
                let unknown = scene.memory.kept("unknown") == Some(json!(true));
                if scene.path == "/okap/revoke" && unknown {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                }
            }),
            request: Some(|scene, request| {
                if scene.path == "/okap/revoke" {
                    let unknown = request.body().ends_with(b"token=okapconf");
                    scene.memory.keep("unknown", json!(unknown));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.72",
        what: "a token that is malformed is told apart from an unknown one",
        killed_by: &["core.revoke.malformed"],
        lie: Lie {
            response: Some(|scene, response| {
                let malformed = scene.token().len() != 57;
                if scene.path == "/okap/limits" && malformed && !scene.token().is_empty() {
                    edit(response.body_mut(), |body| {
                        body["error_description"] = json!("malformed");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.73",
        what: "continuation tokens are counted",
        killed_by: &["core.revoke.random"],
        lie: Lie {
            response: Some(|scene, response| {
                edit(response.body_mut(), |body| {
                    if let Some(Value::String(real)) = body.pointer("/continue/access_token") {
                        body["continue"]["access_token"] = json!(counted(scene, &real.clone()));
                    }
                });
            }),
            request: Some(|scene, request| {
                if let Some(Value::String(real)) = scene.memory.kept(scene.token()) {
                    let bearer = HeaderValue::from_str(&format!("Bearer {real}")).unwrap();
                    request.headers_mut().insert("authorization", bearer);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.74",
        what: "the grant of another app is told apart from one that is not there",
        killed_by: &["core.own.grant", "delegation.chain.apart"],
        lie: Lie {
            response: Some(|scene, response| {
                let other = response.status() == StatusCode::NOT_FOUND;
                if scene.path.starts_with("/okap/grants/")
                    && other
                    && !scene.path.contains("okapconf")
                {
                    *response.status_mut() = StatusCode::FORBIDDEN;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.75",
        what: "DELETE of a grant answers and does nothing",
        killed_by: &["core.own.grant"],
        lie: Lie {
            request: Some(|_, request| {
                if request.method() == Method::DELETE {
                    *request.method_mut() = Method::GET;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.76",
        what: "the access token is taken from the query",
        killed_by: &["core.own.header"],
        lie: Lie {
            request: Some(|_, request| {
                let query = request.uri().query().unwrap_or_default();
                if let Some(token) = query.strip_prefix("access_token=") {
                    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
                    request.headers_mut().insert("authorization", bearer);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.77",
        what: "401 comes without WWW-Authenticate",
        killed_by: &["core.own.errors", "dpop.proof.refusal", "oauth.form.secret"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path != "/okap/introspect" && !scene.is_call() {
                    response.headers_mut().remove("www-authenticate");
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.78",
        what: "an error repeats the token",
        killed_by: &["core.own.errors"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/continue" && response.status() == StatusCode::UNAUTHORIZED {
                    edit(response.body_mut(), |body| {
                        body["error_description"] = json!(format!("no token {}", scene.token()));
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.79",
        what: "anybody may introspect",
        killed_by: &["core.own.introspection"],
        lie: Lie {
            response: Some(|scene, response| {
                if scene.path == "/okap/introspect" {
                    *response.status_mut() = StatusCode::OK;
                    *response.body_mut() = json!({ "active": true }).to_string().into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.80",
        what: "the source is what a header says",
        killed_by: &["core.own.bounded"],
        lie: Lie {
            request: Some(|_, request| {
                let header = request.headers().get("x-forwarded-for");
                let said = header.and_then(|value| value.to_str().ok()?.parse().ok());
                if let Some(said) = said {
                    request.extensions_mut().insert(Peer(said));
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.81",
        what: "any number of requests may wait",
        killed_by: &["core.own.bounded"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/authorize" {
                    let count = scene.memory.kept("count").and_then(|n| n.as_u64()).unwrap_or(0);
                    scene.memory.keep("count", json!(count + 1));
                    let [.., b, c, d] = count.to_be_bytes();
                    request.extensions_mut().insert(Peer([10, b, c, d].into()));
                }
            }),
            ..Lie::NONE
        },
    },
];

/// A token that only counts, for one of the vault's own; the same one for the same.
fn counted(scene: &Scene<'_>, real: &str) -> String {
    if let Some(Value::String(known)) = scene.memory.kept(real) {
        return known;
    }
    let count = scene.memory.kept("count").and_then(|n| n.as_u64()).unwrap_or(0);
    scene.memory.keep("count", json!(count + 1));
    let counted = format!("okap_ct_{count:049}");
    scene.memory.keep(real, json!(counted));
    scene.memory.keep(&counted, json!(real));
    counted
}
