//! Which client calls an OAuth endpoint, and whether it is who it says.

use std::sync::Arc;

use okap_engine::{
    assertion::{Assertion, Authenticated},
    client::Client,
    flow::FlowError,
};
use okap_types::{
    ErrorCode, Secret,
    client_document::{ClientDocument, ClientIdUrl},
    oauth::LOCAL_CLIENT,
};

use super::flow_refused;
use crate::{
    CommitError, Consent, Vault,
    clients::ClientError,
    core::Core,
    ports::es256::verify,
    reply::{self, Reply},
};

/// A client that has been looked up.
pub(super) enum Known {
    Local,
    Published { document: Arc<ClientDocument>, assertion: Option<Authenticated> },
}

impl Known {
    /// The client as the engine sees it.
    pub(super) fn client(&self) -> Result<Client<'_>, Reply> {
        match self {
            Self::Local => Ok(Client::Local),
            Self::Published { document, assertion } => {
                Client::published(document, assertion.as_ref()).map_err(|e| flow_refused(&e))
            }
        }
    }
}

fn unknown(text: impl Into<String>) -> Reply {
    reply::error(ErrorCode::InvalidClient, text)
}

impl<V: Vault, C: Consent> Core<V, C> {
    /// Finds the client of a request from `source` and checks its signature, where it sent one.
    /// `out_of_reach` is what a document that cannot be fetched means.
    pub(super) async fn known(
        &self,
        client_id: &str,
        assertion: Option<&Secret<String>>,
        source: &str,
        out_of_reach: ErrorCode,
    ) -> Result<Known, Reply> {
        if client_id == LOCAL_CLIENT {
            return match assertion {
                None => Ok(Known::Local),
                Some(_) => Err(unknown(format!("{LOCAL_CLIENT} has no key to sign with"))),
            };
        }
        let document = self.document(client_id, source, out_of_reach).await;
        let document = document.map_err(|e| flow_refused(&e))?;
        let assertion = match assertion {
            None => None,
            Some(text) => {
                let signed = self.throttle.signed(source, self.clock.now());
                signed.map_err(|wait| reply::too_many("assertions", wait))?;
                Some(self.signed(&document, text).await?)
            }
        };
        Ok(Known::Published { document, assertion })
    }

    /// Fetches the document of a client.
    pub(crate) async fn document(
        &self,
        client_id: &str,
        source: &str,
        out_of_reach: ErrorCode,
    ) -> Result<Arc<ClientDocument>, FlowError> {
        let error = |code, description: String| FlowError { code, description };
        let url: ClientIdUrl = client_id.parse().map_err(|_| {
            let text = format!(
                "client_id is neither {LOCAL_CLIENT} nor the https address of a client document"
            );
            error(ErrorCode::InvalidClient, text)
        })?;
        let Some(clients) = &self.clients else {
            let text = "this vault knows apps on this computer only".to_owned();
            return Err(error(ErrorCode::InvalidClient, text));
        };
        let now = self.clock.now();
        if !clients.is_fresh(&url, now) {
            self.throttle.fetch(source, now).map_err(|wait| {
                let text = format!("too many client documents; try again in {wait} s");
                error(ErrorCode::TemporarilyUnavailable, text)
            })?;
        }
        clients.find(&url, now).await.map_err(|why| {
            let code = match why {
                ClientError::Busy => ErrorCode::TemporarilyUnavailable,
                ClientError::Unreachable(_) => out_of_reach,
                ClientError::Invalid(_) => ErrorCode::InvalidClient,
            };
            error(code, why.to_string())
        })
    }

    /// Checks a signature and uses it up.
    async fn signed(
        &self,
        document: &ClientDocument,
        assertion: &Secret<String>,
    ) -> Result<Authenticated, Reply> {
        let issuer = self.config.profile.issuer_text();
        let checked = Assertion::read(assertion.expose())
            .and_then(|a| a.check(document, &issuer, self.clock.now(), &verify));
        let checked = checked.map_err(|error| unknown(error.to_string()))?;
        match self.commit(vec![checked.replay.clone()]).await {
            Ok(()) => Ok(checked),
            Err(CommitError::Conflict) => Err(unknown("client_assertion was used before")),
            Err(CommitError::Store(_)) => Err(reply::unavailable()),
        }
    }
}
