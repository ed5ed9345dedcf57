//! What a provider answered, passed on or told.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, header};
use okap_engine::{
    admit,
    provider::{Answer, Meter},
    record::End,
    refusal::Refusal,
};
use okap_types::{Provider, Secret};

use super::{
    Running,
    headers::{holds, passed},
};
use crate::{
    Consent, Vault,
    body::{self, Body},
    core::Core,
    reply::{self, Reply},
    stream,
};

/// Longest answer that is taken whole.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;
/// Longest error of a provider that is passed on.
const LONGEST_ERROR: usize = 1024 * 1024;

impl<V: Vault, C: Consent> Core<V, C> {
    /// Passes a provider's answer on, or what it means for the app.
    pub(super) async fn answered(
        self: Arc<Self>,
        running: Box<Running<V, C>>,
        answer: http::Response<Body>,
        key: Option<Secret<String>>,
    ) -> Result<Reply, Refusal> {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let encoded = head.headers.get(header::CONTENT_ENCODING).is_some_and(|e| e != "identity");
        if !head.status.is_success() {
            // a gateway that gave up says nothing of what was generated behind it
            let settled = match status {
                408 | 499 | 502 | 504 | 520..=526 => {
                    admit::settle_unanswered(&running.call, &running.admitted)
                }
                _ => admit::settle_refused(),
            };
            self.settle(&running, settled, status, End::Finished).await?;
            let provider = running.provider.clone();
            return match status {
                401 | 403 => Err(Refusal::UpstreamCredential(provider)),
                300..=399 => Err(Refusal::UpstreamRedirect(provider)),
                400..=499 if !encoded => {
                    Box::pin(self.pass_error(head, body, provider, key.as_ref())).await
                }
                _ => Err(Refusal::Upstream(provider, format!("it answered with status {status}"))),
            };
        }
        let kind = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        let Some(answer) = running.call.answer(kind).filter(|_| !encoded) else {
            let bound = admit::settle_unanswered(&running.call, &running.admitted);
            self.settle(&running, bound, status, End::UpstreamBroke).await?;
            let what = "its answer is of a type that no answer to this call has".to_owned();
            return Err(Refusal::Upstream(running.provider.clone(), what));
        };
        let lowered = running.admitted.ceiling.filter(|_| running.admitted.lowered);
        let body = match answer {
            Answer::Streamed => stream::pump(self, running, body, status, key.as_ref()),
            Answer::Whole => body::full(self.whole(running, body, status, key.as_ref()).await?),
        };
        let mut reply = passed(&head, key.as_ref(), body);
        if let Some(ceiling) = lowered {
            reply::set(
                &mut reply,
                HeaderName::from_static("okap-output-ceiling"),
                &ceiling.to_string(),
            );
        }
        Ok(reply)
    }

    /// Takes an answer whole; it goes to the app after its row is durable.
    async fn whole(
        self: &Arc<Self>,
        running: Box<Running<V, C>>,
        body: Body,
        status: u16,
        key: Option<&Secret<String>>,
    ) -> Result<Bytes, Refusal> {
        let read = body::read(body, LONGEST_ANSWER, self.config.answer_within).await;
        let mut meter = Meter::new(&running.call);
        let bytes = read.ok().filter(|bytes| meter.whole(bytes) && !holds(bytes, key));
        let Some(bytes) = bytes else {
            let bound = admit::settle_unanswered(&running.call, &running.admitted);
            self.settle(&running, bound, status, End::UpstreamBroke).await?;
            let what = "its answer broke off or makes no sense".to_owned();
            return Err(Refusal::Upstream(running.provider.clone(), what));
        };
        let settled = admit::settle(
            &running.call,
            &running.admitted,
            &meter.metered(),
            running.price.as_deref(),
        );
        self.settle(&running, settled, status, End::Finished).await?;
        Ok(bytes)
    }

    /// Passes a provider's own complaint on unchanged: a bad prompt, its own rate limit.
    async fn pass_error(
        &self,
        head: http::response::Parts,
        body: Body,
        provider: Provider,
        key: Option<&Secret<String>>,
    ) -> Result<Reply, Refusal> {
        let read = body::read(body, LONGEST_ERROR, self.config.request_within).await;
        match read {
            Ok(bytes) if !holds(&bytes, key) && !speaks_as_us(&bytes) => {
                Ok(passed(&head, key, body::full(bytes)))
            }
            _ => {
                Err(Refusal::Upstream(provider, format!("it answered with status {}", head.status)))
            }
        }
    }
}

/// Whether a provider's error has the member by which apps know the vault's own refusals.
fn speaks_as_us(error: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Ours {
        okap: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Ours>(error).is_ok_and(|error| error.okap.is_some())
}
