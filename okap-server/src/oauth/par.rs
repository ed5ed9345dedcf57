use bytes::Bytes;
use http::HeaderMap;
use okap_engine::flow;
use okap_types::{
    ErrorCode, Secret,
    oauth::{PushedAnswer, PushedRequest},
};

use super::{flow_refused, form, refused};
use crate::{
    Consent, Vault,
    core::Core,
    reply::{self, Reply},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/par` (RFC 9126)
    pub(crate) async fn par(&self, source: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.pushed(source, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn pushed(&self, source: &str, headers: &HeaderMap, body: &[u8]) -> Result<Reply, Reply> {
        let request = PushedRequest::from_form(&form(headers, body)?).map_err(|e| refused(&e))?;
        let (id, assertion) = (&request.client_id, request.client_assertion.as_ref());
        let known = self.known(id, assertion, source, ErrorCode::InvalidClient).await?;
        let app = known
            .client()?
            .at_redirect(&request.redirect_uri, request.client_name.as_deref())
            .map_err(|e| flow_refused(&e))?;
        let key = self.client_key(source, headers, "okap/par").await?;
        let seed = crate::ports::seed().map_err(|_| reply::unavailable())?;
        let now = self.clock.now();
        let profile = &self.config.profile;
        let step = flow::pushed(profile, &request, app, key.as_deref(), Some(source), now, &seed)
            .map_err(|e| flow_refused(&e))?;
        self.throttled(source, &step.reply.interaction).await?;
        self.commit(step.changes).await.map_err(|_| reply::unavailable())?;
        Ok(reply::json(
            201,
            &PushedAnswer {
                request_uri: Secret::new(step.reply.handle),
                expires_in: flow::PUSHED_LIFETIME.unsigned_abs(),
            },
        ))
    }
}
