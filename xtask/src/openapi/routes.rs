//! The table of routes: what each reads, and every answer that it can give.

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::{
    Names, Ordered,
    answers::{ERRORS, REFUSALS, reference},
    examples::Examples,
    object,
};

/// One method of one path.
struct Route {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    security: Security,
    body: Body,
    answers: &'static [Answer],
    /// The statuses of its errors.
    errors: &'static [u16],
}

#[derive(Clone, Copy)]
enum Security {
    Open,
    /// An access token in `Authorization`.
    Holder,
    /// An access token in any header that an SDK uses.
    Caller,
    Continuation,
    ResourceServer,
}

#[derive(Clone, Copy)]
enum Body {
    None,
    Form(&'static str),
    /// JSON of one of these schemas.
    Json(&'static [&'static str]),
    /// JSON of a call, by the name of its schema in the document.
    Call(&'static str),
}

/// An answer that is no error: status, what it means, what it holds.
type Answer = (u16, &'static str, Content);

#[derive(Clone, Copy)]
enum Content {
    Empty,
    /// JSON of one of these schemas.
    Json(&'static [&'static str]),
    /// A document that may be cached.
    Cached(&'static str),
    /// The browser is sent on.
    Redirect,
    Page,
    /// JSON by the name of its schema in the document, or server-sent events.
    Call(&'static str, bool),
}

const OAUTH: &[u16] = &[400, 401, 405, 408, 413, 415, 429, 503];

const ROUTES: &[Route] = &[
    Route {
        path: "/.well-known/oauth-authorization-server",
        method: "get",
        id: "metadata",
        tag: "discovery",
        summary: "What the vault is and offers (RFC 8414). An issuer with a path has it behind this path.",
        parameters: &[],
        security: Security::Open,
        body: Body::None,
        answers: &[(200, "The vault's metadata", Content::Cached("metadata"))],
        errors: &[400, 404, 405],
    },
    Route {
        path: "/.well-known/oauth-protected-resource/v1/{provider}",
        method: "get",
        id: "protectedResource",
        tag: "discovery",
        summary: "Who protects a provider's base_url (RFC 9728). An issuer with a path has it before /v1.",
        parameters: &["provider"],
        security: Security::Open,
        body: Body::None,
        answers: &[(200, "The resource's metadata", Content::Cached("protected-resource"))],
        errors: &[400, 404, 405],
    },
    Route {
        path: "/okap/par",
        method: "post",
        id: "push",
        tag: "oauth",
        summary: "Pushes a request for access (RFC 9126)",
        parameters: &["DPoP"],
        security: Security::Open,
        body: Body::Form("pushed-request"),
        answers: &[(201, "What stands for the request", Content::Json(&["pushed-answer"]))],
        errors: OAUTH,
    },
    Route {
        path: "/okap/authorize",
        method: "get",
        id: "authorize",
        tag: "oauth",
        summary: "Takes the user's browser from a pushed request to the consent page",
        parameters: &["client_id", "request_uri"],
        security: Security::Open,
        body: Body::None,
        answers: &[
            (
                303,
                "On to the consent page, or back to the app with code, state and iss",
                Content::Redirect,
            ),
            (400, "A page that says why the link does not work; no redirect", Content::Page),
            (503, "A page that asks to try again", Content::Page),
        ],
        errors: &[405],
    },
    Route {
        path: "/okap/authorize",
        method: "post",
        id: "ask",
        tag: "direct",
        summary: "Asks for access with one JSON body",
        parameters: &[],
        security: Security::Open,
        body: Body::Json(&["authorize-request.proposal", "authorize-request.details"]),
        answers: &[
            (
                200,
                "Granted at once, by a policy of the owner",
                Content::Json(&["granted.details", "granted.request"]),
            ),
            (202, "The user has to decide", Content::Json(&["pending"])),
            (403, "Denied at once, by a policy of the owner", Content::Json(&["denied"])),
        ],
        errors: &[400, 401, 405, 408, 413, 415, 429, 503],
    },
    Route {
        path: "/okap/continue",
        method: "post",
        id: "proceed",
        tag: "direct",
        summary: "Fetches the outcome of a direct request",
        parameters: &["Prefer"],
        security: Security::Continuation,
        body: Body::None,
        answers: &[
            (200, "Granted", Content::Json(&["granted.details", "granted.request"])),
            (202, "The user has not decided", Content::Json(&["pending"])),
            (403, "Denied", Content::Json(&["denied"])),
        ],
        errors: &[400, 401, 405, 429, 503],
    },
    Route {
        path: "/okap/request",
        method: "post",
        id: "askFlat",
        tag: "direct",
        summary: "Asks for access in the flat shape, and holds the answer up to 25 s for the user",
        parameters: &[],
        security: Security::Open,
        body: Body::Json(&["flat-request"]),
        answers: &[(
            200,
            "Whatever the outcome; `approved` says which",
            Content::Json(&["flat-answer"]),
        )],
        errors: &[400, 405, 408, 413, 415, 503],
    },
    Route {
        path: "/okap/token",
        method: "post",
        id: "token",
        tag: "oauth",
        summary: "Redeems a code, renews, polls for a device, or delegates",
        parameters: &["DPoP"],
        security: Security::Open,
        body: Body::Form("token-request"),
        answers: &[(200, "Tokens", Content::Json(&["token-answer"]))],
        errors: OAUTH,
    },
    Route {
        path: "/okap/device_authorization",
        method: "post",
        id: "device",
        tag: "oauth",
        summary: "Asks for access from a device without a browser (RFC 8628). A vault without a page for it has no such endpoint.",
        parameters: &["DPoP"],
        security: Security::Open,
        body: Body::Form("device-request"),
        answers: &[(200, "The codes", Content::Json(&["device-answer"]))],
        errors: &[400, 401, 404, 405, 408, 413, 415, 429, 503],
    },
    Route {
        path: "/okap/revoke",
        method: "post",
        id: "revoke",
        tag: "oauth",
        summary: "Gives a token's grant back (RFC 7009)",
        parameters: &["DPoP"],
        security: Security::Open,
        body: Body::Form("revocation-request"),
        answers: &[(200, "The token is dead, or never was one", Content::Empty)],
        errors: OAUTH,
    },
    Route {
        path: "/okap/introspect",
        method: "post",
        id: "introspect",
        tag: "oauth",
        summary: "Says what a token is worth, to a resource server (RFC 7662)",
        parameters: &[],
        security: Security::ResourceServer,
        body: Body::Form("introspection-request"),
        answers: &[(200, "What the token is worth", Content::Json(&["introspection-answer"]))],
        errors: OAUTH,
    },
    Route {
        path: "/okap/limits",
        method: "get",
        id: "limits",
        tag: "own grant",
        summary: "What is left of a grant",
        parameters: &["DPoP"],
        security: Security::Holder,
        body: Body::None,
        answers: &[(200, "What is left", Content::Json(&["limits"]))],
        errors: &[400, 401, 403, 405, 429, 503],
    },
    Route {
        path: "/okap/grants/{grant_id}",
        method: "get",
        id: "grant",
        tag: "own grant",
        summary: "Whether a grant stands",
        parameters: &["grant_id", "DPoP"],
        security: Security::Holder,
        body: Body::None,
        answers: &[(200, "The grant", Content::Json(&["grant"]))],
        errors: &[400, 401, 403, 404, 405, 429, 503],
    },
    Route {
        path: "/okap/grants/{grant_id}",
        method: "delete",
        id: "giveBack",
        tag: "own grant",
        summary: "Gives a grant back",
        parameters: &["grant_id", "DPoP"],
        security: Security::Holder,
        body: Body::None,
        answers: &[(204, "It is revoked", Content::Empty)],
        errors: &[400, 401, 403, 404, 405, 429, 503],
    },
    Route {
        path: "/v1/{provider}/chat/completions",
        method: "post",
        id: "chat",
        tag: "proxy",
        summary: "OpenAI's chat completions, at providers that speak it",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::Call("ChatCall"),
        answers: &[(200, "The provider's answer", Content::Call("ProviderAnswer", true))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/responses",
        method: "post",
        id: "responses",
        tag: "proxy",
        summary: "OpenAI's responses, never stored",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::Call("ResponsesCall"),
        answers: &[(200, "The provider's answer", Content::Call("ProviderAnswer", true))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/embeddings",
        method: "post",
        id: "embeddings",
        tag: "proxy",
        summary: "OpenAI's embeddings",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::Call("EmbeddingsCall"),
        answers: &[(200, "The provider's answer", Content::Call("ProviderAnswer", false))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/messages",
        method: "post",
        id: "messages",
        tag: "proxy",
        summary: "Anthropic's messages",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::Call("MessagesCall"),
        answers: &[(200, "The provider's answer", Content::Call("ProviderAnswer", true))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/messages/count_tokens",
        method: "post",
        id: "countTokens",
        tag: "proxy",
        summary: "Counts the tokens of a message, at Anthropic",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::Call("MessagesCall"),
        answers: &[(200, "The provider's answer", Content::Call("ProviderAnswer", false))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/models",
        method: "get",
        id: "models",
        tag: "proxy",
        summary: "The models that the grant allows; the provider is not asked",
        parameters: &["provider", "DPoP"],
        security: Security::Caller,
        body: Body::None,
        answers: &[(200, "The models", Content::Call("ModelList", false))],
        errors: &[],
    },
    Route {
        path: "/v1/{provider}/models/{model}",
        method: "get",
        id: "model",
        tag: "proxy",
        summary: "One model that the grant allows; the provider is not asked",
        parameters: &["provider", "model", "DPoP"],
        security: Security::Caller,
        body: Body::None,
        answers: &[(200, "The model", Content::Call("ModelEntry", false))],
        errors: &[],
    },
];

/// `components/parameters`
pub(super) fn parameters() -> Value {
    let parameter = |place: &str, name: &str, required: bool, text: &str, schema: Value| json!({"name": name, "in": place, "required": required, "description": text, "schema": schema});
    let name = json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"});
    json!({
        "provider": parameter("path", "provider", true, "Who runs the models; the last part of a `base_url`.", name),
        "grant_id": parameter("path", "grant_id", true, "The grant of the token.", json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"})),
        "model": parameter("path", "model", true, "One of the grant's models.", json!({"type": "string", "minLength": 1, "maxLength": 256})),
        "client_id": parameter("query", "client_id", true, "As in the pushed request.", json!({"type": "string"})),
        "request_uri": parameter("query", "request_uri", true, "What stands for the pushed request.", json!({"type": "string"})),
        "DPoP": parameter("header", "DPoP", false, "A proof of the key that tokens are, or shall be, bound to (RFC 9449).", json!({"type": "string", "maxLength": 4096, "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"})),
        "Prefer": parameter("header", "Prefer", false, "`wait=n` holds the answer up to n seconds, 120 at most (RFC 7240).", json!({"type": "string", "pattern": "^wait=[0-9]{1,3}$"})),
    })
}

/// The paths in the order of the table.
pub(super) fn paths(names: &Names) -> Result<Ordered> {
    let examples = Examples::new();
    let mut paths = Ordered(Vec::new());
    for route in ROUTES {
        let operation = route.operation(names, &examples)?;
        match paths.0.iter_mut().find(|(path, _)| path == route.path) {
            Some((_, Value::Object(methods))) => {
                drop(methods.insert(route.method.to_owned(), operation))
            }
            _ => paths.0.push((route.path.to_owned(), json!({route.method: operation}))),
        }
    }
    Ok(paths)
}

impl Route {
    fn operation(&self, names: &Names, examples: &Examples) -> Result<Value> {
        let parameters: Vec<_> =
            self.parameters.iter().map(|p| reference("parameters", p)).collect();
        Ok(object([
            ("operationId", Some(json!(self.id))),
            ("tags", Some(json!([self.tag]))),
            ("summary", Some(json!(self.summary))),
            ("parameters", Some(json!(parameters)).filter(|_| !parameters.is_empty())),
            ("security", Some(self.security.requirement())),
            ("requestBody", self.body.describe(names, examples)?),
            ("responses", Some(self.responses(names, examples)?)),
        ]))
    }

    fn responses(&self, names: &Names, examples: &Examples) -> Result<Value> {
        let mut all = Map::new();
        for (status, text, content) in self.answers {
            all.insert(status.to_string(), content.describe(text, names, examples)?);
        }
        let (table, statuses): (_, Vec<u16>) = match self.security {
            Security::Caller => (REFUSALS, REFUSALS.iter().map(|(status, ..)| *status).collect()),
            _ => (ERRORS, self.errors.to_vec()),
        };
        for status in statuses {
            let found = table.iter().find(|(known, ..)| *known == status);
            let (_, name, _) = found.with_context(|| format!("no answer for {status}"))?;
            all.entry(status.to_string()).or_insert_with(|| reference("responses", name));
        }
        if matches!(self.security, Security::Caller) {
            all.insert("4XX".to_owned(), reference("responses", "CallForeign"));
        }
        Ok(all.into())
    }
}

impl Security {
    fn requirement(self) -> Value {
        match self {
            Self::Open => json!([]),
            Self::Holder => json!([{"accessToken": []}, {"boundToken": []}]),
            Self::Caller => {
                json!([{"accessToken": []}, {"boundToken": []}, {"apiKey": []}, {"googleApiKey": []}])
            }
            Self::Continuation => json!([{"continuation": []}]),
            Self::ResourceServer => json!([{"resourceServer": []}]),
        }
    }
}

/// One schema, or any of several.
fn schema(names: &Names, of: &[&str]) -> Result<Value> {
    let all = of.iter().map(|name| names.of(name)).collect::<Result<Vec<_>>>()?;
    Ok(match all.as_slice() {
        [one] => one.clone(),
        _ => json!({"anyOf": all}),
    })
}

/// A schema with the examples of its messages.
fn media(names: &Names, examples: &Examples, of: &[&str]) -> Result<Value> {
    let mut shown = Map::new();
    for name in of {
        if let Some(Value::Object(some)) = examples.of(name) {
            shown.extend(some);
        }
    }
    let shown = Some(Value::Object(shown)).filter(|shown| *shown != json!({}));
    Ok(object([("schema", Some(schema(names, of)?)), ("examples", shown)]))
}

impl Body {
    fn describe(self, names: &Names, examples: &Examples) -> Result<Option<Value>> {
        let (kind, content) = match self {
            Self::None => return Ok(None),
            Self::Form(of) => ("application/x-www-form-urlencoded", media(names, examples, &[of])?),
            Self::Json(of) => ("application/json", media(names, examples, of)?),
            Self::Call(of) => ("application/json", json!({"schema": reference("schemas", of)})),
        };
        Ok(Some(json!({"required": true, "content": {kind: content}})))
    }
}

impl Content {
    fn describe(self, text: &str, names: &Names, examples: &Examples) -> Result<Value> {
        let headers = |name: &str| json!({name: reference("headers", name)});
        let content = match self {
            Self::Empty => None,
            Self::Json(of) => Some(json!({"application/json": media(names, examples, of)?})),
            Self::Cached(of) => Some(json!({"application/json": media(names, examples, &[of])?})),
            Self::Redirect => None,
            Self::Page => Some(json!({"text/html": {"schema": {"type": "string"}}})),
            Self::Call(of, streams) => {
                let mut kinds = json!({"application/json": {"schema": reference("schemas", of)}});
                if let (true, Some(kinds)) = (streams, kinds.as_object_mut()) {
                    kinds.insert(
                        "text/event-stream".to_owned(),
                        json!({"schema": {"description": "The provider's events, unchanged."}}),
                    );
                }
                Some(kinds)
            }
        };
        let headers = match self {
            Self::Redirect => headers("Location"),
            _ => headers("Cache-Control"),
        };
        Ok(object([
            ("description", Some(json!(text))),
            ("headers", Some(headers)),
            ("content", content),
        ]))
    }
}
