//! The OAuth endpoints: pushed request, authorization, token, revocation, metadata.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, header};
use okap_engine::{
    address::endpoint,
    flow::{self, Redeem},
    record::{Access, Code, Grant, Interaction, Pushed},
    token::hash,
};
use okap_types::{
    Capability, ErrorCode, GrantId, Secret, Version,
    oauth::{Metadata, PushedAnswer, PushedRequest, TokenAnswer},
    response::TokenType,
    token::{AccessToken, AuthorizationCode},
};

use crate::{
    CommitError, Consent, StoreError, Vault,
    core::Core,
    reply::{self, Reply},
    vault::{TRIES, load},
};

/// A form's parameters, each at most once.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`; a parameter that stands twice is an error
    /// (RFC 6749 section 3.1).
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Reply> {
        let invalid = |text: String| reply::error(ErrorCode::InvalidRequest, text);
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid("send application/x-www-form-urlencoded".into()));
        }
        if headers.contains_key(header::AUTHORIZATION) {
            return Err(invalid(
                "clients here are public: send client_id in the body and no Authorization header"
                    .into(),
            ));
        }
        let text = std::str::from_utf8(body).map_err(|_| invalid("form is not UTF-8".into()))?;
        Self::parse(text).map_err(|name| invalid(format!("parameter {name} stands twice")))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut form = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(shown);
            }
        }
        Ok(Self(form))
    }

    pub(crate) fn opt(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn want(&self, name: &str) -> Result<&str, Reply> {
        let missing = || reply::error(ErrorCode::InvalidRequest, format!("{name} is missing"));
        self.opt(name).ok_or_else(missing)
    }
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// `GET /.well-known/oauth-authorization-server` (RFC 8414)
    pub(crate) fn metadata(&self) -> Reply {
        let profile = &self.config.profile;
        let at = |path: &str| endpoint(&profile.issuer, path);
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let metadata = Metadata {
            issuer: profile.issuer_text(),
            authorization_endpoint: at("okap/authorize"),
            token_endpoint: at("okap/token"),
            pushed_authorization_request_endpoint: at("okap/par"),
            require_pushed_authorization_requests: true,
            revocation_endpoint: at("okap/revoke"),
            response_types_supported: words(&["code"]),
            response_modes_supported: words(&["query"]),
            grant_types_supported: words(&["authorization_code"]),
            code_challenge_methods_supported: words(&["S256"]),
            authorization_response_iss_parameter_supported: true,
            authorization_details_types_supported: words(&["ai_model_access"]),
            client_id_metadata_document_supported: false,
            token_endpoint_auth_methods_supported: words(&["none"]),
            okap_versions_supported: words(Version::SUPPORTED),
            okap_direct_endpoint: at("okap/authorize"),
            okap_providers_supported: profile.providers.clone(),
            okap_capabilities_supported: vec![
                Capability::Chat,
                Capability::Embeddings,
                Capability::Vision,
            ],
            okap_detail_fields_supported: words(&[
                "provider",
                "models",
                "capabilities",
                "limits",
                "expires",
                "reason",
            ]),
            okap_profiles_supported: words(&["core", "oauth", "proxy"]),
        };
        let mut answer = reply::json(200, &metadata);
        reply::set(&mut answer, header::CACHE_CONTROL, "max-age=300");
        answer
    }

    /// `POST /okap/par` (RFC 9126)
    pub(crate) async fn par(&self, source: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.pushed(source, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn pushed(&self, source: &str, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Reply> {
        let form = Form::read(headers, body)?;
        if form.opt("request_uri").is_some() || form.opt("request").is_some() {
            let text = "request and request_uri have no place in a pushed request";
            return Err(reply::error(ErrorCode::InvalidRequest, text));
        }
        let request = PushedRequest {
            client_id: form.want("client_id")?.to_owned(),
            client_name: form.opt("client_name").map(str::to_owned),
            response_type: form.want("response_type")?.to_owned(),
            redirect_uri: form.want("redirect_uri")?.to_owned(),
            code_challenge: form.want("code_challenge")?.to_owned(),
            code_challenge_method: form.want("code_challenge_method")?.to_owned(),
            authorization_details: form.want("authorization_details")?.to_owned(),
            state: form.opt("state").map(str::to_owned),
        };
        let seed = crate::ports::seed().map_err(|_| reply::unavailable())?;
        let now = self.clock.now();
        let step = flow::pushed(&self.config.profile, &request, now, &seed)
            .map_err(|error| reply::flow_error(&error))?;
        self.throttled(source, &step.reply.interaction)?;
        self.vault.commit(step.changes).await.map_err(|_| reply::unavailable())?;
        Ok(reply::json(
            201,
            &PushedAnswer {
                request_uri: Secret::new(step.reply.handle),
                expires_in: flow::PUSHED_LIFETIME.unsigned_abs(),
            },
        ))
    }

    /// `GET /okap/authorize`: the browser comes with a pushed request and goes on to consent.
    pub(crate) async fn authorize(&self, query: Option<&str>) -> Reply {
        let refused = |text: &str| reply::page(400, "This link does not work", text);
        let Ok(form) = Form::parse(query.unwrap_or_default()) else {
            return refused("A parameter stands twice. Start again from the app.");
        };
        let (Some(client_id), Some(request_uri)) = (form.opt("client_id"), form.opt("request_uri"))
        else {
            return refused(
                "invalid_request: the app has to push its request first. Start again from the app.",
            );
        };
        let ended =
            "invalid_request_uri: this link has been used or has ended. Start again from the app.";
        let unavailable = || reply::page(503, "Try again", "The vault cannot reach its store.");
        let pushed = match load::<Pushed>(&self.vault, &hash(request_uri)).await {
            Ok(Some(pushed)) if pushed.record.0.expires > self.clock.now() => pushed,
            Ok(_) => return refused(ended),
            Err(_) => return unavailable(),
        };
        let asked = match load::<Interaction>(&self.vault, &pushed.record.0.interaction).await {
            Ok(Some(asked)) => asked.record,
            Ok(None) => return refused(ended),
            Err(_) => return unavailable(),
        };
        let matches = match &asked.back {
            okap_engine::record::Back::Redirect { client_id: pushed, .. } => pushed == client_id,
            okap_engine::record::Back::Fetch => false,
        };
        if !matches {
            return refused("invalid_request: this link belongs to another app.");
        }
        match self.vault.commit(vec![pushed.remove()]).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return refused(ended),
            Err(CommitError::Store(_)) => return unavailable(),
        }
        match self.consent.ask(&asked, self.clock.now()).await {
            crate::Asked::Visit(page) => reply::see_other(page.as_str()),
            crate::Asked::Decided(owner, decision) => {
                let shown = flow::shown(&asked);
                let decided = match self.decide(&asked.id, &owner, &shown, &decision).await {
                    Ok(decided) => Ok(decided),
                    Err(_) => self.decide(&asked.id, &owner, &shown, &flow::Decision::Deny).await,
                };
                match decided.ok().and_then(|d| d.redirect) {
                    Some(back) => reply::see_other(back.as_str()),
                    None => unavailable(),
                }
            }
        }
    }

    /// `POST /okap/token` (RFC 6749 section 3.2)
    pub(crate) async fn token(&self, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.redeemed(headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn redeemed(&self, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Reply> {
        let form = Form::read(headers, body)?;
        let grant_type = form.want("grant_type")?;
        if grant_type != "authorization_code" {
            let text = "grant_type is not supported, supported: authorization_code";
            return Err(reply::error(ErrorCode::UnsupportedGrantType, text));
        }
        if form.opt("authorization_details").is_some() {
            let text = "this vault does not narrow at the token endpoint; ask for less in the pushed request";
            return Err(reply::error(ErrorCode::InvalidAuthorizationDetails, text));
        }
        let code = form.want("code")?;
        let with = Redeem {
            client_id: form.want("client_id")?,
            redirect_uri: form.want("redirect_uri")?,
            verifier: match form.opt("code_verifier") {
                Some(verifier) => verifier,
                None => {
                    return Err(reply::error(ErrorCode::InvalidGrant, "code_verifier is missing"));
                }
            },
        };
        let well_formed = AuthorizationCode::parse(code).is_ok();
        for _ in 0..TRIES {
            let gone = |_: StoreError| reply::unavailable();
            let stored = match well_formed {
                true => load::<Code>(&self.vault, &hash(code)).await.map_err(gone)?,
                false => None,
            };
            let grant = match &stored {
                Some(code) => {
                    load::<Grant>(&self.vault, code.record.grant.as_str()).await.map_err(gone)?
                }
                None => None,
            };
            let seed = crate::ports::seed().map_err(gone)?;
            let now = self.clock.now();
            let (answer, changes) =
                match flow::redeem(stored.as_ref(), grant.as_ref(), &with, now, &seed) {
                    Ok(step) => (Ok(step.reply), step.changes),
                    Err(refused) => (Err(refused.error), refused.changes),
                };
            if !changes.is_empty() {
                match self.vault.commit(changes).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict) => continue,
                    Err(CommitError::Store(_)) => return Err(reply::unavailable()),
                }
            }
            let issued = answer.map_err(|error| reply::flow_error(&error))?;
            return Ok(reply::json(
                200,
                &TokenAnswer {
                    access_token: Secret::from(issued.token.clone()),
                    token_type: TokenType::Bearer,
                    expires_in: issued.expires_in,
                    refresh_token: None,
                    authorization_details: issued.grant.details(&self.config.profile.issuer),
                    grant_id: issued.grant.id,
                },
            ));
        }
        Err(reply::unavailable())
    }

    /// `POST /okap/revoke` (RFC 7009): a token given back takes its grant with it.
    pub(crate) async fn give_back(&self, headers: &HeaderMap, body: &Bytes) -> Reply {
        let form = match Form::read(headers, body) {
            Ok(form) => form,
            Err(refused) => return refused,
        };
        let token = match form.want("token") {
            Ok(token) => token,
            Err(refused) => return refused,
        };
        let done = || reply::json(200, &serde_json::json!({}));
        if AccessToken::parse(token).is_err() {
            return done();
        }
        match load::<Access>(&self.vault, &hash(token)).await {
            Err(_) => reply::unavailable(),
            Ok(None) => done(),
            Ok(Some(access)) => match self.revoke(access.record.grant).await {
                Ok(()) => done(),
                Err(_) => reply::unavailable(),
            },
        }
    }

    /// Revokes a grant; durable when this returns.
    pub(crate) async fn revoke(&self, id: GrantId) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(grant) = load::<Grant>(&self.vault, id.as_str()).await? else { return Ok(()) };
            let step = flow::revoke(&grant, self.clock.now());
            if step.changes.is_empty() {
                return Ok(());
            }
            match self.vault.commit(step.changes).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::new("too many conflicts"))
    }
}
