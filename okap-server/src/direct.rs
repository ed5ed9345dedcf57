//! The direct request: ask with one JSON body, fetch the outcome.

mod flat;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use okap_engine::{
    address::endpoint,
    client::Client,
    flow::{self, Fetched, Issued},
    record::{App, Change, Continuation, Identity, Interaction, Loaded, Repeated, details},
    token::hash,
};
use okap_types::{
    ErrorCode, GrantRequest, Secret, Shape, Version,
    response::{Continue, Denied, DetailsGranted, Pending, RequestGranted, Status, TokenType},
    token::ContinuationToken,
};

use crate::{
    Asked, CommitError, Consent, StoreError, Vault,
    core::Core,
    reply::{self, Reply},
    vault::{TRIES, load},
};

/// Seconds to leave between two polls.
const INTERVAL: i64 = 2;
/// Longest that an answer of `/okap/continue` is held, in seconds.
const LONGEST_WAIT: u64 = 120;
/// How often a decision taken by another process is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// What an app holds to get at an outcome, by the name it is stored under.
enum Handle {
    Continuation(String),
    Repeated(String),
}

/// What an app learns.
enum Outcome {
    Waiting(Box<Interaction>),
    Denied,
    Granted(Box<Interaction>, Box<Issued>),
    Expired,
    Gone,
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/authorize`
    pub(crate) async fn direct(&self, source: &str, body: &Bytes) -> Reply {
        let request = match GrantRequest::parse_authorize(body) {
            Ok(request) => request,
            Err(error) => return reply::parse_error(&error),
        };
        match self.open_direct(source, request, None).await {
            Ok((interaction, token)) => self.direct_opened(interaction, token).await,
            Err(refused) => refused,
        }
    }

    async fn direct_opened(&self, interaction: Interaction, token: ContinuationToken) -> Reply {
        let page = match self.ask(&interaction).await {
            Ok(Some(page)) => page,
            // decided at once, by a policy
            Ok(None) => return self.continued(token.expose(), Duration::ZERO).await,
            Err(_) => return reply::unavailable(),
        };
        let issuer = &self.config.profile.issuer;
        let pending = Pending {
            okap: Version::CURRENT,
            status: Status::Pending,
            interaction_uri: page,
            user_code: interaction.user_code.clone(),
            expires_in: self.clock.now().seconds_until(interaction.expires),
            interval: INTERVAL.unsigned_abs(),
            continuation: Continue {
                uri: endpoint(issuer, "okap/continue"),
                access_token: Secret::from(token),
            },
        };
        reply::json(202, &pending)
    }

    /// `POST /okap/continue`
    pub(crate) async fn proceed(&self, headers: &HeaderMap) -> Reply {
        let token = headers
            .get(http::header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| ContinuationToken::parse(token).ok());
        let Some(token) = token else {
            return reply::error(
                ErrorCode::InvalidToken,
                "send the continuation token as Authorization: Bearer",
            );
        };
        let name = hash(token.expose());
        if !self.throttle.poll(&name, self.clock.now(), INTERVAL) {
            let text =
                format!("poll at most every {INTERVAL} seconds, or wait with Prefer: wait=n");
            let mut slow = reply::error(ErrorCode::SlowDown, text);
            reply::set(&mut slow, http::header::RETRY_AFTER, &INTERVAL.to_string());
            return slow;
        }
        let wait = headers
            .get("prefer")
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split(',').find_map(|p| p.trim().strip_prefix("wait=")))
            .and_then(|n| n.parse::<u64>().ok())
            .map_or(Duration::ZERO, |n| Duration::from_secs(n.min(LONGEST_WAIT)));
        let answer = self.continued(token.expose(), wait).await;
        // after a final answer, too: what comes next learns that the token is gone
        let last = answer.status() != http::StatusCode::ACCEPTED;
        if last || wait >= Duration::from_secs(INTERVAL.unsigned_abs()) {
            self.throttle.answered(&name);
        }
        answer
    }

    async fn continued(&self, token: &str, wait: Duration) -> Reply {
        let name = hash(token);
        match self.outcome(&Handle::Continuation(name), wait).await {
            Err(_) => reply::unavailable(),
            Ok(Outcome::Gone) => reply::error(
                ErrorCode::InvalidToken,
                "this continuation token has been used or has ended",
            ),
            Ok(Outcome::Expired) => reply::error(
                ErrorCode::ExpiredToken,
                "the request expired before anybody decided; ask again",
            ),
            Ok(Outcome::Denied) => {
                let denied = Denied {
                    okap: Version::CURRENT,
                    status: Status::Denied,
                    reason: "the user denied the request".to_owned(),
                    error: ErrorCode::AccessDenied.as_str().to_owned(),
                };
                reply::json(403, &denied)
            }
            Ok(Outcome::Granted(interaction, issued)) => self.granted(interaction.shape, &issued),
            Ok(Outcome::Waiting(interaction)) => {
                let Ok(Asked::Visit(page)) = self.page_of(&interaction).await else {
                    return reply::unavailable();
                };
                let pending = Pending {
                    okap: Version::CURRENT,
                    status: Status::Pending,
                    interaction_uri: page,
                    user_code: interaction.user_code.clone(),
                    expires_in: self.clock.now().seconds_until(interaction.expires),
                    interval: INTERVAL.unsigned_abs(),
                    continuation: Continue {
                        uri: endpoint(&self.config.profile.issuer, "okap/continue"),
                        access_token: Secret::from(token),
                    },
                };
                reply::json(202, &pending)
            }
        }
    }

    fn granted(&self, shape: Shape, issued: &Issued) -> Reply {
        let details = details(&issued.access, &self.config.profile.issuer);
        let token = || Secret::from(issued.token.expose());
        let grant_id = issued.grant.clone();
        match (shape, details.first()) {
            (Shape::Request, Some(first)) => reply::json(
                200,
                &RequestGranted {
                    okap: Version::CURRENT,
                    status: Status::Granted,
                    token: token(),
                    access_token: token(),
                    token_type: TokenType::Bearer,
                    expires_in: issued.expires_in,
                    grant_id,
                    provider: first.provider.clone(),
                    base_url: first.base_url.clone(),
                    expires: first.expires,
                    limits: first.limits.clone(),
                    models: first.models.clone(),
                    capabilities: first.capabilities.clone(),
                },
            ),
            _ => reply::json(
                200,
                &DetailsGranted {
                    okap: Version::CURRENT,
                    status: Status::Granted,
                    token: token(),
                    access_token: token(),
                    token_type: TokenType::Bearer,
                    expires_in: issued.expires_in,
                    grant_id,
                    authorization_details: details,
                },
            ),
        }
    }

    async fn open_direct(
        &self,
        source: &str,
        request: GrantRequest,
        repeated_as: Option<&str>,
    ) -> Result<(Interaction, ContinuationToken), Reply> {
        let app = match request.client.client_id.as_deref() {
            None => App { identity: Identity::Unverified, info: request.client.clone() },
            Some(id) => {
                let document = self.document(id, source, ErrorCode::InvalidClient).await;
                let document = document.map_err(|e| reply::flow_error(&e))?;
                Client::claimed(&document).map_err(|e| reply::flow_error(&e))?
            }
        };
        let seed = crate::ports::seed().map_err(|_| reply::unavailable())?;
        let now = self.clock.now();
        let profile = &self.config.profile;
        let step = flow::direct(profile, request, app, Some(source), repeated_as, now, &seed)
            .map_err(|error| reply::flow_error(&error))?;
        let opened = step.reply;
        self.throttled(source, &opened.interaction).await?;
        self.commit(step.changes).await.map_err(|_| reply::unavailable())?;
        Ok((opened.interaction, opened.handle))
    }

    /// Asks for consent; `Some` is the page to visit, `None` means that it is decided.
    pub(crate) async fn ask(&self, asked: &Interaction) -> Result<Option<url::Url>, StoreError> {
        match self.consent.ask(asked, self.clock.now()).await {
            Asked::Visit(page) => Ok(Some(page)),
            Asked::Decided(owner, decision) => {
                let shown = flow::shown(asked);
                let decided = self.decide(&asked.id, &owner, &shown, &decision).await;
                if let Err(error) = decided {
                    tracing::warn!(%error, "a policy's approval does not hold; denied");
                    self.decide(&asked.id, &owner, &shown, &flow::Decision::Deny)
                        .await
                        .map_err(StoreError::new)?;
                }
                Ok(None)
            }
        }
    }

    async fn page_of(&self, asked: &Interaction) -> Result<Asked, StoreError> {
        Ok(self.consent.ask(asked, self.clock.now()).await)
    }

    /// Where a handle leads, and the change that uses it up.
    async fn follow(&self, handle: &Handle) -> Result<Option<(String, Change)>, StoreError> {
        Ok(match handle {
            Handle::Continuation(name) => {
                let found = load::<Continuation>(&self.vault, name).await?;
                found.map(|c| (c.record.0.interaction.clone(), c.remove()))
            }
            Handle::Repeated(name) => {
                let found = load::<Repeated>(&self.vault, name).await?;
                found.map(|r| (r.record.0.interaction.clone(), r.remove()))
            }
        })
    }

    /// Looks up an outcome, waiting for it if it is not there.
    async fn outcome(&self, handle: &Handle, wait: Duration) -> Result<Outcome, StoreError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut conflicts = 0;
        loop {
            // before the look, so that no decision falls between look and wait
            let decided = self.decided.notified();
            let Some((id, last_word)) = self.follow(handle).await? else {
                return Ok(Outcome::Gone);
            };
            let Some(asked): Option<Loaded<Interaction>> = load(&self.vault, &id).await? else {
                return Ok(Outcome::Gone);
            };
            let grant = match &asked.record.outcome {
                okap_engine::record::Outcome::Granted(grant) => {
                    load(&self.vault, grant.as_str()).await?
                }
                _ => None,
            };
            let seed = crate::ports::seed()?;
            let now = self.clock.now();
            let step = flow::fetch(&asked.record, grant.as_ref(), last_word, now, &seed);
            if !step.changes.is_empty() {
                match self.commit(step.changes).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict) if conflicts < TRIES => {
                        conflicts += 1;
                        continue;
                    }
                    Err(CommitError::Conflict) => {
                        return Err(StoreError::new("too many conflicts"));
                    }
                    Err(CommitError::Store(error)) => return Err(error),
                }
            }
            match step.reply {
                Fetched::Denied => return Ok(Outcome::Denied),
                Fetched::Expired => return Ok(Outcome::Expired),
                Fetched::Issued(issued) => {
                    return Ok(Outcome::Granted(Box::new(asked.record), issued));
                }
                Fetched::Waiting => {}
            }
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Ok(Outcome::Waiting(Box::new(asked.record)));
            }
            let nap = LOOK_AGAIN.min(deadline - now);
            let _ = tokio::time::timeout(nap, decided).await;
        }
    }
}
