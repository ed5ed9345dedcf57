use bytes::Bytes;
use http::HeaderMap;
use okap_engine::{
    flow::{self, Exchange, FlowError, Issued, Poll, Redeem, Refused, Renew},
    record::{Below, Code, Device, Grant, Interaction, Loaded, Outcome, Refresh, details},
    step::Step,
    token::{Seed, hash},
};
use okap_types::{
    AppName, ErrorCode, GrantId, ModelAccess, Secret, Timestamp,
    access::parse_details,
    oauth::{ACCESS_TOKEN_TYPE, TokenAnswer, TokenRequest},
    response::TokenType,
    token::{AccessToken, AuthorizationCode, DeviceCode, RefreshToken},
};

use super::{flow_refused, form, refused, unsigned};
use crate::{
    CommitError, Consent, StoreError, Vault,
    core::Core,
    reply::{self, Reply},
    vault::{TRIES, load},
};

/// Most grants that are handed on from one, those that ended within the hour among them.
const MOST_BELOW: usize = 1_000;

/// What every grant type needs besides its own members.
struct With {
    /// The thumbprint of the key that the client proved to hold.
    key: Option<String>,
    /// Less than was granted.
    narrower: Option<Vec<ModelAccess>>,
}

/// What an attempt gives: tokens or a refusal, each with what has to be committed first.
type Attempt = Result<Step<Issued>, Refused>;

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/token` (RFC 6749 section 3.2)
    pub(crate) async fn token(&self, source: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.issued(source, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn issued(&self, source: &str, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Reply> {
        let request = TokenRequest::from_form(&form(headers, body)?).map_err(|e| refused(&e))?;
        let bound = match request.client_id() {
            Some(id) => {
                // it was there when the app asked: a site that is down must not cost the grant
                let down = ErrorCode::TemporarilyUnavailable;
                let known = self.known(id, request.client_assertion(), source, down).await?;
                known.client()?.is_bound()
            }
            None if request.client_assertion().is_some() => return Err(unsigned()),
            None => false,
        };
        let key = self.client_key(source, headers, "okap/token").await?;
        if bound && key.is_none() {
            let text = "this client's document says dpop_bound_access_tokens: send a DPoP proof";
            return Err(reply::error(ErrorCode::InvalidDpopProof, text));
        }
        let narrower = request.authorization_details().map(parse_details).transpose();
        let with = With { key, narrower: narrower.map_err(|e| refused(&e))? };
        if let TokenRequest::TokenExchange { .. } = request {
            let exchange = self.throttle.exchange(source, self.clock.now());
            exchange.map_err(|wait| reply::too_many("exchanges", wait))?;
        }
        let exchanged = matches!(request, TokenRequest::TokenExchange { .. });
        let issued = self.commit_attempts(&request, &with).await?;
        let kind = if issued.bound { TokenType::Dpop } else { TokenType::Bearer };
        Ok(reply::json(
            200,
            &TokenAnswer {
                access_token: Secret::from(issued.token),
                token_type: kind,
                expires_in: issued.expires_in,
                refresh_token: issued.refresh.map(Secret::from),
                issued_token_type: exchanged.then(|| ACCESS_TOKEN_TYPE.to_owned()),
                authorization_details: details(&issued.access, &self.config.profile.issuer),
                grant_id: issued.grant,
            },
        ))
    }

    /// Asks the engine and commits what it says, again where others wrote the same records.
    async fn commit_attempts(&self, request: &TokenRequest, with: &With) -> Result<Issued, Reply> {
        let gone = |_: StoreError| reply::unavailable();
        let mut counted = false;
        for _ in 0..TRIES {
            let seed = crate::ports::seed().map_err(gone)?;
            let now = self.clock.now();
            let attempt = self.attempt(request, with, now, &seed).await.map_err(gone)?;
            if let (Ok(step), false) = (&attempt, counted) {
                self.count(request, &step.reply.first, now).await?;
                counted = true;
            }
            let (answer, changes) = match attempt {
                Ok(step) => (Ok(step.reply), step.changes),
                Err(refused) => (Err(refused.error), refused.changes),
            };
            if !changes.is_empty() {
                match self.commit(changes).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict) => continue,
                    Err(CommitError::Store(_)) => return Err(reply::unavailable()),
                }
            }
            return answer.map_err(|error| flow_refused(&error));
        }
        Err(reply::unavailable())
    }

    /// Bounds what an app does without the user, as often as it likes: renewing and handing on.
    async fn count(
        &self,
        request: &TokenRequest,
        first: &GrantId,
        now: Timestamp,
    ) -> Result<(), Reply> {
        let hands_on = matches!(request, TokenRequest::TokenExchange { .. });
        if !hands_on && !matches!(request, TokenRequest::RefreshToken { .. }) {
            return Ok(());
        }
        let mint = self.throttle.mint(first.as_str(), now);
        mint.map_err(|wait| reply::too_many("tokens of this grant", wait))?;
        match hands_on {
            true if self.below(first, now).await.map_err(|_| reply::unavailable())?
                >= MOST_BELOW =>
            {
                Err(reply::too_many("grants that were handed on from this one", 60))
            }
            _ => Ok(()),
        }
    }

    /// How many grants came of one that a user allowed, and are kept.
    async fn below(&self, first: &GrantId, now: Timestamp) -> Result<usize, StoreError> {
        let prefix = Below::all(first);
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.vault.list(&prefix, after.as_ref(), MOST_BELOW).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(last.clone());
            for (key, found) in page {
                let entry = Loaded::<Below>::read(key, Some(found)).map_err(StoreError::new)?;
                count += usize::from(entry.is_some_and(|e| e.record.until > now));
            }
        }
    }

    async fn attempt(
        &self,
        request: &TokenRequest,
        with: &With,
        now: Timestamp,
        seed: &Seed,
    ) -> Result<Attempt, StoreError> {
        let (key, narrower) = (with.key.as_deref(), with.narrower.as_deref());
        match request {
            TokenRequest::AuthorizationCode {
                code,
                redirect_uri,
                code_verifier,
                client_id,
                ..
            } => {
                let verifier = code_verifier.as_ref().map(Secret::<String>::expose);
                let with = Redeem { client_id, redirect_uri, verifier, key, narrower };
                self.redeem(code.expose(), &with, now, seed).await
            }
            TokenRequest::RefreshToken { refresh_token, client_id, .. } => {
                let Ok(token) = RefreshToken::parse(refresh_token.expose()) else {
                    return Ok(Err(unknown("refresh_token").into()));
                };
                let with = Renew { token: &token, client_id, key, narrower };
                self.renew(&with, now, seed).await
            }
            TokenRequest::DeviceCode { device_code, client_id, .. } => {
                let with = Poll { client_id, key, narrower };
                self.poll(device_code.expose(), &with, now, seed).await
            }
            TokenRequest::TokenExchange {
                subject_token,
                client_id,
                client_name,
                resource,
                dpop_jkt,
                ..
            } => {
                let delegate = match client_name.as_deref().map(AppName::new).transpose() {
                    Ok(delegate) => delegate.filter(|name| !name.is_empty()),
                    Err(error) => return Ok(Err(invalid(&error.to_string()).into())),
                };
                let with = Exchange {
                    client_id: client_id.as_deref(),
                    delegate,
                    key,
                    delegate_key: dpop_jkt.as_deref(),
                    narrower,
                };
                self.exchange(subject_token.expose(), resource.as_deref(), &with, now, seed).await
            }
        }
    }

    async fn redeem(
        &self,
        code: &str,
        with: &Redeem<'_>,
        now: Timestamp,
        seed: &Seed,
    ) -> Result<Attempt, StoreError> {
        let stored = match AuthorizationCode::parse(code) {
            Ok(_) => load::<Code>(&self.vault, &hash(code)).await?,
            Err(_) => None,
        };
        let grant = match &stored {
            Some(code) => load::<Grant>(&self.vault, code.record.grant.as_str()).await?,
            None => None,
        };
        Ok(flow::redeem(stored.as_ref(), grant.as_ref(), with, now, seed))
    }

    async fn renew(
        &self,
        with: &Renew<'_>,
        now: Timestamp,
        seed: &Seed,
    ) -> Result<Attempt, StoreError> {
        let presented = load::<Refresh>(&self.vault, &hash(with.token.expose())).await?;
        let Some(presented) = presented else { return Ok(Err(unknown("refresh_token").into())) };
        let successor = match &presented.record.rotated {
            Some(rotated) => {
                let successor = rotated.successor(with.token);
                load::<Refresh>(&self.vault, &hash(successor.expose())).await?
            }
            None => None,
        };
        let grant = load::<Grant>(&self.vault, presented.record.grant.as_str()).await?;
        let (successor, grant) = (successor.as_ref(), grant.as_ref());
        Ok(flow::refresh(Some(&presented), successor, grant, with, now, seed))
    }

    async fn poll(
        &self,
        code: &str,
        with: &Poll<'_>,
        now: Timestamp,
        seed: &Seed,
    ) -> Result<Attempt, StoreError> {
        let device = match DeviceCode::parse(code) {
            Ok(_) => load::<Device>(&self.vault, &hash(code)).await?,
            Err(_) => None,
        };
        let asked: Option<Loaded<Interaction>> = match &device {
            Some(device) => load(&self.vault, &device.record.interaction).await?,
            None => None,
        };
        let grant = match asked.as_ref().map(|a| &a.record.outcome) {
            Some(Outcome::Granted(id)) => load::<Grant>(&self.vault, id.as_str()).await?,
            _ => None,
        };
        Ok(flow::poll(device.as_ref(), asked.as_ref(), grant.as_ref(), with, now, seed))
    }

    async fn exchange(
        &self,
        subject: &str,
        resource: Option<&str>,
        with: &Exchange<'_>,
        now: Timestamp,
        seed: &Seed,
    ) -> Result<Attempt, StoreError> {
        let holder = match AccessToken::parse(subject) {
            Ok(token) => self.holder(&token).await?,
            Err(_) => None,
        };
        let Some(holder) = holder else {
            return Ok(Err(invalid("subject_token is no access token of this vault").into()));
        };
        let parts = holder.access.allows(&holder.grant).iter().map(|part| &part.provider);
        if let Err(error) = flow::check_resource(&self.config.profile, resource, parts) {
            return Ok(Err(error.into()));
        }
        let step =
            flow::exchange(&holder.access, &holder.grant, &holder.ancestors, with, now, seed);
        Ok(step.map_err(Refused::from))
    }
}

fn unknown(what: &str) -> FlowError {
    let description = format!("{what} is unknown or has ended");
    FlowError { code: ErrorCode::InvalidGrant, description }
}

fn invalid(text: &str) -> FlowError {
    FlowError { code: ErrorCode::InvalidRequest, description: text.to_owned() }
}
