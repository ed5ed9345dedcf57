use bytes::Bytes;
use http::HeaderMap;
use okap_engine::{
    flow,
    record::{Access, Grant, Refresh},
    token::hash,
};
use okap_types::{
    ErrorCode, GrantId,
    oauth::RevocationRequest,
    token::{AccessToken, RefreshToken},
};

use super::{form, refused, unsigned};
use crate::{
    CommitError, Consent, StoreError, Vault,
    core::Core,
    reply::{self, Reply},
    vault::{TRIES, load},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/revoke` (RFC 7009): a token given back takes its grant with it.
    pub(crate) async fn give_back(&self, source: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.given_back(source, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn given_back(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Reply, Reply> {
        let request =
            RevocationRequest::from_form(&form(headers, body)?).map_err(|e| refused(&e))?;
        match (&request.client_id, &request.client_assertion) {
            (_, None) => {}
            (None, Some(_)) => return Err(unsigned()),
            (Some(client_id), Some(assertion)) => {
                let down = ErrorCode::TemporarilyUnavailable;
                self.known(client_id, Some(assertion), source, down).await?;
            }
        }
        let gone = |_: StoreError| reply::unavailable();
        if let Some(id) = self.grant_named_by(request.token.expose()).await.map_err(gone)? {
            let grant = load::<Grant>(&self.vault, id.as_str()).await.map_err(gone)?;
            let holder = grant.as_ref().and_then(|g| g.record.app.client_id());
            if request.client_id.is_some() && request.client_id.as_deref() != holder {
                let text = "the token was issued to another client_id";
                return Err(reply::error(ErrorCode::UnauthorizedClient, text));
            }
            self.revoke(id).await.map_err(gone)?;
        }
        Ok(reply::json(200, &serde_json::json!({})))
    }

    /// The grant of an access or refresh token, alive or not.
    async fn grant_named_by(&self, token: &str) -> Result<Option<GrantId>, StoreError> {
        if AccessToken::parse(token).is_ok() {
            let access = load::<Access>(&self.vault, &hash(token)).await?;
            return Ok(access.map(|a| a.record.grant));
        }
        if RefreshToken::parse(token).is_ok() {
            let refresh = load::<Refresh>(&self.vault, &hash(token)).await?;
            return Ok(refresh.map(|r| r.record.grant));
        }
        Ok(None)
    }

    /// Revokes a grant; durable when this returns.
    pub(crate) async fn revoke(&self, id: GrantId) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(grant) = load::<Grant>(&self.vault, id.as_str()).await? else { return Ok(()) };
            let step = flow::revoke(&grant, self.clock.now());
            if step.changes.is_empty() {
                return Ok(());
            }
            match self.commit(step.changes).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::new("too many conflicts"))
    }
}
