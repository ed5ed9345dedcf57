use bytes::Bytes;
use http::HeaderMap;
use okap_engine::flow;
use okap_types::{
    ErrorCode, Secret,
    oauth::{DeviceAnswer, DeviceRequest},
};

use super::{flow_refused, form, refused};
use crate::{
    Consent, Vault,
    core::Core,
    reply::{self, Reply},
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `POST /okap/device_authorization` (RFC 8628 section 3.1)
    pub(crate) async fn device(&self, source: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        match self.device_opened(source, headers, body).await {
            Ok(reply) | Err(reply) => reply,
        }
    }

    async fn device_opened(
        &self,
        source: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Reply, Reply> {
        let Some(page) = &self.config.device_page else {
            let text = "this vault has no page for codes of other devices";
            return Err(reply::error(ErrorCode::NotFound, text));
        };
        let request = DeviceRequest::from_form(&form(headers, body)?).map_err(|e| refused(&e))?;
        let (id, assertion) = (&request.client_id, request.client_assertion.as_ref());
        let known = self.known(id, assertion, source, ErrorCode::InvalidClient).await?;
        let app = known
            .client()?
            .on_device(request.client_name.as_deref())
            .map_err(|e| flow_refused(&e))?;
        let asked = flow::asked(&request.authorization_details, &app);
        let asked = asked.map_err(|e| flow_refused(&e))?;
        let seed = crate::ports::seed().map_err(|_| reply::unavailable())?;
        let now = self.clock.now();
        let step = flow::device(&self.config.profile, asked, app, Some(source), now, &seed)
            .map_err(|e| flow_refused(&e))?;
        let opened = step.reply;
        self.throttled(source, &opened.interaction).await?;
        self.commit(step.changes).await.map_err(|_| reply::unavailable())?;
        // a policy may decide at once; else the user does, on the page
        self.ask(&opened.interaction).await.map_err(|_| reply::unavailable())?;
        let mut complete = page.clone();
        complete.query_pairs_mut().append_pair("user_code", &opened.interaction.user_code);
        Ok(reply::json(
            200,
            &DeviceAnswer {
                device_code: Secret::from(opened.handle),
                user_code: opened.interaction.user_code.clone(),
                verification_uri: page.clone(),
                verification_uri_complete: Some(complete),
                expires_in: now.seconds_until(opened.interaction.expires),
                interval: Some(flow::DEVICE_INTERVAL.unsigned_abs()),
            },
        ))
    }
}
