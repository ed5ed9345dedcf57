//! Requests that have to be refused, between two that have to be taken.

use serde_json::Value;

use super::{Ask, Case};
use crate::{
    http::{Call, Reply},
    outcome::{Outcome, Stop, Witness, twin},
};

impl Case {
    /// Two requests that are taken, each with a token of its own, and what is refused in between.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where those are not taken, and what the checks say.
    pub async fn between(
        &self,
        requirement: &str,
        checks: impl Future<Output = Result<(), Stop>>,
    ) -> Outcome {
        let one = twin(self.begin(&self.ask()).await)?;
        checks.await?;
        let other = twin(self.begin(&self.ask()).await)?;
        Witness::of_fresh(requirement, one.token(), other.token())
    }

    /// A text at the direct endpoint, of the type of JSON.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn raw(&self, text: impl Into<bytes::Bytes>) -> Result<Reply, Stop> {
        let call = Call::post(self.at("okap/authorize")).header("content-type", "application/json");
        self.send(call.body(text)).await
    }

    /// Details that are refused as such.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub async fn refuses_details(&self, requirement: &str, ask: &Ask) -> Result<(), Stop> {
        self.refuses_body(requirement, "invalid_authorization_details", &ask.shape_2()).await
    }

    /// A body that is refused with 400 and a code.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub async fn refuses_body(
        &self,
        requirement: &str,
        code: &str,
        body: &Value,
    ) -> Result<(), Stop> {
        let reply = self.request(body).await?;
        let what = format!("400 {code} for {body}");
        reply.ensure(requirement, reply.status == 400 && reply.code() == code, what)
    }

    /// A body that is taken.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub async fn takes(&self, requirement: &str, body: &Value) -> Result<Reply, Stop> {
        let reply = self.request(body).await?;
        reply.ensure(requirement, reply.status == 202, format!("202 for {body}"))?;
        Ok(reply)
    }
}
